"""Profiles: the three that ship, what a file may say, and what it may not."""

from pathlib import Path

import pytest

from agent import Agent
from agent.cli import main
from agent.profile import NAMES, Profile, read_profile
from skills import InputError
from skills.registry import Registry


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_profiles_load_and_fit_the_registry(name: str) -> None:
    profile = read_profile(name)
    registry = Registry.load().configured(profile.tables, profile.name)
    assert profile.planner == "embedded"
    for item in registry:
        if item.chosen is not None and item.unavailable():
            assert item.unavailable().endswith(
                f"handeye pull {item.name}" + (f" --profile {name}" if profile.name else "")
            )


def test_the_default_is_the_embedded_file_and_the_class() -> None:
    assert read_profile("embedded") == Profile()


def test_embedded_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.profile.FOLDER", tmp_path)
    assert read_profile("embedded") == Profile()
    with pytest.raises(InputError, match=r"^profile 'full' lies in profiles/ of a checkout, which this is not"):
        read_profile("full")


def test_a_planner_beside_the_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine.toml"
    path.write_text('planner = "mine"\ndeadline = 5\n[skills.blur]\noffer = false\n')
    profile = read_profile(str(path))
    assert profile.planner == str(tmp_path / "mine")
    assert profile.deadline == 5
    assert not profile.skills["blur"].offer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plannr = 'x'", "unknown key 'plannr'; expected planner, deadline, max_steps, seed, memory, skills"),
        ("memory = -1", "'memory': Input should be greater than or equal to 0, got -1"),
        ("deadline = 0", "'deadline': Input should be greater than 0, got 0"),
        ("max_steps = 'many'", "'max_steps': Input should be a valid integer"),
        ("deadline = ", "is no TOML: "),
    ],
)
def test_a_wrong_profile_is_one_line(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_profile(str(path))
    assert str(caught.value).startswith(f"profile {str(path)!r}")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_or_an_unknown_name_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory; expected a TOML file"):
        read_profile(str(tmp_path))
    with pytest.raises(
        InputError, match=r"no profile is named 'big'; expected embedded, laptop, full, drawn or a FILE\.toml"
    ):
        read_profile("big")


def test_a_profile_narrows_the_offer_and_its_skills_must_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[skills.blur]\noffer = false\n")
    assert main(["skills", "--profile", str(path)]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:] if not line.startswith(" ")]
    assert names == [name for name in Registry.load().names if name != "blur"]
    path.write_text("[skills.blurr]\noffer = false\n")
    assert main(["skills", "--profile", str(path)]) == 2
    expected = "handeye: the profile sets [skills.blurr], which is no skill; did you mean 'blur'?\n"
    assert capsys.readouterr().err == expected


def test_a_table_reaches_its_skill_and_a_path_beside_the_profile_is_found(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    path = tmp_path / "mine.toml"
    path.write_text("memory = 1.5\n[skills.detect]\ncheckpoint = 'tiny'\nthreshold = 0.2\n")
    profile = read_profile(str(path))
    agent = Agent("embedded", profile=profile)
    chosen = agent.registry.get("detect").chosen
    assert chosen.checkpoint.id == str(tmp_path / "tiny")
    assert chosen.settings == {"threshold": 0.2, "overlap": 0.8}
    assert agent.runtime.budget == 1_500_000_000
    expected = f"no checkpoint lies at {str(tmp_path / 'tiny')!r}; correct the profile"
    assert agent.registry.get("detect").unavailable() == expected


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "[skills.detect]\nimplementation = 'yolo'",
            "the profile's [skills.detect] implementation is 'yolo'; expected grounding_dino, fastest_det",
        ),
        ("[skills.detect]\nthreshold = 'high'", "[skills.detect] threshold is 'high'; expected a value like 0.35"),
        ("[skills.detect]\ndtype = 'int4'", "dtype is 'int4'; expected float32, bfloat16, float16"),
        ("[skills.detect]\nsize = '690 MB'", "[skills.detect] size is '690 MB'; expected a value like 690000000"),
        ("[skills.detect]\nsha256 = 'ab'", "sets sha256, which needs a checkpoint that is one file"),
        ("[skills.detect]\nparts = { text = 'bert' }", "parts has 'text' = 'bert'; expected id@revision of none"),
        ("[skills.blur]\nstrength = 3", "the profile's [skills.blur] sets 'strength', but blur has no settings"),
    ],
)
def test_a_wrong_table_is_one_line(
    table: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(table)
    assert main(["skills", "--profile", str(path)]) == 2
    told = capsys.readouterr().err
    assert expected in told
    assert told.count("\n") == 1
