"""The local folder that `retrieve` searches: which of its files may be read."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import SkillError

MOST_FILES = 5_000
"""How many files are searched, by name."""


def files_of(folder: Path, suffixes: Sequence[str], largest: int) -> list[Path]:
    """Return a folder's files with these endings by name; hidden ones and links that lead outside are left out.

    So is what is larger than `largest` bytes. Raises SkillError where there is no such folder.
    """
    if not folder.is_dir():
        raise SkillError(f"there is no folder {str(folder)!r} to search; name one with --folder DIR")
    root = folder.resolve()
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in suffixes
        and path.is_file()
        and path.resolve().is_relative_to(root)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.stat().st_size <= largest
    ]
    return files[:MOST_FILES]


def place(folder: Path, path: Path) -> str:
    """Return a file as a person names it: "docs/x.md"."""
    return f"{folder.resolve().name}/{path.relative_to(folder).as_posix()}"
