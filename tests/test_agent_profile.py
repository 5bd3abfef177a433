"""Profiles: the three that ship, what a file may say, and what it may not."""

from pathlib import Path

import pytest

from agent.cli import main
from agent.profile import NAMES, Profile, read_profile
from skills import InputError
from skills.registry import Registry


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_profiles_load_and_fit_the_registry(name: str) -> None:
    profile = read_profile(name)
    profile.check(Registry.load().names)
    assert profile.planner == "embedded"


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
        ("plannr = 'x'", "unknown key 'plannr'; expected planner, deadline, max_steps, seed, skills"),
        ("[skills.detect]\ncheckpoint = 'x'", "unknown key 'skills.detect.checkpoint'; expected offer"),
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
    with pytest.raises(InputError, match=r"no profile is named 'big'; expected embedded, laptop, full or a FILE\.toml"):
        read_profile("big")


def test_a_profile_narrows_the_offer_and_its_skills_must_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[skills.blur]\noffer = false\n")
    assert main(["skills", "--profile", str(path)]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == [name for name in Registry.load().names if name != "blur"]
    path.write_text("[skills.blurr]\noffer = false\n")
    assert main(["skills", "--profile", str(path)]) == 2
    expected = "handeye: the profile sets [skills.blurr], which is no skill; did you mean 'blur'?\n"
    assert capsys.readouterr().err == expected
