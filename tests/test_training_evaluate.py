"""`handeye eval planner`: what it saves is what it compares; what cannot be compared is said."""

import json

import pytest

from agent.cli import main
from training.play import HELDOUT, read_rows
from training.results import SCORES, load

GOOD = {"first_call": True, "exact": True, "invalid": 0, "cited": True, "reported": None, "language": True, "digits": 0}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr("agent.planners.llava.ANSWER_TOKENS", 8)
    monkeypatch.setattr("training.play.TURNS", 1)


@pytest.fixture
def rows(tmp_path):
    """Two requests that show no picture."""
    found = list(read_rows([HELDOUT / "no_tool.jsonl"], 2))
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({**row, "picture": "none"}) + "\n" for row in found))
    return path, [row["id"] for row in found]


def saved(path, *results):
    told = [{"id": f"r{n}", "group": "direct", "lang": "en", **GOOD, **more} for n, more in enumerate(results)]
    path.write_text("".join(json.dumps(item) + "\n" for item in told))
    return str(path)


def test_a_planner_is_compared_with_what_it_saved(tmp_path, slots_checkpoint, rows, capsys):
    path, ids = rows
    out = tmp_path / "saved.jsonl"
    run = ["eval", "planner", "--planner", str(slots_checkpoint), "--set", str(path), "--save", str(out)]
    assert main([*run, "--json"]) == 0
    assert capsys.readouterr().out == out.read_text()
    assert [item["id"] for item in load(out)] == ids
    assert main(run) == 2
    assert f"{str(out)!r} is there already; name another output, or add --force" in capsys.readouterr().err
    assert main(["eval", "planner", "--compare", str(out), str(slots_checkpoint), "--set", str(path), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {item["score"] for item in found} <= set(SCORES)
    assert {"first_call", "exact", "invalid", "digits"} <= {item["score"] for item in found}
    assert all((item["difference"], item["p"], item["n"]) == (0, 1, 2) for item in found if item["score"] == "exact")


def test_two_saved_files_are_compared_without_a_run(tmp_path, capsys):
    one = saved(tmp_path / "a.jsonl", *[{"exact": n % 2 == 0} for n in range(40)])
    other = saved(tmp_path / "b.jsonl", *[{"exact": n % 8 != 0, "cited": None if n else True} for n in range(40)])
    assert main(["eval", "planner", "--compare", one, other]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"A: {one}", f"B: {other}"]
    exact = next(line.split() for line in lines if line.split()[1:2] == ["exact"])
    assert exact[:6] == ["direct", "exact", "40", "0.500", "0.875", "+0.375"]
    cited = next(line.split() for line in lines if line.split()[1:2] == ["cited"])
    assert cited[2] == "1"
    assert not any("reported" in line for line in lines)
    assert main(["eval", "planner", "--compare", one, other, "--limit", "3"]) == 2
    assert "--set and --limit choose rows to play, but both results are saved" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (
            [{}],
            "'{b}' has no result of row 'r1' (1 rows are missing); compare results on the same rows (--set, --limit)",
        ),
        ([{}, {}, {}], "'{a}' has no result of row 'r2' (1 rows are missing)"),
        ([{}, {"group": "chain"}], "row 'r1' is in two groups; compare results on the same rows"),
        ([{}, {"id": "r0"}], "row 2 of '{b}' is no result: its id 'r0' stands twice; expected what --save wrote"),
        ([{"exact": "yes"}], "row 1 of '{b}' is no result: its 'exact' is 'yes'"),
        ([{"group": None}], "row 1 of '{b}' is no result: it has no 'id' and 'group'"),
        ([], "'{b}' holds no results; expected what --save wrote"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path, capsys, results, said):
    one, other = saved(tmp_path / "a.jsonl", {}, {}), saved(tmp_path / "b.jsonl", *results)
    assert main(["eval", "planner", "--compare", one, other]) == 2
    assert said.format(a=one, b=other) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["planner", "--compare", "a", "b", "--planner", "c"],
            "--compare takes two planners or files and nothing else",
        ),
        (["planner", "--json", "--errors"], "--json prints the planner's rows alone"),
        (["planner", "--compare", "a"], "expected 2 arguments"),
        (["plannner"], "`handeye eval` has no 'plannner'; did you mean 'planner'?"),
    ],
)
def test_options_that_do_not_go_together_are_refused(capsys, options, said):
    assert main(["eval", *options]) == 2
    assert said.lower() in capsys.readouterr().err.lower()
