"""`handeye data make`: rows depend on the seed and their number alone, pass the checks and can be exported."""

import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.trace import Trace
from tool_data.make import drawn


def test_rows_do_not_depend_on_how_many_are_drawn():
    few, more = list(drawn(3, 5, 0.5)), list(drawn(5, 5, 0.5))
    assert more[:3] == few
    assert list(drawn(3, 6, 0.5)) != few
    assert [Trace.from_json(row).id for row in few] == [f"simulated-5-{n}" for n in range(3)]


@pytest.mark.slow
def test_rows_do_not_depend_on_the_processes():
    assert list(drawn(150, 1, 0.5, workers=2)) == list(drawn(150, 1, 0.5))


def test_made_rows_have_no_faults_and_become_another_trainers_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "make", "made.jsonl", "--rows", "60", "--seed", "3"]) == 0
    assert main(["data", "validate", "made.jsonl"]) == 0
    assert main(["data", "export", "trl", "made.jsonl", "rows.jsonl"]) == 0
    assert "60 rows in rows.jsonl" in capsys.readouterr().err
    rows = [json.loads(line) for line in Path("rows.jsonl").read_text(encoding="utf-8").splitlines()]
    offers = [[tool["function"]["name"] for tool in json.loads(row["tools"])] for row in rows]
    assert [list(Trace.from_json(line).meta.offer) for line in Path("made.jsonl").read_text().splitlines()] == offers


def test_what_cannot_be_made_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "make", "made.jsonl", "--rows", "0"]) == 2
    assert "--rows 0, --workers 1, --full 0.5: expected at least 1" in capsys.readouterr().err
    Path("made.jsonl").write_text("x")
    assert main(["data", "make", "made.jsonl"]) == 2
    assert "'made.jsonl' is there already" in capsys.readouterr().err
    assert Path("made.jsonl").read_text() == "x"
