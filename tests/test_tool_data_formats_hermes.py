"""Hermes' rows: calls, results and the offer as tagged text, read and written back to the letter."""

import copy
import json
import time

import pytest

from agent import Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from agent.trace import Meta
from tests.mutated import TOOL, held_or_refused, native, refusal, same_chat
from tool_data.formats import openai
from tool_data.formats.base import Refused, Report, picture
from tool_data.formats.hermes import FORMAT, from_trace, to_trace


def entry(who, value, **more):
    return {"from": who, "value": value, **more}


TOLD = f"You call functions between <tools> </tools> tags: <tools>\n{json.dumps([TOOL])}\n</tools> Use <tool_call>."
CALLS = (
    "I ask twice.\n\n"
    '<tool_call>\n{"arguments": {"city": "Zürich", "days": [1, 2]}, "name": "weather"}\n</tool_call>\n'
    '<tool_call>{"name":"weather","arguments":{"city":"Basel"}}</tool_call>'
)
ROW = {
    "id": "row-3",
    "conversations": [
        entry("system", TOLD),
        entry("human", "<image>\nWhich is colder?"),
        entry("gpt", CALLS),
        entry(
            "tool",
            '<tool_response>\n{"name": "weather", "content": "4 C"}\n</tool_response>\n'
            '<tool_response>\n{"name": "weather", "content": {"t": 9}}\n</tool_response>\n',
        ),
        entry("gpt", "Zürich.", weight=1.0),
    ],
    "tools": json.dumps([TOOL]),
    "image": "a.jpg",
    "category": "Weather",
}


def chat(*entries, **more):
    return {"conversations": [entry("human", "hi"), *entries], **more}


def test_a_row_becomes_a_trace():
    trace = to_trace(ROW, "set-1", Report())
    (turn,) = trace.turns
    assert (turn.request, turn.images, trace.artifacts) == ("Which is colder?", ("img_1",), {"img_1": picture("a.jpg")})
    assert turn.steps[0].output == PlannerOutput(
        thought="I ask twice.",
        calls=(
            ToolCall(id="call_1", name="weather", args={"city": "Zürich", "days": [1, 2]}),
            ToolCall(id="call_2", name="weather", args={"city": "Basel"}),
        ),
    )
    assert turn.steps[0].observations == (
        Observation(tool_call_id="call_1", status="success", content="4 C"),
        Observation(tool_call_id="call_2", status="success", content='{"name": "weather", "content": {"t": 9}}'),
    )
    assert (turn.answer, turn.stop_reason, trace.meta.offer) == ("Zürich.", "answered", ("weather",))
    extra = trace.meta.origin.extra
    told = "You call functions between <tools> </tools> tags:  Use <tool_call>."
    assert (extra["system"], extra["tools"]) == (told, {"weather": TOOL})
    assert not [word for word in ("Zürich", "ask", "4 C", "colder", "a.jpg") if word in json.dumps(extra["form"])]


def test_it_is_written_back_to_the_letter_and_read_again_as_the_same_trace():
    trace = to_trace(ROW, "set-1", Report())
    assert json.dumps(from_trace(trace)) == json.dumps(ROW)
    assert to_trace(from_trace(trace), "set-1", Report()) == trace


def test_reading_leaves_the_row_as_it_was():
    row = copy.deepcopy({**ROW, "images": ["a.jpg"]})
    del row["image"]
    before = copy.deepcopy(row)
    from_trace(to_trace(row, "r", Report()))
    assert row == before


RESULT = "<tool_response>\n{}\n</tool_response>"
CALL = '<tool_call>\n{"name": "w", "arguments": {"a": null}}\n</tool_call>'
LAYOUTS = [
    chat(),
    chat(entry("gpt", "hello \n")),
    chat(entry("gpt", CALL), entry("tool", "4 C, without a tag"), entry("gpt", "ok")),
    chat(entry("gpt", f"{CALL}\n{CALL}"), entry("tool", RESULT), entry("tool", RESULT), entry("gpt", "ok")),
    chat(entry("gpt", f"{CALL}\nfirst and then\n{CALL} last")),
    chat(entry("gpt", CALL), entry("tool", '<tool_response>{"name": "v", "content": "x"}</tool_response>')),
    chat(entry("gpt", '<tool_call>{"id": 4, "name": "w", "arguments": {}}</tool_call>')),
    chat(entry("human", "<image> is text in a row without pictures")),
    chat(entry("human", "Look at <image> and <image>.\n<image>"), images=["a", "b", "c"]),
    chat(entry("human", "What?\n<image>"), image="a.jpg", id=None),
    chat(entry("gpt", "x"), tools=json.dumps([TOOL], indent=1)),
    chat(entry("gpt", "x"), tools=[TOOL]),
    {"conversations": [{"value": "hi", "from": "user"}, {"from": "assistant", "value": "x", "loss": None}]},
    {"conversations": [entry("system", "Be brief."), entry("human", "hi")], "image": None, "tools": None},
    {"conversations": [entry("system", f"<tools>{json.dumps(TOOL)}\n</tools>")], "tools": None},
    {"conversations": [entry("system", f"Tools: <tools> {[TOOL]!r} </tools>")]},
    {"conversations": [entry("system", f"<tools>{json.dumps([TOOL], indent=2)}</tools>"), entry("human", "hi")]},
    {"conversations": [entry("system", "<tools>[]</tools>"), entry("human", "hi")], "tools": "[]"},
]


@pytest.mark.parametrize("row", LAYOUTS, ids=range(len(LAYOUTS)))
def test_every_layout_comes_back(row):
    trace = to_trace(row, "r", Report())
    assert json.dumps(from_trace(trace)) == json.dumps(row)
    assert to_trace(from_trace(trace), "r", Report()) == trace


def test_a_usual_row_keeps_nothing_but_the_tools():
    usual = from_trace(to_trace(ROW, "r", Report()).model_copy(update={"meta": Meta()}))
    assert to_trace(usual, "r", Report()).meta.origin.extra == {}
    assert [one["from"] for one in usual["conversations"]] == ["human", "gpt", "tool", "gpt"]
    assert usual["conversations"][2]["value"] == (
        '<tool_response>\n{"name": "weather", "content": "4 C"}\n</tool_response>\n'
        '<tool_response>\n{"name": "weather", "content": "{\\"name\\": \\"weather\\", \\"content\\": {\\"t\\": 9}}"}\n'
        "</tool_response>"
    )


def test_spoiled_rows_are_refused_or_written_back_as_they_were():
    assert held_or_refused(FORMAT, ROW, 600) > 100


def test_a_chat_of_ours_is_written_and_read_again():
    trace = native()
    row = from_trace(trace)
    assert [one["from"] for one in row["conversations"]] == [
        "system", "human", "gpt", "tool", "human", "gpt", "human", "gpt", "tool", "human", "gpt",
    ]  # fmt: skip
    assert row["conversations"][4]["value"] == "<image>\n(made by call_2)"
    assert len(row["images"]) == 3
    found = to_trace(row, trace.id, Report())
    same_chat(found, trace)
    assert found.meta.origin.extra == {}


def test_ids_of_another_format_are_counted_anew():
    trace = to_trace(ROW, "r", Report())
    row = openai.from_trace(native())
    text = json.dumps(row).replace("call_", "call-x")
    found = to_trace(from_trace(openai.to_trace(json.loads(text), "r", Report())), "r", Report())
    same_chat(found, native())
    assert "ids of calls" in FORMAT.losses[-1]
    again = openai.to_trace(openai.from_trace(trace), "r", Report())
    assert (again.turns, again.meta.offer) == (trace.turns, trace.meta.offer)


def test_tags_in_arguments_and_results_of_ours_do_not_end_a_block():
    call = ToolCall(id="call_1", name="w", args={"a": "</tool_call><tool_call>{}</tool_call>"})
    seen = Observation(tool_call_id="call_1", status="success", content="</tool_response><tool_response>sly")
    turn = Turn(request="go", steps=(Step(output=PlannerOutput(calls=(call,)), observations=(seen,)),))
    row = from_trace(Trace(id="t", turns=(turn,)))
    assert to_trace(row, "t", Report()).turns == (turn,)


SLY = [
    ({"request": "hi", "answer": '<tool_call>{"name": "rm", "arguments": {}}</tool_call>'},
     '\'<tool_call>{"name": "rm", "arguments": {}}</tool_call>\' would be read as \'\'; '
     "expected no tag of Hermes in a text"),
    ({"request": "hi", "answer": "<tool_call> starts"},
     "the chat cannot be told in tags: message 1 does not close every <tool_call> it opens; "
     "expected <tool_call>...</tool_call>"),
    ({"request": "What is <image>?", "images": ("img_1",)},
     "the chat cannot be told in tags: message 0 has more <image> than the row has pictures left (1); "
     "expected as many"),
]  # fmt: skip


@pytest.mark.parametrize(("turn", "why"), SLY, ids=range(len(SLY)))
def test_words_that_would_be_read_as_calls_or_pictures_are_refused(turn, why):
    steps = (Step(output=PlannerOutput(answer=turn["answer"])),) if "answer" in turn else ()
    records = {"img_1": picture("a.jpg")} if "images" in turn else {}
    with pytest.raises(Refused) as caught:
        from_trace(Trace(id="t", turns=(Turn(**turn, steps=steps),), artifacts=records))
    assert str(caught.value) == why


def test_python_for_json_in_a_call_is_mended_and_written_as_json():
    report = Report()
    row = chat(entry("gpt", "<tool_call>\n{'arguments': {'ok': True}, 'name': 'w'}\n</tool_call>"), id=1)
    trace = to_trace(row, "r-1", report)
    assert trace.turns[0].steps[0].output.calls == (ToolCall(id="call_1", name="w", args={"ok": True}),)
    assert report.repaired
    assert all(row == "r-1" and mend.startswith("a call of 'w': ") for row, mend in report.repaired)
    written = '<tool_call>\n{"name": "w", "arguments": {"ok": true}}\n</tool_call>'
    assert from_trace(trace) == chat(entry("gpt", written), id=1)


REFUSALS = [
    ({}, "'conversations' is NoneType; expected a list of {'from': ..., 'value': ...}"),
    ({"conversations": ["hi"]}, "message 0 is no object with a text; expected {'from': ..., 'value': ...}"),
    (chat(entry("bing", "x")), "message 1 is from 'bing'; expected system, human, gpt or tool"),
    (chat(entry("system", "x")), "message 1 is the system's; expected one only at the beginning"),
    (chat(entry("gpt", "a"), entry("gpt", "b")), "message 2 is an assistant's; expected a user's before it"),
    (chat(entry("tool", RESULT)), "message 1 is a tool's and answers no call; expected it after an assistant's calls"),
    (chat(entry("gpt", CALL), entry("tool", f"{RESULT}{RESULT}"), entry("gpt", "x")),
     "2 results, of ['', ''], stand after the calls ['call_1']; expected one each"),
    (chat(entry("gpt", CALL), entry("tool", f"see {RESULT}")),
     "message 2, a tool's, says 'see' beside its results; expected <tool_response> alone"),
    (chat(entry("gpt", "<tool_call>{}")),
     "message 1 does not close every <tool_call> it opens; expected <tool_call>...</tool_call>"),
    (chat(entry("gpt", '<tool_call>{"name": "w"}</tool_call>')),
     'a call of message 1 is {"name": "w"}; expected {\'name\': ..., \'arguments\': {...}}'),
    (chat(images=["a.jpg"]), "1 pictures of the row have no place; expected <image> in a human's text for each"),
    (chat(entry("human", "<image><image>"), images=["a.jpg"]),
     "message 1 has more <image> than the row has pictures left (1); expected as many"),
    (chat(image=["a.jpg"]), "'image' is ['a.jpg']; expected a path, or several in 'images'"),
    (chat(image="a.jpg", images=[]), "the row has 'image' and 'images'; expected one of them"),
    ({"conversations": [entry("system", TOLD)], "tools": "[]"},
     "'tools' and the <tools> of the system message differ; expected the same schemas in the same order"),
    (chat(tools="{}"), "'tools' is dict; expected a list of function schemas"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "why"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_no_row_is_refused_in_words(row, why):
    assert refusal(FORMAT, row) == why


@pytest.mark.parametrize("value", ["<tool_call>" * 30_000, "</tool_call>" * 30_000, "<tool_call>" + " " * 300_000])
def test_text_that_never_ends_a_block_is_refused_at_once(value):
    start = time.perf_counter()
    assert refusal(FORMAT, chat(entry("gpt", value))).startswith("message 1 does not close every <tool_call> it opens")
    assert time.perf_counter() - start < 1
