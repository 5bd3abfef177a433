"""TACO's traces: all 132 shared rows there and back; rows of our own for what those do not show."""

import json
from collections import Counter

import pytest

from agent.trace import CallError, Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from tool_data.formats.base import Refused, Report, read, rows, take
from tool_data.formats.repair import repaired
from tool_data.formats.taco import FORMAT, from_trace, to_trace
from tool_data.formats.taco_text import CAUTION, IDLE


def says(thought="", name="", **arguments):
    actions = [{"name": name, "arguments": arguments}] if name else []
    return {"role": "assistant", "content": json.dumps({"thought": thought, "actions": actions})}


def sees(text, head="OBSERVATION:\n", tail=CAUTION):
    return {"role": "observation", "content": f"{head}{text}{tail}"}


def row(*turns, **beside):
    return {"file": "10/all_messages.pkl", "question": "What does it say?", "turns": list(turns), **beside}


END = says("Done.", "Terminate", answer="EXIT")
READ = says("I read it.", "OCR", image="image-0")
TEXT = sees("{'text': 'EXIT'}")
ODD = '{ "actions": [{"name": "OCR", "arguments": {"image": "image-0"}}], "thought": "I read it.", "score": 1 }'
WELL_FORMED = {
    "usual": row(READ, TEXT, END),
    "no tool": row(END),
    "nothing came of it": row(READ, READ, TEXT, END),
    "no action": row(says("I look."), sees(IDLE), END),
    "no action, another reply": row(says("I look."), sees("{'message': 'Go on.'}"), END),
    "no action, no reply": row(says("I look."), END),
    "no answer": row(READ, TEXT),
    "no answer, no reply": row(says("I look.")),
    "observation cut off": row(READ, sees("{'text': 'EX", tail=""), END),
    "observation bare": row(READ, sees("EXIT", head="", tail=""), END),
    "head and tail share a line break": row(READ, sees("", tail=CAUTION[1:]), END),
    "compact": row({"role": "assistant", "content": '{"thought":"é","actions":[]}'}, sees(IDLE)),
    "escaped": row({"role": "assistant", "content": '{"thought":"\\u00e9","actions":[]}'}, sees(IDLE)),
    "two ways of writing": row(READ, TEXT, {"role": "assistant", "content": ODD}, TEXT, END),
    "empty text": row(READ, sees(""), END),
    "other keys": {"turns": [{"content": END["content"], "role": "assistant", "n": 1}], "question": "Q", "id": 3},
    "other tools and arguments": row(says("", "OCR", image="image-0", lang="de"), says("", "Zap", x=[1.5, None]), END),
    "crop": row(says("", "Crop", image="image-0", bbox=[0, 0.25, 0.5, 1]), sees("{'image': 'image-1: '}"), END),
    "a box in pixels": row(says("", "Crop", image="image-0", bbox=[0, 25, 50, 100]), END),
    "no such picture": row(says("", "OCR", image="image-00"), says("", "OCR", image="img_1"), END),
}


@pytest.mark.parametrize("source", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_row_comes_back_as_it_was(source):
    report = Report()
    trace = to_trace(source, "mmvet-1", report)
    assert json.dumps(from_trace(trace)) == json.dumps(source)
    assert to_trace(from_trace(trace), "mmvet-1", report) == trace == Trace.from_json(trace.to_json())
    assert report.repaired == []


def test_the_shared_rows_come_back_as_they_were(shared):
    path = shared("taco/taco_mmvet_traces.jsonl")
    report = Report()
    traces = list(read(path, FORMAT, report))
    assert str(report) == "132 rows read, 132 kept (0 of them repaired), 0 refused"
    for source, trace in zip(rows(path), traces, strict=True):
        assert json.dumps(from_trace(trace)) == json.dumps(source)
    steps = [step for trace in traces for step in trace.turn.steps]
    assert (len(steps), sum(len(step.observations) for step in steps)) == (289, 149)
    assert Counter(call.name for step in steps for call in step.output.calls) == {
        "read_text": 67,
        "tag": 55,
        "calculate": 21,
        "detect": 4,
        "QueryKnowledgeBase": 3,
        "QueryLanguageModel": 2,
    }
    assert sum(not step.output.calls and step.output.answer is None for step in steps) == 5
    assert Counter(tuple(trace.artifacts) for trace in traces) == {("img_1",): 121, (): 7, ("img_1", "img_2"): 4}
    assert {trace.turn.stop_reason for trace in traces} == {"answered"}


def test_a_row_is_one_turn_with_our_names():
    look = says("I look.", "LocalizeObjects", image="image-0", objects=["sign"])
    drawn = "{'image': 'image-1: drawn', 'regions': []}"
    trace = to_trace(row(look, sees(drawn), says("", "OCR", image="image-1"), TEXT, END), "mmvet-1", Report())
    detect = ToolCall(id="call_1", name="detect", args={"image": "img_1", "objects": ["sign"]})
    read_text = ToolCall(id="call_2", name="read_text", args={"image": "img_2"})
    assert trace.turn == Turn(
        request="What does it say?",
        images=("img_1",),
        steps=(
            Step(
                output=PlannerOutput(thought="I look.", calls=(detect,)),
                observations=(
                    Observation(tool_call_id="call_1", status="success", content=drawn, artifacts=("img_2",)),
                ),
            ),
            Step(
                output=PlannerOutput(calls=(read_text,)),
                observations=(Observation(tool_call_id="call_2", status="success", content="{'text': 'EXIT'}"),),
            ),
            Step(output=PlannerOutput(thought="Done.", answer="EXIT")),
        ),
        answer="EXIT",
        stop_reason="answered",
    )
    held = [(name, one.path, one.source, one.view) for name, one in trace.artifacts.items()]
    assert held == [("img_1", "image-0", "user", False), ("img_2", "image-1", "call_1", True)]
    assert trace.meta.origin.extra == {"file": "10/all_messages.pkl"}


def test_a_failed_action_is_an_error():
    text = "{'message': \"Execution failed with <class 'KeyError'>: 'x'.\"}"
    trace = to_trace(row(READ, sees(text), END), "mmvet-1", Report())
    (seen,) = trace.turn.steps[0].observations
    assert (seen.status, seen.error) == ("error", CallError(type="skill_error", message=text))


def test_only_what_is_laid_out_otherwise_is_kept():
    def form(name):
        return to_trace(WELL_FORMED[name], "mmvet-1", Report()).meta.origin.extra["form"]

    assert form("compact") == {"json": "compact utf-8"}
    assert form("two ways of writing") == {"texts": {"2": ODD}}
    assert form("observation cut off") == {"wrappings": {"1": ["OBSERVATION:\n", ""]}}
    assert form("no action, no reply") == {"replies": {"1": None}}


def test_a_changed_step_is_written_anew():
    trace = to_trace(WELL_FORMED["two ways of writing"], "mmvet-1", Report())
    output = trace.turn.steps[1].output.model_copy(update={"thought": "Once more."})
    steps = (trace.turn.steps[0], trace.turn.steps[1].model_copy(update={"output": output}), trace.turn.steps[2])
    back = from_trace(trace.with_end(steps=steps))
    assert back["turns"][2] == says("Once more.", "OCR", image="image-0")


def test_malformed_json_is_mended_and_said():
    def assistant(content):
        return {"role": "assistant", "content": content}

    report = Report()
    fenced = assistant(f"```json\n{READ['content']}\n```")
    unclosed = assistant(READ["content"][:-1])
    number = says("Done.", "Terminate", answer=13.5)
    trace = to_trace(row(fenced, TEXT, unclosed, TEXT, number), "mmvet-1", report)
    assert from_trace(trace) == row(READ, TEXT, READ, TEXT, says("Done.", "Terminate", answer="13.5"))
    (mend,) = repaired(unclosed["content"])[1]
    assert report.repaired == [
        ("mmvet-1", "message of step 1: a ```json fence taken off"),
        ("mmvet-1", f"message of step 2: {mend}"),
        ("mmvet-1", "message of step 3: the answer 13.5 is a number, made text"),
    ]


def actions(*names):
    found = [{"name": name, "arguments": {}} for name in names]
    return {"role": "assistant", "content": json.dumps({"thought": "", "actions": found})}


SAVED = "the row cannot be saved as a Trace; expected finite numbers, whole characters and few levels (ValidationError"
FORM = 'it is not of the form {"file": text, "question": text, "turns": [message, ...]}'
REFUSED = {
    "no turns": (row(), FORM),
    "no question": ({"turns": [END]}, FORM),
    "unknown role": (
        row({"role": "user", "content": "Hi"}),
        'message 1: it is not of the form {"role": "assistant" or "observation", "content": text}',
    ),
    "no JSON": (row({"role": "assistant", "content": '{"thought": "I rea'}), "message 1: "),
    "no actions": (
        row({"role": "assistant", "content": '{"thought": "Hm"}'}),
        'message 1: it is no {"thought": text, "actions": [{"name", "arguments"}]}',
    ),
    "thought": (
        row({"role": "assistant", "content": '{"thought": 1, "actions": []}'}),
        "message 1: its thought is 1; expected text",
    ),
    "two actions": (
        row(actions("OCR", "Zap")),
        "message 1: it has 2 actions, of which TACO runs the first alone; expected one",
    ),
    "no name": (
        row(actions(None)),
        "message 1: its action is {'name': None, 'arguments': {}}; expected {\"name\": text, \"arguments\": {...}}",
    ),
    "no answer": (
        row(actions("Terminate")),
        'message 1: Terminate has the arguments {}; expected {"answer": text}',
    ),
    "after the end": (row(END, READ), "message 2: it stands after Terminate; expected nothing there"),
    "observation first": (
        row(TEXT, END),
        "message 1: it is an observation that answers no message; expected an assistant's",
    ),
    "two observations": (
        row(READ, TEXT, TEXT, END),
        "message 3: it is an observation that answers no message; expected an assistant's",
    ),
    "our own name": (
        row(says("", "read_text", image="img_1"), END),
        "message 1: its action 'read_text' is named as our skill is, which TACO calls otherwise",
    ),
    "no JSON beside": (
        row(END, score=float("nan")),
        SAVED,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_row_is_refused_and_nothing_noted(name):
    source, why = REFUSED[name]
    report = Report()
    with pytest.raises(Refused) as refused:
        take(FORMAT, source, "mmvet-1", report)
    assert str(refused.value).startswith(why) if why in (SAVED, "message 1: ") else str(refused.value) == why
    assert report.repaired == []


def test_a_trace_that_taco_cannot_hold_is_refused():
    def one(*steps):
        return Trace(id="mine", turns=(Turn(request="Hi", steps=steps),))

    def calling(*names):
        calls = tuple(ToolCall(id=f"call_{at}", name=name) for at, name in enumerate(names, start=1))
        return Step(output=PlannerOutput(calls=calls))

    answering = Step(output=PlannerOutput(answer="Hello"))
    for trace, why in [
        (Trace(id="mine"), "it has 0 turns, the last of 0 steps; taco holds one turn with steps"),
        (one(), "it has 1 turns, the last of 0 steps; taco holds one turn with steps"),
        (one(calling("tag", "caption")), "step 1 has 2 calls; taco holds one a message"),
        (one(calling("Terminate")), "step 1 calls 'Terminate', which taco would read as the answer"),
        (one(answering, answering), "step 1 of 2 answers; taco answers in the last"),
    ]:
        with pytest.raises(Refused) as refused:
            from_trace(trace)
        assert str(refused.value) == why


def test_a_trace_of_our_own_gets_tacos_names():
    call = ToolCall(id="call_1", name="crop", args={"region": [0, 0, 0.5, 0.5], "image": "img_2"})
    seen = Observation(tool_call_id="call_1", status="success", content="img_3")
    steps = (Step(output=PlannerOutput(calls=(call,)), observations=(seen,)), Step(output=PlannerOutput(answer="x")))
    trace = Trace(id="mine", turns=(Turn(request="Cut it", steps=steps, answer="Here: img_3"),))
    assert from_trace(trace) == {
        "question": "Cut it",
        "turns": [
            says("", "Crop", bbox=[0, 0, 0.5, 0.5], image="image-1"),
            sees("img_3"),
            says("", "Terminate", answer="Here: img_3"),
        ],
    }
