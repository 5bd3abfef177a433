"""`handeye data`: the table of subcommands, import and export with their counts, reports and refusals."""

import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.trace import Trace
from tool_data.cli import SUBCOMMANDS
from tool_data.formats.table import FORMATS, SUMMARIES

PAIR = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A cat."}]
GOOD = {"id": "1", "image": "cat.jpg", "conversations": PAIR}
BAD = {"id": "2", "image": "cat.jpg"}
NO_LIST = "it has no list 'conversations' with a question in it"
UNMARKED = {"id": "3", "image": "cat.jpg", "conversations": [{"from": "human", "value": "What?"}, PAIR[1]]}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lines(name, *found):
    Path(name).write_text("".join(json.dumps(one) + "\n" for one in found), encoding="utf-8")
    return name


def run(capsys, *argv):
    """Return (exit status, what was printed, the lines on stderr) of `handeye data ...`."""
    status = main(["data", *argv])
    said, log = capsys.readouterr()
    return status, said, log.splitlines()


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_format_of_the_table_is_there(name):
    assert FORMATS[name].name == name


@pytest.mark.parametrize("name", ["import", "export"])
def test_a_subcommand_shows_its_usage(capsys, name):
    status, said, _ = run(capsys, name, "--help")
    assert (status, said.startswith(f"usage: handeye data {name} FORMAT ")) == (0, True)
    assert all(f"  {form} " in said for form in SUMMARIES)


def test_the_table_is_shown(capsys):
    status, said, _ = run(capsys, "--help")
    assert status == 0
    assert all(f"  {name} " in said for name in SUBCOMMANDS)
    status, said, log = run(capsys)
    assert (status, said, log[0]) == (2, "", "usage: handeye data SUBCOMMAND ...")


def test_import_and_export_give_the_file_back(capsys):
    source = lines("train.jsonl", GOOD, GOOD | {"id": "2"})
    assert run(capsys, "import", "llava", source, "out.jsonl") == (
        0,
        "",
        ["train.jsonl: 2 rows read, 2 kept (0 of them repaired), 0 refused", "2 Traces in out.jsonl"],
    )
    traces = [Trace.from_json(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [(trace.id, trace.turn.answer) for trace in traces] == [("train-1", "A cat."), ("train-2", "A cat.")]
    status, said, log = run(capsys, "export", "llava", "out.jsonl", "back.jsonl")
    assert (status, said, log[0]) == (0, "", "out.jsonl: 2 rows read, 2 kept (0 of them repaired), 0 refused")
    assert log[1:-1] == [f"not in a row of llava: {loss}" for loss in FORMATS["llava"].losses]
    assert log[-1] == "2 rows in back.jsonl"
    assert Path("back.jsonl").read_bytes() == Path(source).read_bytes()


def test_a_list_is_read_and_written(capsys):
    Path("train.json").write_text(json.dumps([GOOD, UNMARKED], indent=2))
    assert run(capsys, "import", "llava", "train.json", "out.jsonl")[0] == 0
    assert run(capsys, "export", "llava", "out.jsonl", "back.json")[0] == 0
    mended = UNMARKED["conversations"][0] | {"value": "<image>\nWhat?"}
    assert json.loads(Path("back.json").read_text()) == [GOOD, UNMARKED | {"conversations": [mended, PAIR[1]]}]
    assert len(Path("back.json").read_text().splitlines()) == 4


def test_what_was_mended_or_refused_is_named_in_the_report(capsys):
    source = lines("train.jsonl", GOOD, BAD, UNMARKED, 7, BAD, BAD)
    status, _, log = run(capsys, "import", "llava", source, "out.jsonl", "--report", "report.json")
    assert status == 0
    assert log == [
        "train.jsonl: 6 rows read, 2 kept (1 of them repaired), 4 refused",
        f"  train-2: {NO_LIST}",
        "  train-4: a row is a JSON object, this is int",
        f"  train-5: {NO_LIST}",
        "  and 1 more",
        "2 Traces in out.jsonl",
    ]
    report = json.loads(Path("report.json").read_text())
    assert report["format"] == "llava"
    (part,) = report["files"]
    mend = "the picture has no <image>; it is put before the first question"
    assert part["repaired"] == [{"row": "train-3", "reason": mend}]
    assert part["refused"][-1] == {"row": "train-6", "reason": NO_LIST}
    assert (part["file"], part["read"], part["kept"]) == ("train.jsonl", 6, 2)


def test_the_counts_of_several_files_at_once(capsys):
    files = [lines("a.jsonl", GOOD, UNMARKED), lines("b.jsonl", GOOD, BAD)]
    assert run(capsys, "import", "llava", *files, "--check") == (
        0,
        "",
        [
            "a.jsonl: 2 rows read, 2 kept (1 of them repaired), 0 refused",
            "b.jsonl: 2 rows read, 1 kept (0 of them repaired), 1 refused",
            f"  b-2: {NO_LIST}",
            "in all: 4 rows read, 3 kept (1 of them repaired), 1 refused",
        ],
    )
    assert sorted(path.name for path in Path().iterdir()) == ["a.jsonl", "b.jsonl"]


def test_the_shared_traces_of_taco(capsys, shared):
    path = str(shared("taco/taco_mmvet_traces.jsonl"))
    assert run(capsys, "import", "taco", path, "--check") == (
        0,
        "",
        [f"{path}: 132 rows read, 132 kept (0 of them repaired), 0 refused"],
    )


def test_a_file_that_breaks_off_keeps_the_rows_before(capsys):
    Path("a.jsonl").write_text(json.dumps(GOOD) + '\n{"id": "2", "conv\n')
    status, _, log = run(capsys, "import", "llava", "a.jsonl", lines("b.jsonl", GOOD), "out.jsonl")
    assert status == 2
    why = "line 2 of 'a.jsonl' is no JSON: Invalid control character at: line 1 column 18 (char 17)"
    assert log == [
        "a.jsonl: 1 rows read, 1 kept (0 of them repaired), 0 refused",
        "b.jsonl: 1 rows read, 1 kept (0 of them repaired), 0 refused",
        f"handeye: {why}; mend or remove it; the 1 rows kept before it stand",
        "in all: 2 rows read, 2 kept (0 of them repaired), 0 refused",
        "2 Traces in out.jsonl",
    ]
    assert len(Path("out.jsonl").read_text().splitlines()) == 2


def test_text_that_is_no_utf8_nests_too_deeply_or_cannot_be_written(capsys):
    Path("latin.jsonl").write_bytes(json.dumps(GOOD).encode() + b'\n{"id": "\xe9"}\n')
    _, _, log = run(capsys, "import", "llava", "latin.jsonl", "--check")
    assert log[-1].startswith("handeye: 'latin.jsonl' is no UTF-8 text after row ")
    assert log[-1].endswith("; save it as UTF-8")
    Path("deep.jsonl").write_text('{"a":' * 100_000)
    status, _, log = run(capsys, "import", "llava", "deep.jsonl", "--check")
    assert (status, log[-1]) == (2, "handeye: 'deep.jsonl' nests JSON too deeply after row 0; remove that row")
    whole = {"schema": "handeye.trace/1", "id": "t", "turns": [{"request": "Hi"}]}
    half = whole | {"turns": [{"request": "\ud83d"}]}
    status, _, log = run(capsys, "import", "trace", lines("half.jsonl", half, whole), "out.jsonl")
    assert (status, log[0]) == (0, "half.jsonl: 2 rows read, 1 kept (0 of them repaired), 1 refused")
    assert log[1].startswith("  half-1: the row cannot be saved as a Trace; expected finite numbers, whole characters ")


def test_a_trace_that_a_format_cannot_hold_is_refused_and_the_rest_written(capsys):
    trace = {"schema": "handeye.trace/1", "id": "t", "turns": [{"request": "Hi"}, {"request": "Hello?"}]}
    good = {"schema": "handeye.trace/1", "id": "u", "turns": [{"request": "Hi"}]}
    source = lines("in.jsonl", trace, good, {"id": "v", "turns": 3})
    status, _, log = run(capsys, "export", "llava", source, "out.json", "--report", "r.json")
    assert status == 0
    assert log[:3] == [
        "in.jsonl: 3 rows read, 1 kept (0 of them repaired), 2 refused",
        "  in-1 (t): question 1 has no answer; only the last may have none",
        "  in-3: it is no Trace: turns: Input should be a valid tuple; expected what `handeye ask --json` prints",
    ]
    said = [{"from": "human", "value": "Hi"}]
    assert json.loads(Path("out.json").read_text()) == [{"id": "u", "conversations": said}]
    assert len(json.loads(Path("r.json").read_text())["files"][0]["refused"]) == 2


REFUSED = {
    "no format is named 'tacco'; did you mean 'taco'?": ["import", "tacco", "a.jsonl", "o.jsonl"],
    f"no format is named 'x'; expected one of {', '.join(SUMMARIES)}": ["export", "x", "a.jsonl", "o.json"],
    "`handeye data` has no 'imprt'; did you mean 'import'?": ["imprt"],
    "`handeye data` has no 'x'; expected one of import, export, make, teach, from-chats, validate, stats, mix": ["x"],
    "no file at 'no.jsonl'; name a .json, .jsonl or .parquet file of rows": ["import", "llava", "no.jsonl", "o.jsonl"],
    "'a.jsonl' is the only file; name the output after it, or --check to count alone": ["import", "llava", "a.jsonl"],
    "'b.jsonl' is there already; name another output, or add --force to replace it": [
        "import", "llava", "a.jsonl", "b.jsonl",
    ],
    "'a.jsonl' is an input and the output; name another output": ["import", "llava", "a.jsonl", "a.jsonl", "--force"],
    "the output 'o.json' does not end in .jsonl; Traces are written one a line": [
        "import", "llava", "a.jsonl", "o.json",
    ],
    "the output 'o.txt' ends in none of .json (one list), .jsonl (a row a line), .parquet (a table)": [
        "export", "llava", "a.jsonl", "o.txt",
    ],
    "a parquet file holds rows of trl, not of 'llava'; name OUT.jsonl, or export trl": [
        "export", "llava", "a.jsonl", "o.parquet",
    ],
    "'folder.jsonl' is a folder; name a file": ["import", "llava", "a.jsonl", "folder.jsonl"],
    "--report 'a.jsonl' is a folder, an input or the output; name another file": [
        "import", "llava", "a.jsonl", "o.jsonl", "--report", "a.jsonl",
    ],
    "'a.jsonl' and 'folder.jsonl/a.jsonl' would give their rows the same ids, which are made of the file's name; "
    "import them into two files": ["import", "llava", "a.jsonl", "folder.jsonl/a.jsonl", "o.jsonl"],
    f"no row of 'bad.jsonl' is of the format 'llava'; bad-1: {NO_LIST}": ["import", "llava", "bad.jsonl", "o.jsonl"],
    "no row of 'trace.jsonl' can be written as taco; trace-1 (t): it has 0 turns, the last of 0 steps; taco holds one "
    "turn with steps": ["export", "taco", "trace.jsonl", "o.jsonl"],
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_bad_input_is_one_line_and_exit_2_and_nothing_is_written(capsys, why):
    Path("folder.jsonl").mkdir()
    for name in ("a.jsonl", "b.jsonl", "folder.jsonl/a.jsonl"):
        lines(name, GOOD)
    lines("bad.jsonl", BAD)
    lines("trace.jsonl", {"schema": "handeye.trace/1", "id": "t"})
    before = sorted(Path().rglob("*"))
    status, said, log = run(capsys, *REFUSED[why])
    assert (status, said, log[-1]) == (2, "", f"handeye: {why}")
    assert sum(line.startswith("handeye: ") for line in log) == 1
    assert sorted(Path().rglob("*")) == before
    assert json.loads(Path("b.jsonl").read_text()) == GOOD


def test_a_table_is_written_and_read_again(capsys):
    assert run(capsys, "import", "llava", lines("a.jsonl", GOOD), "o.jsonl")[0] == 0
    status, _, log = run(capsys, "export", "trl", "o.jsonl", "o.parquet")
    assert (status, log[-1]) == (0, "1 rows in o.parquet")
    assert run(capsys, "import", "trl", "o.parquet", "again.jsonl")[0] == 0
    again = Trace.from_json(Path("again.jsonl").read_text())
    assert (again.turn.request, again.turn.answer) == ("What is it?", "A cat.")
    assert again.artifacts["img_1"].path == "cat.jpg"


def test_two_lists_in_one_file_are_not_read_as_one(capsys):
    Path("two.json").write_text(json.dumps([GOOD]) + json.dumps([GOOD]))
    status, _, log = run(capsys, "import", "llava", "two.json", "o.jsonl")
    assert status == 2
    assert any("'two.json' goes on after its list ended (1 rows); expected one list" in line for line in log)


def test_a_line_that_is_no_trace_is_counted_on_the_way_into_a_table(capsys):
    run(capsys, "import", "llava", lines("a.jsonl", GOOD), "o.jsonl")
    Path("o.jsonl").write_text('{"turns": 3}\n' + Path("o.jsonl").read_text())
    status, _, log = run(capsys, "export", "trl", "o.jsonl", "o.parquet")
    assert (status, log[-1]) == (0, "1 rows in o.parquet")
    assert any("2 rows read, 1 kept" in line and "1 refused" in line for line in log)


def test_an_input_that_is_named_like_the_partial_output_survives(capsys):
    lines("o.jsonl.part", GOOD)
    assert run(capsys, "import", "llava", "o.jsonl.part", "o.jsonl")[0] == 0
    assert json.loads(Path("o.jsonl.part").read_text()) == GOOD


def test_an_output_is_replaced_when_told(capsys):
    source, old = lines("a.jsonl", GOOD), lines("o.jsonl", BAD)
    assert run(capsys, "import", "llava", source, old, "--force")[0] == 0
    assert Trace.from_json(Path(old).read_text()).turn.answer == "A cat."
