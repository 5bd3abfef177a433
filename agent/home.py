"""$HANDEYE_HOME: where traces are kept, one folder each, until they are forgotten."""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from skills import InputError
from skills.checkpoint import home as home

from .journal import FILE

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class Kept:
    """One kept trace."""

    id: str
    """Its id, the folder's name."""
    folder: Path
    """Where it lies."""
    changed: float
    """When it was last written, seconds since 1970."""
    size: int
    """Bytes on disk."""


def trace_folder(trace_id: str) -> Path:
    """Return the folder of a kept trace; raises InputError for an id that is no plain name."""
    if not re.fullmatch(r"\w[\w.-]{0,127}", trace_id):
        raise InputError(f"{trace_id!r} is no trace id; expected letters, digits, '-', '_' and '.'")
    return home() / "traces" / trace_id


def make_home() -> None:
    """Make the home folder, readable by its owner alone; raises InputError where that cannot be done."""
    folder = home()
    try:
        (folder / "traces").mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"cannot write to {str(folder)!r}: {error.strerror}; set HANDEYE_HOME to another") from None


def kept() -> list[Kept]:
    """Return the kept traces, oldest first."""
    folder = home() / "traces"
    found = [_kept(path) for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(found, key=lambda item: (item.changed, item.id))


def _kept(folder: Path) -> Kept:
    log = folder / FILE
    changed = (log if log.exists() else folder).stat().st_mtime
    return Kept(folder.name, folder, changed, size_of(folder))


def size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def older(items: list[Kept], age: str) -> list[Kept]:
    """Return those that were last written longer ago than `age` ("30d", "12h", "2w").

    Raises InputError for an age that is none.
    """
    match = re.fullmatch(r"(\d{1,9})([smhdw])", age)
    if match is None:
        raise InputError(f"{age!r} is no age; expected a number and s, m, h, d or w, e.g. 30d")
    limit = time.time() - int(match[1]) * _UNITS[match[2]]
    return [item for item in items if item.changed < limit]


def delete(item: Kept) -> None:
    """Delete a kept trace with its payloads; a link is removed, not what it points to."""
    if item.folder.is_symlink():
        item.folder.unlink()
    else:
        shutil.rmtree(item.folder)


def discard_empty(folder: Path) -> None:
    """Delete a trace's folder in which no turn was ever logged (its request could not be used)."""
    if folder.is_dir() and not (folder / FILE).exists():
        shutil.rmtree(folder)


def human(size: int) -> str:
    """Return bytes as people write them: "812 B", "3.4 MB"."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
