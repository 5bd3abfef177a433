"""Parquet: every skill's arguments in one file come back as they went in, and so does every row."""

import json

import pytest

from agent import PlannerOutput, Step, ToolCall, Trace, Turn
from agent.trace import Meta
from skills import InputError
from skills.registry import CONTRACT, Registry
from tests.mutated import native, same_chat
from tests.test_tool_data_formats_trl import FOREIGN, USUAL
from tool_data.formats import parquet, trl
from tool_data.formats.base import Report

SKILLS = Registry.load().offer()
VALUES = {
    "picture": ["img_1", "img_12", "img_3"],
    "region": ["boxes_1[0]", [0.125, 0.2, 0.5, 1.0], [0.5, 0.5]],
    "regions": ["mask_1", ["boxes_1", "boxes_2[3]"], [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5], "points_1"]],
    "text": ["plain", 'quoted "text" \\ and\nlines\t', "Zürich 東京 🤔 \u2028 </s> <image>"],
    "words": ["a red car", "", "{'not': 'json'}"],
    "expression": ["2+3", "(1.5e3 - 2) * -7", "10 % 3"],
    "number": [0.30000000000000004, 2, -1e-300],
    "integer": [0, 7, 2**62],
    "flag": [True, False, True],
    "list": [["cat"], ["one", "two words", "", "三"], []],
}


def argument_sets(skill):
    """Three sets of all arguments, the required ones alone, and those with None for every other one."""

    def value(param, number):
        known = param.choices or VALUES[param.kind]
        return known[number % len(known)]

    full = [{param.name: value(param, number) for param in skill.params} for number in range(3)]
    bare = {param.name: value(param, 1) for param in skill.params if param.required}
    return [*full, bare, {param.name: bare.get(param.name) for param in skill.params}]


def trace_of(skill, args, number):
    step = Step(output=PlannerOutput(calls=(ToolCall(id="call_1", name=skill.name, args=args),)))
    meta = Meta(offer=tuple(other.name for other in SKILLS))
    return Trace(id=f"{skill.name}-{number}", turns=(Turn(request="do it", steps=(step,)),), meta=meta)


SETS = [(skill, args) for skill in SKILLS for args in argument_sets(skill)]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """One file with every set of arguments, written once."""
    path = tmp_path_factory.mktemp("parquet") / "skills.parquet"
    report = Report()
    parquet.write(path, (trace_of(skill, args, number) for number, (skill, args) in enumerate(SETS)), report)
    assert str(report) == "120 rows read, 120 kept (0 of them repaired), 0 refused"
    return path


def test_the_sets_cover_every_skill_and_kind_of_argument():
    assert {skill.name for skill, _ in SETS} == set(CONTRACT)
    assert len(CONTRACT) == 24
    kinds = {param.kind for skill, _ in SETS for param in skill.params}
    assert kinds - {"choice"} <= set(VALUES)
    types = {type(value) for _, args in SETS for value in args.values()}
    assert types >= {str, float, int, list, type(None)}


def test_the_arguments_of_all_24_skills_are_read_back_equal_from_one_file(file):
    traces = [trl.to_trace(row, "r", Report()) for row in parquet.rows(file)]
    calls = [trace.turns[0].steps[0].output.calls[0] for trace in traces]
    assert [call.name for call in calls] == [skill.name for skill, _ in SETS]
    assert [json.dumps(call.args) for call in calls] == [json.dumps(args) for _, args in SETS]
    assert {trace.meta.offer for trace in traces} == {tuple(skill.name for skill in SKILLS)}


def test_what_datasets_reads_holds_the_same_arguments_and_schemas(file, tmp_path):
    from datasets import Dataset

    table = Dataset.from_parquet(str(file), cache_dir=str(tmp_path))
    assert table.column_names == ["messages", "tools", "images", "simulated"]
    written = [row["messages"][2]["tool_calls"][0]["function"]["arguments"] for row in table]
    assert [json.dumps(json.loads(text)) for text in written] == [json.dumps(args) for _, args in SETS]
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in json.loads(table[0]["tools"])}
    assert schemas == {skill.name: skill.schema for skill in SKILLS}


def test_rows_of_every_kind_in_one_file_come_back_equal(tmp_path):
    read = [trl.to_trace(row, f"r-{number}", Report()) for number, row in enumerate([USUAL, FOREIGN])]
    silent = Trace(id="silent", turns=(Turn(request=""),))
    traces = [*read, native(), silent]
    parquet.write(tmp_path / "all.parquet", traces, Report())
    found = list(parquet.rows(tmp_path / "all.parquet"))
    assert [json.dumps(row) for row in found] == [json.dumps(trl.plain_row(trace)) for trace in traces]
    assert found[0] == USUAL
    same_chat(trl.to_trace(found[2], "native", Report()), traces[2])


def test_pictures_open_by_their_paths(tmp_path):
    from datasets import Dataset, Image, List
    from PIL import Image as Pillow

    Pillow.new("RGB", (5, 3), (9, 8, 7)).save(tmp_path / "a.png")
    row = {"messages": [{"role": "user", "content": [{"type": "image"}]}], "images": [str(tmp_path / "a.png")]}
    parquet.write(tmp_path / "one.parquet", [trl.to_trace(row, "r", Report())], Report())
    table = Dataset.from_parquet(str(tmp_path / "one.parquet"), cache_dir=str(tmp_path / "cache"))
    (opened,) = table.cast_column("images", List(Image()))[0]["images"]
    assert (opened.size, opened.getpixel((0, 0))) == ((5, 3), (9, 8, 7))


def test_what_cannot_be_written_is_told_and_the_rest_is_kept(tmp_path):
    strange = Trace(id="strange", meta=Meta(offer=("fly",)))
    path, report = tmp_path / "a.parquet", Report()
    parquet.write(path, [strange, native()], report)
    why = "no schema of 'fly'; expected a skill of ours, or one under 'tools' of the trace's origin"
    assert (report.read, report.kept, report.refused) == (2, 1, [("strange", why)])
    assert len(list(parquet.rows(path))) == 1
    with pytest.raises(InputError) as caught:
        parquet.write(tmp_path / "b.parquet", [strange], Report())
    assert str(caught.value) == (
        f"no row for '{tmp_path}/b.parquet': 1 rows read, 0 kept (0 of them repaired), 1 refused; "
        "give traces that can be written"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet"]


def test_a_failure_half_way_leaves_the_old_file_and_no_other(tmp_path):
    def traces():
        yield native()
        raise ZeroDivisionError("planted")

    path = tmp_path / "a.parquet"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError, match="planted"):
        parquet.write(path, traces(), Report())
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.parquet", b"old")]


def test_files_that_are_none_and_packages_that_are_missing_are_told(tmp_path, monkeypatch):
    def said(do, *args):
        with pytest.raises(InputError) as caught:
            do(*args)
        return str(caught.value)

    path = tmp_path / "a.parquet"
    path.write_bytes(b"no parquet")
    assert said(list, parquet.rows(path)).startswith(f"'{path}' cannot be read as parquet: Parquet magic bytes not")
    assert said(list, parquet.rows(path)).endswith("; give a .parquet file of rows")
    assert said(list, parquet.rows(tmp_path / "none")).startswith(f"'{tmp_path}/none' cannot be read as parquet: ")
    lost = tmp_path / "no" / "a.parquet"
    assert said(parquet.write, lost, [native()], Report()).startswith(f"'{lost}' cannot be written: ")
    monkeypatch.setattr(parquet, "importable", lambda name: False)
    mend = "is missing, which parquet files need; pip install 'handeye[train]'"
    assert said(parquet.write, path, [native()], Report()) == f"package 'datasets' {mend}"
    assert said(list, parquet.rows(path)) == f"package 'pyarrow' {mend}"
