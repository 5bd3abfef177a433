"""`handeye replay`: a record played again is identical, and runs for real from a changed step."""

import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.home import kept
from agent.journal import load
from skills.values import Picture

LINES = [
    {"name": "crop", "args": {"region": [0.0, 0.0, 0.5, 0.5]}},
    [{"name": "nope"}, {"name": "caption"}, {"name": "crop", "args": {"region": "boxes_7"}}],
    [{"name": "calculate", "args": {"expression": e}} for e in ("1/0", "1+1", "2+2")],
    {"thought": "it is clear", "answer": "[num_1], [call_4.error] and [img_9]"},
]


@pytest.fixture
def saved(tmp_path: Path, plain: Picture) -> Path:
    """A saved trace with results, four kinds of errors, a mark and an answer that cites what does not exist."""
    (tmp_path / "a.png").write_bytes(plain.png)
    options = ["--region", "0.1,0.1,0.6,0.6", "--save", str(tmp_path / "out"), _script(tmp_path, LINES)]
    assert main(["ask", str(tmp_path / "a.png"), "try it", *options]) == 0
    return tmp_path / "out"


def _script(tmp_path: Path, lines: list[object]) -> str:
    path = tmp_path / f"script_{len(lines)}.json"
    path.write_text(json.dumps(lines))
    return f"--planner=scripted:{path}"


def test_a_replay_is_identical_wherever_the_trace_lies(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = tmp_path / "row.jsonl"
    row.write_text(load(saved).trace.to_json() + "\n")
    capsys.readouterr()
    for where in (saved, saved / "trace.jsonl", kept()[0].id, row):
        assert main(["replay", str(where)]) == 0
        assert capsys.readouterr().out == "identical (1 turns, 4 steps)\n"


def test_a_replay_runs_no_skill(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: object) -> None:
        raise AssertionError("a skill ran")

    monkeypatch.setattr("agent.executor._work", forbidden)
    assert main(["replay", str(saved)]) == 0


def test_the_first_difference_is_named(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = saved / "trace.jsonl"
    log.write_text(log.read_text().replace("picture, 60x40", "picture, 61x40"))
    assert main(["replay", str(saved)]) == 1
    expected = "different: turns[0].steps[0].observations[0].content: recorded 'img_2: picture, 61x40', now "
    assert expected in capsys.readouterr().out


def test_a_changed_step_runs_for_real_and_the_planner_goes_on(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "fork"
    change = ["--from", "1.1", "--set", "region=0,0,1,1", "--save", str(out)]
    assert main(["replay", str(saved), *change, _script(tmp_path, ["now [img_2]"])]) == 0
    trace = load(out).trace
    assert trace.meta.forked_from == f"{load(saved).trace.id}@1.1"
    assert trace.artifacts["img_2"].size == (120, 80)
    assert (len(trace.turn.steps), trace.turn.answer) == (2, "now img_2")
    assert trace.turn.marks == ("boxes_1",)


def test_steps_before_the_change_keep_their_results(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "fork"
    change = ["--from", "1.3", "--set", "call_5.expression=40+2", "--save", str(out)]
    assert main(["replay", str(saved), *change, _script(tmp_path, ["[num_1]"])]) == 0
    trace = load(out).trace
    assert trace.turn.answer == "42"
    assert trace.artifacts["img_2"] == load(saved).trace.artifacts["img_2"]
    assert [seen.status for seen in trace.turn.steps[2].observations] == ["success"] * 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--set", "k=v"], "--set needs --from TURN.STEP: the step whose argument is changed"),
        (["--from", "1.9"], "no step '1.9'; expected TURN.STEP, there is 1.1-1.4"),
        (["--from", "x"], "no step 'x'; expected TURN.STEP"),
        (["--from", "1.3", "--set", "expression=1"], "--set 'expression=1' fits 3 calls of that step (call_5 calc"),
        (["--from", "1.4", "--set", "expression=1"], "--set 'expression=1' fits 0 calls of that step (none)"),
    ],
)
def test_a_change_that_fits_nothing_is_exit_2(
    options: list[str], expected: str, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["replay", str(saved), *options]) == 2
    assert capsys.readouterr().err.startswith(f"handeye: {expected}")


def test_a_trace_that_is_not_there_or_lost_a_value(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "nowhere"]) == 2
    assert "no trace at 'nowhere'; expected a folder with trace.jsonl, a batch's" in capsys.readouterr().err
    (saved / "img_2.png").unlink()
    assert main(["replay", str(saved)]) == 2
    assert "handeye: the value 'img_2' cannot be replayed: payload " in capsys.readouterr().err


def test_a_damaged_line_is_reported_and_the_rest_replayed(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = saved / "trace.jsonl"
    log.write_text(log.read_text()[:-30])
    assert main(["replay", str(saved)]) == 0
    said, problems = capsys.readouterr()
    assert "identical (1 turns, 4 steps)" in said
    assert "could not be read" in problems


def test_a_row_of_a_batch_is_named_after_a_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "in.jsonl"
    rows.write_text("".join(json.dumps({"id": name, "requests": ["x", "y"]}) + "\n" for name in ("r1", "r2")))
    out = tmp_path / "out.jsonl"
    calls: list[object] = [{"name": "calculate", "args": {"expression": "6*7"}}, "[num_1]", "b", "c", "d"]
    assert main(["batch", str(rows), str(out), _script(tmp_path, calls)]) == 0
    assert main(["replay", f"{out}#r1"]) == 0
    assert capsys.readouterr().out == "identical (2 turns, 3 steps)\n"
    assert main(["replay", str(out)]) == 2
    assert "holds 2 rows; name one as out.jsonl#ROW, e.g. of r1, r2" in capsys.readouterr().err
