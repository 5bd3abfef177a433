"""OpenAI's rows: read and written back to the letter, whatever their layout; what is amiss is mended or refused."""

import json

import pytest

from agent import Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from agent.trace import Meta
from skills.registry import CONTRACT
from skills.store import Artifact
from tests.mutated import TOOL, held_or_refused, native, refusal, same_chat
from tool_data.formats import hermes, taco, trl
from tool_data.formats.base import Refused, Report, picture, read
from tool_data.formats.openai import FORMAT, from_trace, to_trace


def call(name, arguments, call_id):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


ROW = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Is it cold here?"},
                {"type": "image_url", "image_url": {"url": "photos/a.jpg", "detail": "low"}},
                {"type": "text", "text": "Look\nwell."},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                call("weather", '{"city":"Z\\u00fcrich"}', "c1"),
                call("detect", '{"objects": ["snow", "ice"], "threshold": 0.5}', "c2"),
            ],
        },
        {"role": "tool", "tool_call_id": "c2", "content": "none"},
        {"role": "tool", "content": "4 C", "tool_call_id": "c1", "name": "weather"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "m.jpg"}},
                {"type": "text", "text": "(made by c1)"},
            ],
        },
        {"role": "assistant", "content": "Yes.", "weight": 0},
    ],
    "tools": [TOOL],
    "parallel_tool_calls": False,
    "id": 3,
}


PICTURE = [{"type": "image_url", "image_url": {"url": "a.jpg"}}]


def chat(*messages, **more):
    return {"messages": [{"role": "user", "content": "hi"}, *messages], **more}


def test_a_row_becomes_a_trace_with_every_word_in_its_place():
    report = Report()
    trace = to_trace(ROW, "set-1", report)
    (turn,) = trace.turns
    assert (turn.request, turn.images) == ("Is it cold here?\nLook\nwell.", ("img_1",))
    assert turn.steps[0].output == PlannerOutput(
        calls=(
            ToolCall(id="c1", name="weather", args={"city": "Zürich"}),
            ToolCall(id="c2", name="detect", args={"objects": ["snow", "ice"], "threshold": 0.5}),
        )
    )
    assert turn.steps[0].observations == (
        Observation(tool_call_id="c1", status="success", content="4 C", artifacts=("img_2",)),
        Observation(tool_call_id="c2", status="success", content="none"),
    )
    assert (turn.steps[1].output.answer, turn.answer, turn.stop_reason) == ("Yes.", "Yes.", "answered")
    made = picture("m.jpg", "img_2").model_copy(update={"source": "c1"})
    assert trace.artifacts == {"img_1": picture("photos/a.jpg"), "img_2": made}
    assert (trace.id, trace.meta.offer, report.repaired) == ("set-1", ("weather",), [])


def test_it_is_written_back_to_the_letter_and_read_again_as_the_same_trace():
    trace = to_trace(ROW, "set-1", Report())
    assert json.dumps(from_trace(trace)) == json.dumps(ROW)
    assert to_trace(from_trace(trace), "set-1", Report()) == trace
    assert Trace.from_json(trace.to_json()) == trace


def test_what_is_kept_beside_the_chat_holds_no_word_of_it():
    extra = to_trace(ROW, "set-1", Report()).meta.origin.extra
    assert (extra["system"], extra["tools"]) == ("Be brief.", {"weather": TOOL})
    kept = json.dumps(extra["form"])
    assert not [word for word in ("cold", "a.jpg", "snow", "4 C", "Yes") if word in kept]
    assert extra["form"]["row"] == {"messages": "", "tools": "", "parallel_tool_calls": False, "id": 3}


def test_a_row_as_usual_keeps_nothing_but_its_system_text_and_tools():
    row = chat({"role": "assistant", "tool_calls": [call("crop", '{"region": "boxes_1"}', "a")]})
    assert to_trace(row, "r", Report()).meta.origin.extra == {}
    assert from_trace(to_trace(row, "r", Report())) == row


LAYOUTS = [
    chat(),
    chat({"role": "user", "content": "and?"}, {"role": "assistant", "content": ""}),
    chat({"role": "assistant", "content": None, "refusal": "no"}, tools=[], seed=None),
    chat({"content": "ok", "role": "assistant", "tool_calls": []}, tools=None),
    {"tools": [TOOL], "messages": [{"role": "developer", "content": [{"type": "text", "text": "a"}]}]},
    chat({"role": "assistant", "content": "I look.", "tool_calls": [call("w", "{}", "x")]}),
    chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b?c=d"}}]}),
    chat({"role": "user", "content": []}, {"role": "user", "content": [{"type": "text", "text": ""}]}),
]


@pytest.mark.parametrize("row", LAYOUTS, ids=range(len(LAYOUTS)))
def test_every_layout_comes_back(row):
    trace = to_trace(row, "r", Report())
    assert json.dumps(from_trace(trace)) == json.dumps(row)
    assert to_trace(from_trace(trace), "r", Report()) == trace


def test_spoiled_rows_are_refused_or_written_back_as_they_were():
    assert held_or_refused(FORMAT, ROW, 600) > 150


def test_a_chat_of_ours_is_written_and_read_again():
    trace = native()
    row = from_trace(trace)
    assert row["tools"][0]["function"]["name"] == CONTRACT[0]
    assert [tool["function"]["name"] for tool in row["tools"]] == list(trace.meta.offer)
    assert [message["role"] for message in row["messages"]] == [
        "user", "assistant", "tool", "tool", "user", "assistant", "user", "assistant", "tool", "user", "assistant",
    ]  # fmt: skip
    assert row["messages"][4]["content"][1] == {"type": "text", "text": "(made by call_2)"}
    assert row["messages"][5] == {"role": "assistant", "content": "It is 5, see img_2."}
    found = to_trace(row, trace.id, Report())
    same_chat(found, trace)
    assert found.meta.origin.extra == {}


def test_a_trace_that_was_changed_falls_back_to_the_usual_layout():
    trace = to_trace(ROW, "r", Report())
    turn = trace.turns[0].model_copy(update={"request": "Other words."})
    row = from_trace(trace.model_copy(update={"turns": (turn,)}))
    assert row["messages"][1]["content"] == [
        {"type": "image_url", "image_url": {"url": "photos/a.jpg"}},
        {"type": "text", "text": "Other words."},
    ]
    assert row["messages"][2:] == ROW["messages"][2:]


def test_mends_are_noted():
    report = Report()
    messages = [
        {"role": "assistant", "tool_calls": [call("w", "{'a': True}", "c"), call("v", "", "d")]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "tool", "tool_call_id": "d", "content": "2"},
        {"role": "assistant", "tool_calls": [call("w", "{}", "c")]},
        {"role": "tool", "tool_call_id": "c", "content": "3"},
    ]
    trace = to_trace(chat(*messages), "r-1", report)
    assert [step.output.calls[0].id for step in trace.turns[0].steps] == ["c", "c_again"]
    assert trace.turns[0].steps[1].observations[0].tool_call_id == "c_again"
    assert trace.turns[0].steps[0].output.calls[0].args == {"a": True}
    assert {row for row, _ in report.repaired} == {"r-1"}
    mends = [mend for _, mend in report.repaired]
    assert mends[-1] == "the call id 'c' is used again; it is now 'c_again'"
    assert "arguments of 'v': none, where {} is meant" in mends
    assert any(mend.startswith("arguments of 'w': ") and "True" in mend for mend in mends)
    written = from_trace(trace)["messages"][1]["tool_calls"]
    assert [one["function"]["arguments"] for one in written] == ['{"a": true}', "{}"]


CALLS = {"role": "assistant", "tool_calls": [call("w", "{}", "c"), call("w", "{}", "d")]}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "1"}
REFUSALS = [
    ({"messages": "hi"}, "'messages' is str; expected a list of objects with 'role' and 'content'"),
    ({"messages": ["hi"]}, "message 0 is str; expected an object with 'role' and 'content'"),
    (chat({"role": "function"}), "message 1 has the role 'function'; expected system, user, assistant or tool"),
    (chat({"role": "assistant", "function_call": {}} | {"function_call": {"name": "a"}}),
     "message 1 holds 'function_call'; expected 'tool_calls', which replaced it"),
    (chat({"role": "system", "content": "x"}), "message 1 is the system's; expected one only at the beginning"),
    ({"messages": [{"role": "assistant", "content": "x"}]},
     "message 0 is an assistant's; expected a user's before it"),
    (chat({"role": "assistant", "content": "x"}, {"role": "assistant", "content": "y"}),
     "message 2 is an assistant's; expected a user's before it"),
    (chat(RESULT), "message 1 is a tool's and answers no call; expected it after an assistant's calls"),
    (chat(CALLS, RESULT), "1 results, of ['c'], stand after the calls ['c', 'd']; expected one each"),
    (chat(CALLS, RESULT, RESULT), "2 results, of ['c', 'c'], stand after the calls ['c', 'd']; expected one each"),
    (chat({"role": "assistant", "tool_calls": [call("w", "{}", "c")] * 2}),
     "two calls of message 1 have the id 'c'; expected one for each"),
    (chat({"role": "assistant", "tool_calls": [call("w", "{}", 7)]}),
     "an id or name in message 1 is 7; expected text, or none"),
    (chat({"role": "assistant", "tool_calls": [call("w", "[1]", "c")]}),
     "the arguments of 'w' in message 1 are list; expected an object"),
    (chat({"role": "assistant", "tool_calls": ["w"]}),
     "a call of message 1 is 'w'; expected {'function': {'name', 'arguments'}}"),
    (chat({"role": "assistant", "tool_calls": {"a": 1}}), "'tool_calls' of message 1 is dict; expected a list"),
    (chat({"role": "user", "content": "x", "tool_calls": [call("w", "{}", "c")]}),
     "message 1 of the user holds calls; expected them of the assistant only"),
    (chat({"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}),
     "message 1 of the assistant holds pictures; expected them of the user only"),
    (chat({"role": "user", "content": [{"type": "input_audio"}]}),
     "message 1 holds a part of type 'input_audio'; expected 'text', which has a text, or 'image_url'"),
    (chat({"role": "user", "content": [{"type": "image_url", "image_url": "a.jpg"}]}),
     "a picture of message 1 is not named; expected {'image_url': {'url': ...}}"),
    (chat(tools="[]"), "'tools' is str; expected a list of function schemas"),
    (chat(tools=[{"type": "function"}]),
     "a tool has no name; expected {'type': 'function', 'function': {'name': ...}}, once each"),
    (chat(tools=[TOOL, TOOL]),
     "a tool is the second named 'weather'; expected {'type': 'function', 'function': {'name': ...}}, once each"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "why"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_no_row_is_refused_in_words(row, why):
    assert refusal(FORMAT, row) == why


def trace_with(**changes):
    return Trace(id="t", turns=(Turn(request="hi", **changes),))


def stored(letter):
    return Artifact(kind="picture", sha256=letter * 64, media_type="image/png", frame="img_1")


def test_ids_that_counting_would_not_give_stand_before_the_text():
    records = {name: stored(letter) for name, letter in (("img_7", "a"), ("img_3", "b"), ("img_8", "c"))}
    made = Observation(tool_call_id="call_1", status="success", content="img_3", artifacts=("img_3",))
    again = made.model_copy(update={"tool_call_id": "call_2"})
    steps = tuple(
        Step(output=PlannerOutput(calls=(ToolCall(id=seen.tool_call_id, name="blur"),)), observations=(seen,))
        for seen in (made, again)
    )
    turns = (
        Turn(request="blur it", images=("img_7",), steps=steps),
        Turn(request="(img_9) and this", images=("img_8",)),
    )
    trace = Trace(id="t", turns=turns, artifacts=records)
    row = from_trace(trace.model_copy(update={"turns": turns[:1]}))
    texts = [one["content"][1]["text"] for one in row["messages"] if one["role"] == "user"]
    assert texts == ["(img_7) blur it", "(img_3) (made by call_1)", "(img_3) (made by call_2)"]
    found = to_trace(row, "t", Report())
    assert found.turns == turns[:1]
    assert {name: record.sha256[0] for name, record in found.artifacts.items()} == {"img_7": "a", "img_3": "b"}
    assert refused(trace) == (
        "the pictures ['img_8'] cannot be told in '(img_9) and this'; expected an id of its own for each"
    )


@pytest.mark.parametrize("words", ["(img_1) look", "(img_5) look", "(img_5)look", "(img_5, img_6) look", "(img_0) a"])
def test_a_foreign_text_that_names_ids_comes_back(words):
    row = {"messages": [{"role": "user", "content": [{"type": "text", "text": words}, *PICTURE]}]}
    trace = to_trace(row, "r", Report())
    assert from_trace(trace) == row
    assert trace.turns[0].images == (("img_5",) if words == "(img_5) look" else ("img_1",))


def refused(trace):
    with pytest.raises(Refused) as caught:
        from_trace(trace)
    return str(caught.value)


def test_a_trace_that_no_row_can_hold_is_refused():
    strange = trace_with().model_copy(update={"meta": Meta(offer=("fly",))})
    assert (
        refused(strange) == "no schema of 'fly'; expected a skill of ours, or one under 'tools' of the trace's origin"
    )
    twice = trace_with(images=("img_1", "img_1")).model_copy(update={"artifacts": {"img_1": stored("a")}})
    assert refused(twice) == (
        "the pictures ['img_1', 'img_1'] cannot be told in 'hi'; expected an id of its own for each"
    )
    calls = (ToolCall(id="a", name="w"), ToolCall(id="b", name="w"))
    seen = (Observation(tool_call_id="b", status="success"),)
    half = trace_with(steps=(Step(output=PlannerOutput(calls=calls), observations=seen),))
    assert refused(half) == (
        "the calls ['a', 'b'] have the results ['b']; expected one for each in their order, or none"
    )


def test_a_file_is_read_row_by_row(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (ROW, chat(RESULT), *LAYOUTS)), encoding="utf-8")
    report = Report()
    traces = list(read(path, FORMAT, report))
    assert str(report) == f"{2 + len(LAYOUTS)} rows read, {1 + len(LAYOUTS)} kept (0 of them repaired), 1 refused"
    assert [from_trace(trace) for trace in traces] == [ROW, *LAYOUTS]
    assert traces[1].id == "set-3"


def test_the_losses_name_citations_first():
    assert FORMAT.losses[0] == (
        "citations: an answer is written as the user read it (`Turn.answer`), not as the planner wrote it ([text_1])"
    )


@pytest.mark.parametrize("form", [FORMAT, trl.FORMAT, hermes.FORMAT], ids=lambda form: form.name)
def test_tacos_traces_go_through_every_chat_format_with_all_words_and_calls(shared, form):
    report = Report()
    traces = list(read(shared("taco/taco_mmvet_traces.jsonl"), taco.FORMAT, report))
    assert str(report) == "132 rows read, 132 kept (0 of them repaired), 0 refused"
    for trace in traces:
        row = form.from_trace(trace)
        found = form.to_trace(row, trace.id, Report())
        assert form.from_trace(found) == row
        assert [turn.answer for turn in found.turns] == [turn.answer for turn in trace.turns]
        assert [calls_of(turn) for turn in found.turns] == [calls_of(turn) for turn in trace.turns]


def calls_of(turn):
    return [(call.name, call.args) for step in turn.steps for call in step.output.calls]
