"""The home folder: where it is, what is kept, what is deleted."""

import time
from pathlib import Path

import platformdirs
import pytest

from agent.home import Kept, delete, discard_empty, home, human, kept, make_home, older, trace_folder
from skills import InputError


def test_home_is_named_by_the_environment_or_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANDEYE_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("HANDEYE_HOME")
    assert home() == Path(platformdirs.user_data_dir("handeye", appauthor=False))


def test_only_the_owner_may_look_into_the_traces() -> None:
    make_home()
    assert (home() / "traces").stat().st_mode & 0o077 == 0
    assert kept() == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", ".hidden", "a\nb", "x" * 200])
def test_an_id_that_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is no trace id; expected letters, digits"):
        trace_folder(name)


def test_ages_are_read_and_compared() -> None:
    now = time.time()
    items = [Kept(str(days), Path(), now - days * 86400 - 60, 0) for days in (1, 8, 31)]
    assert [item.id for item in older(items, "1d")] == ["1", "8", "31"]
    assert [item.id for item in older(items, "2w")] == ["31"]
    assert [item.id for item in older(items, "25h")] == ["8", "31"]
    with pytest.raises(InputError, match=r"^'30' is no age; expected a number and s, m, h, d or w, e\.g\. 30d$"):
        older(items, "30")


def test_a_link_is_deleted_and_not_what_it_points_to(tmp_path: Path) -> None:
    make_home()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    (home() / "traces" / "link").symlink_to(precious)
    (item,) = kept()
    delete(item)
    assert kept() == []
    assert (precious / "file").read_text() == "keep"


def test_only_a_folder_without_a_log_is_discarded(tmp_path: Path) -> None:
    for name in ("empty", "logged"):
        (tmp_path / name / "store").mkdir(parents=True)
    (tmp_path / "logged" / "trace.jsonl").write_text("{}\n")
    for name in ("empty", "logged", "absent"):
        discard_empty(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir() if path.name in ("empty", "logged")] == ["logged"]


@pytest.mark.parametrize(
    ("size", "written"), [(812, "812 B"), (3400, "3.4 kB"), (3_400_000, "3.4 MB"), (2e9, "2.0 GB")]
)
def test_sizes_are_written_for_people(size: int, written: str) -> None:
    assert human(size) == written
