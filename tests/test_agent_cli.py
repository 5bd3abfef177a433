"""`handeye ask` and the table of commands: answers, saved files, exit statuses and the words of every refusal."""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli import COMMANDS, main
from agent.home import kept
from agent.journal import load
from agent.trace import Trace
from skills.values import Picture

Script = Callable[..., str]
CALL = {"name": "crop", "args": {"region": [0.0, 0.0, 0.5, 0.5]}}


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Return a function that writes a planner's lines and returns the option naming them."""

    def write(*lines: object) -> str:
        path = tmp_path / "script.json"
        path.write_text(json.dumps(lines))
        return f"--planner=scripted:{path}"

    return write


@pytest.fixture
def photo(tmp_path: Path, plain: Picture) -> str:
    path = tmp_path / "photo.png"
    path.write_bytes(plain.png)
    return str(path)


def test_ask_prints_the_answer_saves_by_id_and_keeps_the_trace(
    tmp_path: Path, photo: str, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    request = [photo, "crop the corner", "--region", "0.1,0.1,0.4,0.5", "--save", str(out)]
    assert main(["ask", *request, script(CALL, "cut: [img_2]")]) == 0
    said, log = capsys.readouterr()
    assert said == f"cut: img_2\n{out / 'img_2.png'}\n"
    assert "step 1\n  call_1 crop(region=[0.0, 0.0, 0.5, 0.5])\n  call_1 success" in log
    assert {path.name for path in out.iterdir()} == {"trace.jsonl", "img_1.png", "boxes_1.json", "img_2.png"}
    trace = load(out).trace
    assert trace.turn.answer == "cut: img_2"
    assert trace.turn.marks == ("boxes_1",)
    assert [item.id for item in kept()] == [trace.id]


def test_saving_again_replaces_the_earlier_trace(tmp_path: Path, photo: str, script: Script) -> None:
    out = tmp_path / "out"
    assert main(["ask", photo, "crop", "--save", str(out), script(CALL, "done")]) == 0
    assert main(["ask", "hello", "--save", str(out), script("hi")]) == 0
    assert [path.name for path in out.iterdir()] == ["trace.jsonl"]
    assert load(out).trace.turn.answer == "hi"


def test_json_leaves_nothing_but_the_trace_on_stdout(
    photo: str, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", photo, "crop", "--json", script(CALL, "what now?")]) == 0
    trace = Trace.from_json(capsys.readouterr().out)
    assert trace.turn.stop_reason == "asked"


def test_a_question_without_a_picture_is_fine(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "what is 2+2?", script({"name": "calculate", "args": {"expression": "2+2"}}, "[num_1]")]) == 0
    assert capsys.readouterr().out == "4\n"


def _huge_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 13000, 13000, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (1 + 13000 // 8) * 13000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _jpeg_cut_short(plain: Picture) -> bytes:
    import io

    buffer = io.BytesIO()
    plain.image.resize((400, 300)).save(buffer, "JPEG")
    return buffer.getvalue()[:2000]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("none.png", None, "no picture at '{path}'; check the path"),
        (".", None, "'{path}' is a folder; give a picture file"),
        ("cut.jpg", "cut", "'{path}' is damaged or cut short"),
        ("huge.png", "huge", "'{path}' is 13000x13000, 169 megapixels; at most 50 are read: scale it down first"),
        ("text.png", "text", "'{path}' is not a picture of a known format (PNG, JPEG, WEBP, TIFF, BMP, GIF)"),
    ],
)
def test_a_picture_that_cannot_be_read_is_one_line_and_exit_2(
    name: str,
    content: str | None,
    expected: str,
    tmp_path: Path,
    plain: Picture,
    script: Script,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    path = folder / name
    contents = {"cut": _jpeg_cut_short(plain), "huge": _huge_png(), "text": b"just words\n"}
    if content is not None:
        path.write_bytes(contents[content])
    assert main(["ask", str(path), "what is it?", script("never said")]) == 2
    said, log = capsys.readouterr()
    assert said == ""
    assert log.startswith("handeye: " + expected.format(path=path))
    assert log.count("\n") == 1
    assert kept() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([" "], 'the request is empty; say what to do, e.g. "what does it say?"'),
        (["x", "--offer", "blurr"], "no skill is named 'blurr'; did you mean blur"),
        (["x", "--offer", ","], "--offer names no skill; expected e.g. --offer blur,find_faces"),
        (["x", "--skills", "none.py"], "no skill file at 'none.py'; `handeye new-skill NAME` writes one"),
        (["x", "--save", "FILE/sub"], "cannot save to '{file}/sub': Not a directory; name another folder"),
        (["x", "--save", "FILE"], "cannot save to '{file}': File exists; name another folder"),
        (["x", "--region", "a,b"], "region 'a,b' is no box; expected x1,y1,x2,y2 (or x,y) between 0 and 1"),
        (["x", "--region", "1,2"], "region [1.0, 2.0] is no box"),
        (
            ["x", "--profile", "none"],
            "no profile is named 'none'; expected embedded, laptop, full, drawn or a FILE.toml",
        ),
        (["x", "--planner", "scripted:none.json"], "no script at 'none.json'"),
        (["x", "--seed", "many"], "argument --seed: invalid int value: 'many'; `handeye ask --help` shows the usage"),
        (["FILE"], "the request is missing: '{file}' is a file; say what to do after the pictures"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(
    options: list[str], expected: str, photo: str, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [option.replace("FILE", photo) for option in options]
    assert main(["ask", photo, script("never said"), *given]) == 2
    said, log = capsys.readouterr()
    assert said == ""
    assert log.startswith("handeye: " + expected.format(file=photo))
    assert log.count("\n") == 1


def test_a_turn_that_fails_is_exit_1(
    photo: str, script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "short.toml"
    profile.write_text("max_steps = 1\n")
    assert main(["ask", photo, "crop", "--profile", str(profile), script(CALL, "done")]) == 1
    assert "handeye: step_limit: the planner used all its steps without an answer" in capsys.readouterr().err


def test_a_bug_in_a_skill_saves_the_trace_and_shows_where(
    photo: str, script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skills = tmp_path / "broken.py"
    skills.write_text(
        "from skills import Picture, Text, skill\n\n\n@skill\ndef broken(image: Picture) -> Text:\n"
        '    """Break."""\n    raise OSError("a bug")\n'
    )
    out = tmp_path / "out"
    options = ["--skills", str(skills), "--save", str(out), "--json"]
    assert main(["ask", photo, "break", script({"name": "broken"}), *options]) == 1
    said, log = capsys.readouterr()
    assert 'broken.py", line 7, in broken' in log
    assert "handeye: OSError: a bug; this is a bug, the trace was kept as far as it got" in log
    assert load(out).trace.turn.steps[0].output.calls[0].name == "broken"
    assert Trace.from_json(said).turn.stop_reason is None


def test_control_characters_do_not_reach_the_log(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "x", script({"name": "calculate", "args": {"expression": "\x1b[2J"}}, "done")]) == 0
    assert "\x1b" not in capsys.readouterr().err


def test_a_home_that_cannot_be_written_is_said_and_the_turn_runs(
    photo: str, script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HANDEYE_HOME", f"{photo}/home")
    assert main(["ask", "hello", script("hi")]) == 0
    said, log = capsys.readouterr()
    assert said == "hi\n"
    assert f"note: the trace is not kept: cannot write to '{photo}/home': Not a directory" in log


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_one_line_and_exit_1(
    photo: str, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HANDEYE_HOME", f"{photo}/nowhere")
    out = tmp_path / "out"
    out.mkdir()
    (out / "img_1.png").symlink_to("/dev/full")
    assert main(["ask", photo, "x", "--save", str(out), script("hi")]) == 1
    assert "handeye: cannot read or write: No space left on device; free space" in capsys.readouterr().err


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aks"]) == 2
    assert capsys.readouterr().err == "handeye: no command is named 'aks'; did you mean 'ask'?\n"
    assert main([]) == 2


def test_help_lists_every_command_and_loads_no_torch() -> None:
    code = (
        "import sys; from agent.cli import main; status = main(['--help']); "
        "assert 'torch' not in sys.modules and 'cv2' not in sys.modules; sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", [name for name, row in COMMANDS.items() if row.module.startswith("agent.")])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: handeye {name}")


def test_a_command_of_the_checkout_says_so_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "demo", COMMANDS["demo"]._replace(module="no_such_demo.app"))
    assert main(["demo"]) == 2
    assert capsys.readouterr().err.startswith("handeye: `handeye demo` runs from a checkout of handeye, which this is")
