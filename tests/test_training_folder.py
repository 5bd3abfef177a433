"""Folders of checkpoints: what is refused, and that a new one takes an old one's place whole, its neighbours left."""

from pathlib import Path

import pytest

from skills import InputError
from training import detect, generate
from training.folder import claim, replaced


def test_a_folder_of_something_else_is_never_claimed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("kept")
    for force in (True, False):
        with pytest.raises(InputError, match=r"holds 'thesis.txt' and no planner; name a folder that is not there yet"):
            claim(tmp_path, "handeye.json", "planner", force=force)
    with pytest.raises(InputError, match=r"thesis.txt' is a file; name a folder"):
        claim(tmp_path / "thesis.txt", "handeye.json", "planner", force=True)


def test_a_checkpoint_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "handeye.json").write_text("{}")
    claim(tmp_path, "handeye.json", "planner", force=True)
    with pytest.raises(InputError, match="is there already; name another folder, or add --force to replace it"):
        claim(tmp_path, "handeye.json", "planner", force=False)


def test_a_folder_appears_whole_or_not_at_all_and_its_neighbours_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for neighbour in ("out.old", "out.part", "out.stop"):
        (tmp_path / neighbour).mkdir()
        (tmp_path / neighbour / "mine").write_text("kept")
    with replaced(out) as part:
        (part / "first").write_text("1")
        assert not out.exists()
    with pytest.raises(ValueError, match="broken"):
        _break_off(out)
    assert [path.name for path in out.iterdir()] == ["first"]
    with replaced(out) as part:
        (part / "second").write_text("3")
    assert [path.name for path in out.iterdir()] == ["second"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.old", "out.part", "out.stop"]
    assert all((tmp_path / name / "mine").read_text() == "kept" for name in ("out.old", "out.part", "out.stop"))


def _break_off(out: Path) -> None:
    with replaced(out) as part:
        (part / "half").write_text("2")
        raise ValueError("broken")


@pytest.mark.parametrize(("trainer", "kind"), [(detect, "detector"), (generate, "pipeline")])
def test_no_trainer_replaces_a_folder_of_something_else(
    trainer: object, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("kept")
    with pytest.raises(SystemExit) as ended:
        trainer.main(["--out", str(tmp_path), "--force", "--pictograms", str(tmp_path)])  # type: ignore[attr-defined]
    assert ended.value.code == 2
    assert f"holds 'thesis.txt' and no {kind}; name a folder that is not there yet" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "kept"
