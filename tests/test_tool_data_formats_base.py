"""What every format is held to: one odd row ends nothing, and a simulated chat stays one through every format."""

import json
from dataclasses import replace

import pytest

from agent.cli import main
from agent.trace import Meta, PlannerOutput, Step, Trace, Turn
from tool_data.checks.row import is_simulated
from tool_data.formats.base import Refused, Report, read, take, written
from tool_data.formats.table import FORMATS
from tool_data.make import drawn

DEEP = 300


def nested(levels):
    return json.loads("[" * levels + "]" * levels)


def messages(args):
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": args}}
    return [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": [call]}]


def openai(value):
    return {"messages": messages({"n": value})}


def hermes(value):
    return {"conversations": [{"from": "human", "value": "hi"}], "score": value}


def trl(value):
    return {"messages": messages({"n": value}), "tools": "[]", "images": []}


ROWS = {"openai": openai, "trl": trl, "hermes": hermes}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), nested(DEEP)], ids=["nan", "inf", "deep"])
@pytest.mark.parametrize("name", ROWS)
def test_one_odd_row_is_refused_and_the_rest_imported(tmp_path, capsys, name, odd):
    """These three formats made the Trace without a guard: the import ended with pydantic's traceback."""
    make, path = ROWS[name], tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(make(value)) + "\n" for value in (1, odd, 2)))
    assert main(["data", "import", name, str(path), str(tmp_path / "out.jsonl")]) == 0
    log = capsys.readouterr().err
    assert "3 rows read, 2 kept (0 of them repaired), 1 refused" in log
    assert "in-2: the row cannot be saved as a Trace; expected finite numbers, whole characters and few levels" in log


def test_a_refused_row_leaves_no_mend_in_the_report():
    form = replace(FORMATS["trace"], to_trace=lambda row, name, report: noting(report))
    report = Report()
    with pytest.raises(Refused):
        take(form, {}, "r-1", report)
    assert report.repaired == []


def noting(report):
    report.repaired.append(("r-1", "a comma"))
    raise Refused("still no row")


def simulated(name):
    """Return a simulated trace that a format can hold."""
    if name in ("llava", "llava-cot"):
        thought = "<SUMMARY> a </SUMMARY> <CAPTION> b </CAPTION> <REASONING> c </REASONING>"
        step = Step(output=PlannerOutput(thought=thought if name == "llava-cot" else "", answer="Two."))
        turn = Turn(request="How many?", steps=(step,), answer="Two.", stop_reason="answered")
        return Trace(id="t", turns=(turn,), meta=Meta(planner="simulated"))
    traces = (Trace.from_json(line) for line in drawn(200, 7, 1.0))
    return next(trace for trace in map(cut if name == "mmedagent" else Trace.with_end, traces) if holds(name, trace))


def cut(trace):
    """Return the first pass of the first turn, which is all that a row of MMedAgent holds."""
    ended = {"steps": trace.turns[0].steps[:1], "answer": "", "stop_reason": None}
    return trace.model_copy(update={"turns": (trace.turns[0].model_copy(update=ended),)})


def holds(name, trace):
    try:
        return any(step.output.calls for step in trace.turn.steps) and bool(FORMATS[name].from_trace(trace))
    except Refused:
        return False


@pytest.mark.parametrize("name", FORMATS)
def test_a_simulated_row_keeps_its_mark_through_every_format(tmp_path, name):
    """The mark was lost, so that rows whose skills never ran counted as real after an export and an import."""
    form, trace = FORMATS[name], simulated(name)
    assert is_simulated(trace)
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps(written(form, trace)) + "\n")
    report = Report()
    (again,) = read(path, form, report)
    assert is_simulated(again), name
    assert report.refused == []
    assert json.dumps(written(form, again)) + "\n" == path.read_text()
    if name != "trace":
        assert "simulated" not in written(
            form, again.model_copy(update={"meta": again.meta.model_copy(update={"planner": ""})})
        )


def test_a_table_keeps_the_mark_too(tmp_path):
    source, table = tmp_path / "in.jsonl", tmp_path / "t.parquet"
    source.write_text("".join(f"{row}\n" for row in drawn(20, 3, 0.5)))
    assert main(["data", "export", "trl", str(source), str(table)]) == 0
    assert all(is_simulated(trace) for trace in read(table, FORMATS["trl"], Report()))


def test_the_mark_is_only_the_word_true():
    row = {"id": "1", "conversations": [{"from": "human", "value": "Hi"}], "simulated": "yes"}
    trace = take(FORMATS["llava"], row, "r-1", Report())
    assert not is_simulated(trace)
    assert written(FORMATS["llava"], trace) == row


def test_a_format_that_is_only_read_says_so():
    with pytest.raises(Refused, match="the format 'x' is only read; export another"):
        written(replace(FORMATS["trace"], name="x", from_trace=None), Trace(id="t"))
