"""MMedAgent's rows: a key that stands twice, the text with markers, 17 of 70 malformed, the others to the byte."""

import json

import pytest

from agent import Observation, PlannerOutput, Step, ToolCall
from tests.mmedagent_rows import GOOD, assist, back, row
from tool_data.formats.base import Report, picture, read, rows
from tool_data.formats.mmedagent import FORMAT, from_trace, to_trace
from tool_data.formats.mmedagent_text import Pairs, pairs


def test_a_key_that_stands_twice_is_not_lost(tmp_path):
    line = '{"type": "a", "n": {"x": 1}, "type": "b"}'
    found = json.loads(line, object_pairs_hook=pairs)
    assert json.dumps(found) == line
    assert (found["type"], type(found["n"])) == ("b", dict)
    assert found != {"type": "b", "n": {"x": 1}}
    assert found == Pairs([("type", "a"), ("n", {"x": 1}), ("type", "b")])
    for name, text in (("a.jsonl", f"{line}\n"), ("a.json", f"[{line}]")):
        (tmp_path / name).write_text(text)
        assert [json.dumps(one) for one in rows(tmp_path / name, pairs)] == [line]


def test_a_row_is_one_request_with_one_call():
    trace, mends = back(Pairs([*row().items(), ("type", "dino_cell")]))
    turn = trace.turn
    assert mends == []
    assert (turn.request, turn.images, turn.answer, turn.stop_reason) == ("Count the cells ", ("img_1",), "", None)
    assert turn.steps == (
        Step(
            output=PlannerOutput(
                thought="Use the detector.",
                calls=(ToolCall(id="call_1", name="detect", args={"image": "img_1", "objects": ["cell"]}),),
            ),
            observations=(Observation(tool_call_id="call_1", status="success", content="{'phrases': ['cell']}"),),
        ),
    )
    assert trace.artifacts == {"img_1": picture("a.jpg")}
    assert trace.meta.origin is not None
    assert trace.meta.origin.extra == {
        "keys": ["question_id", "type", "image", "pre_text", "assist", "text", "type"],
        "fields": [7, "dino_cell", "dino_cell"],
        "said": "One moment.",
        "result": {"wording": "generator"},
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"image": None, "assist": assist('[{"API_name": "ChatCAD-R","API_params": {}}]', gap="")},
        {"assist": assist('[ {"API_name":"x", "API_params": {"a": ["b","c" ]}} ]', gap="\n\n")},
        {"assist": assist('[{"API_name": "x", "API_params": {"a": "é", "b": 1.50}}]')},
        {"pre_text": "<image>\n Count the cells"},
        {"text": "detector output: none\n\nAnswer my first question: How many?"},
        {"text": None},
        {"text": None, "assist": assist("[]")},
    ],
)
def test_however_a_row_is_written_it_comes_back(changed):
    assert back(row(**changed))[1] == []


def test_a_row_without_a_call_is_answered():
    turn = back(row(text=None, assist=assist("[]")))[0].turn
    assert (turn.answer, turn.stop_reason, turn.steps[0].output.answer) == ("One moment.", "answered", "One moment.")


def test_a_damaged_marker_is_said_and_written_back():
    trace, mends = back(row(assist=assist(opening='\thoughts🤔"')))
    assert mends == ['the marker \'\\thoughts🤔"\' read as "thoughts🤔"; it is written back as it stood']
    assert trace.turn.steps[0].output.thought == "Use the detector."


def test_malformed_actions_are_mended_said_and_written_mended():
    report = Report()
    trace = to_trace(row(assist=assist(GOOD.replace("}}]", "}]"))), "m-1", report)
    assert report.repaired == [("m-1", "the actions: character 92: a missing '}' put before ']'")]
    assert json.dumps(from_trace(trace)) == json.dumps(row())


def test_the_published_rows(shared):
    path, report = shared("mmedagent/eval_agent_tool_use_all.jsonl"), Report()
    traces = {trace.id: trace for trace in read(path, FORMAT, report)}
    assert str(report) == "70 rows read, 70 kept (19 of them repaired), 0 refused"
    malformed = [name for name, mend in report.repaired if mend.startswith("the actions: ")]
    marked = [name for name, mend in report.repaired if mend.startswith("the marker '\\thoughts🤔\"' read as ")]
    assert (len(malformed), len(marked), len(report.repaired)) == (17, 2, 19)
    assert all("a missing '}' put before ']'" in mend for name, mend in report.repaired if name in malformed)
    found = {f"{path.stem}-{number}": one for number, one in enumerate(rows(path, pairs), start=1)}
    same = [name for name, one in found.items() if json.dumps(from_trace(traces[name])) == json.dumps(one)]
    assert len(same) == 53
    assert sorted([*same, *malformed]) == sorted(found)
    assert sum(isinstance(one, Pairs) for one in found.values()) == 64
    assert sum(trace.turn.steps[0].output.calls[0].name == "detect" for trace in traces.values()) == 27
