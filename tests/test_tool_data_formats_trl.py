"""TRL's rows: the same columns and types in each, pictures in a column; foreign layouts come back as they were."""

import copy
import json

import pytest

from agent import ToolCall
from agent.messages import offer_text
from tests.mutated import TOOL, held_or_refused, native, refusal, same_chat
from tool_data.formats import openai
from tool_data.formats.base import Report, picture
from tool_data.formats.messages import dumps
from tool_data.formats.trl import FORMAT, from_trace, plain_row, to_trace

IMAGE = {"type": "image"}


def text(words):
    return {"type": "text", "text": words}


def message(role, *content, **more):
    return {"role": role, **more, "content": list(content)}


def calling(*content, **args):
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": dumps(args)}}
    return {**message("assistant", *content), "tool_calls": [call]}


USUAL = {
    "messages": [
        message("system", text("Be brief.")),
        message("user", IMAGE, IMAGE, text("Which is colder?")),
        calling(text("I ask."), city="Zürich", days=None, hours=[1, 2]),
        message("tool", text("4 C"), tool_call_id="call_1", name="weather"),
        message("user", IMAGE, text("(made by call_1)")),
        message("assistant", text("The first.")),
    ],
    "tools": dumps([TOOL]),
    "images": ["a.jpg", "b.jpg", "map.png"],
}

FOREIGN = {
    "images": ["a.jpg", "map.png"],
    "id": 7,
    "messages": [
        {"content": "Be brief.", "role": "system"},
        message("user", text("Look:"), IMAGE, text("Cold?")),
        {
            "role": "assistant",
            "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"city": "Basel"}}}],
        },
        {"role": "tool", "name": "weather", "content": [IMAGE, text("4 C")]},
        {"role": "assistant", "content": "Yes."},
    ],
    "tools": [TOOL],
}


def test_a_row_becomes_a_trace():
    trace = to_trace(USUAL, "set-1", Report())
    (turn,) = trace.turns
    assert (turn.request, turn.images, turn.answer) == ("Which is colder?", ("img_1", "img_2"), "The first.")
    output = turn.steps[0].output
    assert output.thought == "I ask."
    args = {"city": "Zürich", "days": None, "hours": [1, 2]}
    assert output.calls == (ToolCall(id="call_1", name="weather", args=args),)
    assert turn.steps[0].observations[0].artifacts == ("img_3",)
    made = picture("map.png", "img_3").model_copy(update={"source": "call_1"})
    assert trace.artifacts == {"img_1": picture("a.jpg"), "img_2": picture("b.jpg", "img_2"), "img_3": made}
    assert trace.meta.origin.extra == {"system": "Be brief.", "tools": {"weather": TOOL}}


@pytest.mark.parametrize("row", [USUAL, FOREIGN], ids=["usual", "foreign"])
def test_a_row_comes_back_to_the_letter(row):
    trace = to_trace(row, "set-1", Report())
    assert json.dumps(from_trace(trace)) == json.dumps(row)
    assert to_trace(from_trace(trace), "set-1", Report()) == trace


def test_pictures_inside_a_result_are_what_its_call_made_and_stay_there():
    trace = to_trace(FOREIGN, "r", Report())
    seen = trace.turns[0].steps[0].observations[0]
    assert (seen.content, seen.artifacts, trace.artifacts["img_2"].source) == ("4 C", ("img_2",), "call_1")
    assert trace.meta.origin.extra["form"]["inside"] is True


def test_a_foreign_row_has_a_usual_one_with_the_same_chat():
    trace = to_trace(FOREIGN, "r", Report())
    row = plain_row(trace)
    assert list(row) == ["messages", "tools", "images"]
    assert (row["tools"], row["images"]) == (dumps([TOOL]), ["a.jpg", "map.png"])
    assert row["messages"][2:5] == [
        calling(city="Basel"),
        message("tool", text("4 C"), tool_call_id="call_1", name="weather"),
        message("user", IMAGE, text("(made by call_1)")),
    ]
    again = to_trace(row, "r", Report())
    assert (again.turns, again.artifacts) == (trace.turns, trace.artifacts)
    assert plain_row(again) == row


@pytest.mark.parametrize(
    "more", [{}, {"tools": None}, {"tools": "[]"}, {"tools": "[ ]", "images": None}, {"tools": [], "images": []}]
)
def test_a_row_without_tools_and_pictures_comes_back_however_it_says_so(more):
    row = {"messages": [message("user", text("hi"))], **more}
    assert json.dumps(from_trace(to_trace(row, "r", Report()))) == json.dumps(row)


def test_tools_as_text_of_another_spacing_come_back():
    row = {**USUAL, "tools": json.dumps([TOOL], indent=2)}
    assert from_trace(to_trace(row, "r", Report())) == row


@pytest.mark.parametrize("row", [USUAL, FOREIGN], ids=["usual", "foreign"])
def test_spoiled_rows_are_refused_or_written_back_as_they_were(row):
    assert held_or_refused(FORMAT, row, 500) > 100


def test_a_chat_of_ours_is_written_and_read_again():
    trace = native()
    row = from_trace(trace)
    parts = [part["type"] for one in row["messages"] for part in one["content"]]
    assert (parts.count("image"), len(row["images"]), len(json.loads(row["tools"]))) == (3, 3, 24)
    assert row["messages"][0] == message("system", text(offer_text(json.loads(row["tools"]))))
    assert row["messages"][2]["tool_calls"][1]["function"]["arguments"] == '{"region": [0, 0, 0.5, 1]}'
    same_chat(to_trace(row, trace.id, Report()), trace)


def test_from_openais_row_to_trls_and_back():
    trace = to_trace(USUAL, "r", Report())
    row = openai.from_trace(trace)
    again = openai.to_trace(row, "r", Report())
    assert (again.turns, again.artifacts, again.meta.offer) == (trace.turns, trace.artifacts, trace.meta.offer)
    told = message("system", text("Be brief.\n" + offer_text([TOOL])))
    assert from_trace(again) == {**USUAL, "messages": [told, *USUAL["messages"][1:]]}
    assert to_trace(from_trace(again), "r", Report()).meta.origin.extra["system"] == "Be brief."


def spoiled(**changes):
    return {**copy.deepcopy(USUAL), **changes}


REFUSALS = [
    (spoiled(images=["a.jpg"]), "a picture of message 1 is not named; expected one in 'images' for each"),
    (spoiled(images=[*USUAL["images"], "d.jpg"]),
     "1 pictures of 'images' have no place; expected a part {'type': 'image'} for each"),
    (spoiled(images=[{"bytes": None, "path": "a.jpg"}]),
     "'images' holds something else than paths; expected a list of texts"),
    (spoiled(tools="[{'a': 1}]"), "'tools' is malformed JSON: "),
    (spoiled(tools='{"a": 1}'), "'tools' is dict; expected a list of function schemas"),
    (spoiled(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}]),
     "message 0 holds a part of type 'image_url'; expected 'text', which has a text, or 'image'"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "why"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_no_row_is_refused_in_words(row, why):
    said = refusal(FORMAT, row)
    assert said == why or (why.endswith(": ") and said.startswith(why))
