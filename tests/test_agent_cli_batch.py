"""`handeye batch`: rows, recorded results, damaged lines, going on after a stop."""

import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.saved import read_rows
from skills.store import Artifacts, Store
from skills.values import Masks, Picture


def _files(tmp_path: Path, plain: Picture, rows: list[object], lines: list[object]) -> list[str]:
    (tmp_path / "a.png").write_bytes(plain.png)
    batch, script = tmp_path / "in.jsonl", tmp_path / "script.json"
    batch.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    script.write_text(json.dumps(lines))
    return ["batch", str(batch), str(tmp_path / "out.jsonl"), f"--planner=scripted:{script}"]


def test_a_rows_requests_are_one_chat_with_recorded_results(tmp_path: Path, plain: Picture) -> None:
    face = {"kind": "boxes", "xyxy": [[1, 2, 30, 40]], "labels": ["face"], "scores": [0.9]}
    row = {"id": "r1", "images": ["a.png"], "requests": ["faces?", "blur it"], "offer": ["find_faces", "blur"]}
    lines = [{"name": "find_faces"}, "[boxes_1.count]", {"name": "blur", "args": {"regions": "boxes_1"}}, "[img_2]"]
    assert main(_files(tmp_path, plain, [{**row, "results": {"find_faces": [face]}}], lines)) == 0
    (trace,), problems = read_rows(tmp_path / "out.jsonl")
    assert (trace.id, problems) == ("r1", [])
    assert [turn.answer for turn in trace.turns] == ["1", "img_2"]
    assert trace.meta.offer == ("find_faces", "blur")
    assert trace.meta.replayed == ("find_faces",)
    assert Artifacts(Store(tmp_path / "out.store"), trace.artifacts).picture("img_2").size == plain.size


def test_damaged_rows_are_reported_by_line_and_the_rest_is_run(
    tmp_path: Path, plain: Picture, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"id": "good", "images": ["a.png"], "requests": ["x"]},
        '{"id": broken',
        {"id": "gone", "images": ["gone.png"], "requests": ["x"]},
        {"id": "good", "requests": ["x"]},
        {"id": "typo", "requests": ["x"], "image": []},
        {"id": "empty", "requests": [" "]},
        {"id": "offer", "requests": ["x"], "offer": ["blurr"]},
        {"id": "value", "requests": ["x"], "results": {"find_faces": [{"kind": "boxs"}]}},
        {"id": "last", "requests": ["x"]},
    ]
    assert main(_files(tmp_path, plain, rows, ["one", "two"])) == 2
    assert [trace.id for trace in read_rows(tmp_path / "out.jsonl")[0]] == ["good", "last"]
    log = capsys.readouterr().err
    for line in (
        "line 2: it is no JSON: ",
        "line 3: no picture at ",
        "line 4: its id 'good' is that of line 1; ids are used once",
        "line 5: unknown key 'image'; expected id, images, requests, offer, results",
        "line 6: 'requests.0' is empty; say what to do",
        "line 7: no skill is named 'blurr'; did you mean blur",
        "line 8: a result of 'find_faces' is no value: ",
    ):
        assert f"handeye: {line}" in log
    assert "2 rows run, 0 of them failed, 0 were done before, 7 could not be read (line 2, 3, 4, 5, 6, 7, 8)" in log


def test_a_second_run_does_what_is_missing(tmp_path: Path, plain: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[object] = [{"id": name, "requests": ["x"]} for name in ("r1", "r2")]
    assert main(_files(tmp_path, plain, rows, ["one", "two"])) == 0
    out = tmp_path / "out.jsonl"
    whole = out.read_bytes()
    out.write_bytes(whole[:-40])
    assert main(_files(tmp_path, plain, rows, ["again"])) == 0
    assert "line 2 of" in capsys.readouterr().err
    traces, problems = read_rows(out)
    assert [(trace.id, trace.turn.answer) for trace in traces] == [("r1", "one"), ("r2", "again")]
    assert len(problems) == 1


def test_a_turn_that_fails_is_written_and_exit_1(tmp_path: Path, plain: Picture) -> None:
    rows: list[object] = [{"id": "r1", "requests": ["x"]}, {"id": "r2", "requests": ["x"]}]
    lines: list[object] = [{"thought": "", "malformed": "?"}] * 3
    assert main(_files(tmp_path, plain, rows, [*lines, "fine"])) == 1
    assert [trace.turn.stop_reason for trace in read_rows(tmp_path / "out.jsonl")[0]] == ["planner_error", "answered"]


def test_masks_as_boxes_and_pictures_by_path(tmp_path: Path, plain: Picture) -> None:
    masks = {"kind": "masks", "boxes": [[20, 10, 60, 50]], "labels": ["square"]}
    picture = {"kind": "picture", "path": "a.png", "frame": "img_1"}
    row = {"id": "r", "images": ["a.png"], "requests": ["x"], "results": {"segment": [masks], "erase": [picture]}}
    lines = [
        {"name": "segment", "args": {"regions": [0.1, 0.1, 0.5, 0.5]}},
        {"name": "erase", "args": {"regions": "mask_1"}},
        "done",
    ]
    assert main(_files(tmp_path, plain, [row], lines)) == 0
    (trace,), _ = read_rows(tmp_path / "out.jsonl")
    artifacts = Artifacts(Store(tmp_path / "out.store"), trace.artifacts)
    mask = artifacts.value("mask_1")
    assert isinstance(mask, Masks)
    assert mask.array[0].sum() == 40 * 40
    assert mask.array[0, 10:50, 20:60].all()
    assert artifacts.picture("img_2").frame == "img_1"


@pytest.mark.parametrize(
    ("rows", "out", "expected"),
    [
        ("none.jsonl", "out.jsonl", "batch '{folder}/none.jsonl' cannot be read: No such file or directory"),
        ("in.jsonl", "in.jsonl", "IN.jsonl and OUT.jsonl are the same file; name another output"),
        ("in.jsonl", "in.jsonl/out.jsonl", "cannot save to '{folder}/in.jsonl': File exists"),
        ("in.jsonl", ".", "'{folder}' is a folder; name a file for the traces"),
    ],
)
def test_files_that_cannot_be_used_are_exit_2(
    rows: str, out: str, expected: str, tmp_path: Path, plain: Picture, capsys: pytest.CaptureFixture[str]
) -> None:
    planner = _files(tmp_path, plain, [{"id": "r", "requests": ["x"]}], ["never said"])[-1]
    assert main(["batch", str(tmp_path / rows), str(tmp_path / out), planner]) == 2
    assert capsys.readouterr().err.startswith("handeye: " + expected.format(folder=tmp_path))
