"""Folders of checkpoints: made sure of before a run, and replaced whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.saved import prepare
from skills import InputError


def claim(out: Path, mark: str, kind: str, *, force: bool) -> None:
    """Make sure that a checkpoint may be written to a folder; one of its `kind` ("planner") holds a file named `mark`.

    Raises InputError where it is there already and not `force`, where it holds anything but such a checkpoint, and
    where nothing can be written beside it.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {str(out)!r} is a file; name a folder")
    held = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if held and mark not in held:
        raise InputError(f"--out {str(out)!r} holds {held[0]!r} and no {kind}; name a folder that is not there yet")
    if held and not force:
        raise InputError(f"--out {str(out)!r} is there already; name another folder, or add --force to replace it")
    prepare(out.absolute().parent)


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Give an empty folder to write, which takes `out`'s place when the block ends; none is left where it raises."""
    out = out.absolute()
    part, old = (out.with_name(f".{out.name}.{os.getpid()}.{ending}") for ending in ("part", "old"))
    part.mkdir(parents=True)
    try:
        yield part
        if out.exists():
            out.rename(old)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
