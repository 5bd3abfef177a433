"""`handeye skills`, `run`, `check`, `new-skill`, `doctor` and `forget`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.cli import main
from agent.home import kept, trace_folder
from agent.inventory import fit, table
from agent.journal import load
from skills import Checkpoint, Implementation, Text, skill
from skills.registry import Registry
from skills.values import Picture

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def photo(tmp_path: Path, plain: Picture) -> str:
    path = tmp_path / "photo.png"
    path.write_bytes(plain.png)
    return str(path)


def test_the_table_has_a_row_for_each_skill_and_below_it_what_mends(capsys: Captured) -> None:
    assert main(["skills"]) == 0
    said = capsys.readouterr().out
    head, *lines = said.splitlines()
    rows = {line.split()[0]: line for line in lines if not line.startswith(" ")}
    assert tuple(rows) == Registry.load().names
    assert len(rows) == 24
    at = head.index("HERE")
    assert {row[at:] for row in rows.values()} == {"yes", "no"}
    assert rows["detect"].split() == [
        "detect",
        "grounding_dino",
        "IDEA-Research/grounding-dino-tiny",
        "Apache-2.0",
        "690.0",
        "MB",
        "no",
    ]
    assert rows["crop"].split() == ["crop", "built-in", "-", "-", "-", "yes"]
    for item in Registry.load():
        assert not item.unavailable() or f"  no\n    {item.unavailable()}" in said


@pytest.mark.parametrize("profile", ["laptop", "full"])
def test_tables_are_no_wider_than_120_columns_and_commands_are_whole(profile: str, capsys: Captured) -> None:
    for command in ("skills", "doctor"):
        main([command, "--profile", profile])
        said = capsys.readouterr().out
        assert all(len(line) <= 120 for line in said.splitlines()), said
        assert f"handeye pull detect --profile {profile}\n" in said


def test_a_part_of_a_model_has_a_row_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = Checkpoint("org/" + "very-long-name-" * 6 + "depth", licence="OpenRAIL-M", size=1_400_000_000)
    made = Implementation("net", print, checkpoint=Checkpoint("org/net", size=7_000_000), parts={"depth": depth})

    @skill(implementations=[made], examples=["x"])
    def follow() -> Text:
        """Follow."""
        return Text()

    assert table([follow]).splitlines() == [
        "NAME    IMPLEMENTATION  " + "CHECKPOINT".ljust(70) + "  LICENCE     SIZE    HERE",
        "follow  net             " + "org/net".ljust(70) + "  unknown     7.0 MB  no",
        "    checkpoint 'org/net' is not on this machine; handeye pull follow",
        f"          depth         {depth.id[:22]}...{depth.id[-45:]}  OpenRAIL-M  1.4 GB  no",
    ]
    assert fit(follow, 2_000_000_000).said == "1.4 GB of the 2.0 GB that models may take on cpu"
    too_much = fit(follow, 1_000_000_000)
    assert not too_much.ok
    assert too_much.said == (
        "1.4 GB, more than the 1.0 GB that models may take on cpu; name a smaller checkpoint, or set memory = 1.5 in "
        "the profile if it has that"
    )


def test_one_skill_in_full_and_a_name_that_is_none(capsys: Captured) -> None:
    assert main(["skills", "crop"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("crop(region, image?)\nCrop the picture")
    assert "implementation" not in said
    assert "examples:\n  crop the sign" in said
    assert '"required": [\n    "region"\n  ]' in said
    assert main(["skills", "detect"]) == 0
    assert (
        "implementation: grounding_dino (of grounding_dino, fastest_det, grounding_dino_pth)\n"
        "checkpoint: IDEA-Research/grounding-dino-tiny (main), licence Apache-2.0\n"
        "settings: threshold = 0.35, overlap = 0.8\n"
    ) in capsys.readouterr().out
    assert main(["skills", "corp"]) == 2
    assert "no skill is named 'corp'; did you mean crop" in capsys.readouterr().err


def test_run_prints_what_was_made_and_saves_it(photo: str, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "out"
    assert main(["run", "crop", photo, "--arg", "region=0,0,0.5,0.5", "--save", str(out)]) == 0
    assert capsys.readouterr().out.endswith("img_2: picture, 60x40\n")
    assert load(out).trace.artifacts["img_2"].size == (60, 40)
    assert (out / "img_2.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["calculate", "--arg", "expression=2"], 0, "num_1: 2"),
        (["rotate", "PHOTO", "--arg", "degrees=90"], 0, "img_2: picture, 80x120"),
        (["calculate", "--arg", "expression=1/0"], 1, "handeye: '1/0' divides by zero; change the divisor"),
        (["caption", "PHOTO"], 1, "handeye: caption cannot run here: "),
        (["crop", "PHOTO"], 2, "handeye: crop: argument 'region' is missing; expected crop(region, image?)"),
        (["crop", "PHOTO", "--arg", "region=boxes_1"], 2, "handeye: 'boxes_1' names no region"),
        (["crop", "PHOTO", "--arg", "region"], 2, "handeye: argument 'region' is no k=v; crop takes crop(region, im"),
        (["crop", "none.png", "--arg", "region=0,0,1,1"], 2, "handeye: no picture at 'none.png'; check the path"),
        (["corp"], 2, "handeye: no skill is named 'corp'; did you mean crop"),
    ],
)
def test_run_exits_by_what_came_of_the_call(
    arguments: list[str], status: int, said: str, photo: str, capsys: Captured
) -> None:
    assert main(["run", *[photo if item == "PHOTO" else item for item in arguments]]) == status
    lines = "\n".join(capsys.readouterr())
    assert any(line.startswith(said) for line in lines.splitlines()), lines


def test_a_new_skill_works_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-skill", "find_bright"]) == 0
    assert main(["check", "find_bright.py"]) == 0
    said = capsys.readouterr().out
    assert "find_bright(image?, threshold?): fine\n  tried find_bright() on a picture of 160x120\n  boxes_1: " in said
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_find_bright.py"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert "2 passed" in done.stdout, done.stdout
    assert main(["new-skill", "find_bright"]) == 2
    assert "'find_bright.py' exists and is not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FindRed", "'FindRed' is no name for a skill; expected a Python name in lower case, e.g. find_red"),
        ("class", "'class' is no name for a skill"),
        ("../x", "'../x' is no name for a skill"),
        ("blur", "a skill is already named 'blur'; choose another name"),
        ("json", "json.py would hide the module 'json'; choose another name"),
    ],
)
def test_a_name_that_cannot_be_is_exit_2(
    name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-skill", name]) == 2
    assert capsys.readouterr().err.startswith(f"handeye: {expected}")
    assert list(tmp_path.glob("*.py")) == []


HEAD = "from skills import Picture, Text, skill\n\n\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero"),
        ("x = 1\n", "defines no skill; decorate a function with @skill"),
        (HEAD + '@skill\ndef a(x: dict) -> Text:\n    """A."""\n', "argument 'x' is annotated"),
        (HEAD + '@skill\ndef a(n: int) -> Text:\n    """A."""\n    return Text()\n', "no examples; give requests"),
        (HEAD + '@skill\ndef blur(n: int) -> Text:\n    """A."""\n    return Text()\n', "the name 'blur' is taken"),
        (
            HEAD + f'@skill\ndef a(n: int) -> Text:\n    """{"word " * 31}."""\n    return Text()\n',
            "the docstring's first paragraph has 32 words; at most 30 fit a prompt's line",
        ),
        (
            HEAD + '@skill(examples=["a"])\ndef a(image: Picture) -> Text:\n    """A."""\n    return 1 / 0\n',
            "it raised ZeroDivisionError: division by zero (line 7)",
        ),
        (
            HEAD + '@skill(examples=["a"])\ndef a(image: Picture) -> Text:\n    """A."""\n    return "text"\n',
            "it raised TypeError: skill 'a' returned str; expected a value",
        ),
    ],
)
def test_check_names_each_problem_in_a_line(text: str, expected: str, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert main(["check", str(path)]) == 1
    problems = [line for line in capsys.readouterr().out.splitlines() if line.lstrip().startswith("problem: ")]
    assert any(expected in line for line in problems), problems


def test_check_leaves_alone_what_touches_the_outside(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HEAD + '@skill(examples=["a"], effects="file")\ndef a() -> Text:\n    """A."""\n    return 1 / 0\n')
    assert main(["check", str(path)]) == 0
    assert "not tried: it declares effects='file'" in capsys.readouterr().out


def test_check_of_a_file_that_is_not_there_is_exit_2(capsys: Captured) -> None:
    assert main(["check", "none.py"]) == 2
    assert capsys.readouterr().err.startswith("handeye: no skill file at 'none.py'")


def test_doctor_names_everything_and_exits_by_the_embedded_planner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    planner = tmp_path / "planner"
    monkeypatch.setattr("agent.planners.llava.EMBEDDED", planner)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert f"FAIL planner not at '{planner}'; `make planner` trains it" in " ".join(said.split())
    assert all(f"skill {name}" in said for name in Registry.load().names)
    planner.mkdir()
    (planner / "config.json").write_text("{}")
    (planner / "model.safetensors").write_bytes(b"weights")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert f"{planner} (7 B, sha256 9a129038d9a0)" in " ".join(said.split())
    assert said.endswith("the embedded profile can run\n")


def test_doctor_says_what_a_model_takes_of_the_memory(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "dino"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(2_000_000))
    profile = tmp_path / "mine.toml"
    table = "[skills.detect]\ncheckpoint = 'dino'\n"
    profile.write_text(f"memory = 1.0\n{table}")
    main(["doctor", "--profile", str(profile)])
    said = capsys.readouterr().out
    assert "ok    skill detect                      here, 2.0 MB of the 1.0 GB that models may take on cpu\n" in said
    profile.write_text(f"memory = 0.001\n{table}")
    main(["doctor", "--profile", str(profile)])
    said = " ".join(capsys.readouterr().out.split())
    assert "- skill detect here, 2.0 MB, more than the 1.0 MB that models may take on cpu; name a smaller" in said
    assert main(["doctor", "--profile", "none"]) == 2
    assert "no profile is named 'none'" in capsys.readouterr().err


def test_forget_deletes_what_is_named_and_says_so(photo: str, capsys: Captured) -> None:
    for _ in range(3):
        assert main(["run", "rotate", photo, "--arg", "degrees=90"]) == 0
    first, second, third = kept()
    long_ago = time.time() - 40 * 86400
    os.utime(second.folder / "trace.jsonl", (long_ago, long_ago))
    capsys.readouterr()
    assert main(["forget", first.id]) == 0
    assert capsys.readouterr().out.startswith(f"deleted {first.id} (")
    assert main(["forget", "--older", "30d"]) == 0
    assert capsys.readouterr().out.startswith(f"deleted {second.id} (")
    assert [item.id for item in kept()] == [third.id]
    assert main(["forget", "--all"]) == 0
    assert not trace_folder(third.id).exists()
    capsys.readouterr()
    assert main(["forget", "--all"]) == 0
    assert capsys.readouterr().out.startswith("nothing to delete under ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "say what to forget: one of TRACE_ID, --older 30d, --all"),
        (["x", "--all"], "say what to forget: one of TRACE_ID, --older 30d, --all"),
        (["abc"], "no trace 'abc' is kept under "),
        (["../.."], "'../..' is no trace id; expected letters, digits, '-', '_' and '.'"),
        (["--older", "soon"], "'soon' is no age; expected a number and s, m, h, d or w, e.g. 30d"),
    ],
)
def test_forget_refuses_what_it_cannot_mean(arguments: list[str], expected: str, capsys: Captured) -> None:
    assert main(["forget", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"handeye: {expected}")
