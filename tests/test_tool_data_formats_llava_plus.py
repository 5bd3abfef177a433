"""LLaVA-Plus's records: read, written back to the byte, mended, and little memory needed."""

import json
import tracemalloc

import pytest

from agent import Observation, ToolCall
from tests.llava_plus_records import ASK, BOXES, TAIL, WAIT, action, back, extra, gpt, human, one, record, refusal
from tool_data.formats.base import Report, picture, read, rows
from tool_data.formats.llava_plus import FORMAT, from_trace, to_trace


def test_the_published_record_is_read_and_written_back_to_the_byte():
    trace = back(record())
    first, second = trace.turns
    assert (first.request, first.images, second.images) == (f"{ASK}{BOXES}", ("img_1",), ())
    assert trace.artifacts == {"img_1": picture("000000436407.jpg")}
    segment, inpaint = (turn.steps[0].output.calls[0] for turn in trace.turns)
    assert segment == ToolCall(id="call_1", name="segment", args={"regions": BOXES})
    assert (inpaint.id, inpaint.name) == ("call_2", "inpainting")
    seen = first.steps[0].observations
    assert seen == (
        Observation(tool_call_id="call_1", status="success", content="{'message': 'The SAM has processed the image.'}"),
    )
    assert (first.answer, first.stop_reason) == ("Certainly! See below.", "answered")
    assert trace.meta.origin is not None
    assert trace.meta.origin.extra == {
        "keys": ["image_id", "data_source", "image", "unique_id", "conversations"],
        "fields": {"image_id": 436407, "data_source": "coco", "unique_id": "1699545382.4288898"},
    }


def test_the_record_without_a_tool():
    row = {
        "id": "000000033471",
        "image": "a.jpg",
        "conversations": [human("What?\n<image>"), gpt("No tool.", [], "A bus.")],
    }
    row["conversations"] += [human("Why?"), gpt("", [], "It is red.")]
    trace = back(row)
    assert [turn.request for turn in trace.turns] == ["What?", "Why?"]
    assert [turn.steps[0].output.thought for turn in trace.turns] == ["No tool.", ""]
    assert extra(trace, "markers") == [[1, 5, "\n<image>"]]


@pytest.mark.parametrize(
    ("between", "tail", "wording"),
    [
        ("model outputs", TAIL, None),
        ("output", "\n\nAnswer my first question: ", "generator"),
        ("model outputs", "\n\nPlease summarize the model outputs and answer my first question: ", "demo"),
        ("model outputs", " ", "paper"),
    ],
)
def test_four_wordings_are_known_and_kept(between, tail, wording):
    trace = back(one(action("ram"), between=between, tail=tail))
    assert trace.turns[0].steps[0].observations[0].content == "{'tags': 'cat'}"
    assert extra(trace, "messages") == ({"2": {"wording": wording}} if wording else {})
    if wording != "paper":
        trace = back(one(action("ram"), between=between, tail=tail, asked="And what is there?"))
        assert extra(trace, "messages")["2"]["asked"] == "And what is there?"
        assert trace.turns[0].steps[0].observations[0].content == "{'tags': 'cat'}"


def test_what_is_unusual_is_kept():
    row = one(action("ram"))
    messages = row["conversations"]
    messages[1]["value"] = "Hold on."
    messages[2]["value"] = (
        "RAM model outputs: cat.summarize the model outputs and answer my first answer: What is here?"
    )
    messages[3] = {"from": "gpt", "value": "A cat."}
    trace = back(row)
    assert extra(trace, "messages") == {
        "1": {"said": "Hold on."},
        "2": {"joint": "", "tool": "RAM"},
        "3": {"keys": ["from", "value"]},
    }


def test_several_calls_of_one_message_are_one_step():
    row = one(action("ram"))
    row["conversations"][1] = gpt("t", [action("ram"), action("blip2")], WAIT.format("ram and blip2"))
    row["conversations"][2] = human(f"ram model outputs: cat\n\nblip2 model outputs: a cat{TAIL}What is here?")
    trace = back(row)
    assert [seen.content for seen in trace.turns[0].steps[0].observations] == ["cat", "a cat"]
    row["conversations"][2] = human(f"ram model outputs: cat{TAIL}What is here?")
    assert "no result of 'blip2' stands after the others; expected one for each of ['ram', 'blip2']" in refusal(row)


def test_a_record_that_ends_in_a_call():
    row = one(action("ram"))
    del row["conversations"][2:]
    trace = back(row)
    assert (trace.turn.stop_reason, trace.turn.answer, trace.turn.steps[0].observations) == (None, "", ())
    row = one(action("ram"))
    del row["conversations"][3:]
    assert back(row).turn.steps[0].observations[0].content == "{'tags': 'cat'}"


def test_actions_that_stand_as_text_are_mended_and_said():
    row, report = one(action("ram")), Report()
    row["conversations"][1]["actions"] = "[{'API_name': 'ram', 'API_params': {}]"
    trace = to_trace(row, "x-1", report)
    assert trace.turns[0].steps[0].output.calls == (ToolCall(id="call_1", name="tag"),)
    assert [mend for _, mend in report.repaired] == [
        "the actions stood as text, read as JSON",
        "the actions: character 3: single quotes read as double",
        "the actions: character 15: single quotes read as double",
        "the actions: character 22: single quotes read as double",
        "the actions: character 38: a missing '}' put before ']'",
    ]
    assert from_trace(trace) == one(action("ram"))


def test_records_of_mmedagent(shared):
    path, report = shared("mmedagent/example.jsonl"), Report()
    found = [from_trace(trace) for trace in read(path, FORMAT, report)]
    assert str(report) == "2 rows read, 2 kept (0 of them repaired), 0 refused"
    assert json.dumps(found) == json.dumps(list(rows(path)))
    path, report = shared("mmedagent/roxanne_output.json"), Report()
    assert list(read(path, FORMAT, report)) == []
    assert len(report.refused) == 50
    assert {why for _, why in report.refused} == {
        "an action holds ['tool name', 'tool params']; expected ['API_name', 'API_params'], the first a text"
    }


def test_many_records_need_little_memory(tmp_path):
    path, report = tmp_path / "many.json", Report()
    with path.open("w", encoding="utf-8") as file:
        for number in range(2000):
            row = one(action("ram"), result=f"{number} {'word ' * 800}")
            file.write(("[" if not number else ",\n") + json.dumps(row))
        file.write("]")
    size = path.stat().st_size
    tracemalloc.start()
    count = sum(1 for _ in read(path, FORMAT, report))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, report.kept) == (2000, 2000)
    assert size > 8_000_000
    assert peak < 2_000_000
