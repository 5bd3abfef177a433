"""Vectors of picture files, kept on disk by the files' content: made once, whatever the files are called."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..checkpoint import file_sha256
from ..errors import SkillError

SEEN = "files.json"
"""Holds path -> [mtime in ns, size, SHA-256], so that a file that did not change is not read again."""


class PictureIndex:
    """What one model made of picture files: (D,) float32 of length 1 for each content.

    A batch is a file of its own, written whole or not at all, so that a search that was stopped goes on where it was
    and two programs may write at once. A damaged file is deleted and what it held is made again.
    """

    def __init__(self, folder: Path) -> None:
        """Read what lies in `folder`, which need not exist."""
        self.folder = folder
        self.vectors: dict[str, np.ndarray] = {}
        self._seen: dict[str, list[int | str]] = _read_seen(folder / SEEN)
        self._unsaved = False
        for path in sorted(folder.glob("*.npy")):
            for row in _read(path):
                self.vectors[row["sha256"].decode()] = row["vector"]

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a file's content, hex; raises OSError where it cannot be read."""
        told = path.stat()
        known = self._seen.get(str(path.resolve()))
        if known is not None and known[:2] == [told.st_mtime_ns, told.st_size]:
            return str(known[2])
        found = file_sha256(path)
        self._seen[str(path.resolve())] = [told.st_mtime_ns, told.st_size, found]
        self._unsaved = True
        return found

    def add(self, digests: Sequence[str], vectors: np.ndarray) -> None:
        """Keep (N, D) vectors of N contents, on disk too; raises SkillError where that cannot be written."""
        kind = np.dtype([("sha256", "S64"), ("vector", "<f4", (vectors.shape[1],))])
        rows = np.empty(len(digests), dtype=kind)
        rows["sha256"], rows["vector"] = digests, vectors
        name = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
        self._write(f"{name}.npy", rows)
        self.vectors.update(zip(digests, rows["vector"], strict=True))

    def save(self) -> None:
        """Keep on disk which files were seen, if more were; raises SkillError where that cannot be written."""
        if self._unsaved:
            self._write(SEEN, json.dumps(dict(self._seen)))
            self._unsaved = False

    def _write(self, name: str, content: "np.ndarray | str") -> None:
        partial = self.folder / f"{name}.{os.getpid()}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with partial.open("wb") as file:
                if isinstance(content, str):
                    file.write(content.encode())
                else:
                    np.save(file, content, allow_pickle=False)
            partial.replace(self.folder / name)
        except OSError as error:
            raise SkillError(
                f"the picture index cannot be kept in {str(self.folder)!r}: {error.strerror}; "
                "set HANDEYE_HOME to another"
            ) from error


def _read(path: Path) -> np.ndarray:
    """Return the rows of one file, none where it is damaged."""
    try:
        rows = np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError):
        rows = np.empty(0)
    if rows.dtype.names == ("sha256", "vector"):
        return rows
    path.unlink(missing_ok=True)
    return np.empty(0)


def _read_seen(path: Path) -> dict[str, list[int | str]]:
    """Return the files that were seen, none where that is damaged or nothing is kept."""
    try:
        seen: dict[str, list[int | str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return seen
