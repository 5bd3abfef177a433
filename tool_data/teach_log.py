"""A file of JSON lines that survives a kill at any moment: each line is on the disk before the next is worked on."""

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.journal import append, heal


class Log:
    """Rows by key, in memory only their places in the file; safe to use from many threads."""

    def __init__(self, path: Path, key: str) -> None:
        """Open a log whose rows have their key under `key`; a line that a kill cut short is passed over."""
        self.path = path
        self._key = key
        self._places: dict[str, int] = {}
        self._guard = threading.Lock()
        heal(path)
        if path.exists():
            self._find()

    def _find(self) -> None:
        start = 0
        with self.path.open("rb") as file:
            for line in file:
                if (row := _row(line)) is not None and self._key in row:
                    self._places.setdefault(row[self._key], start)
                start += len(line)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row whose key is new; it is on the disk when this returns.

        Raises ValueError for a key that is there and OSError where the disk is full; then nothing is added.
        """
        with self._guard:
            if row[self._key] in self._places:
                raise ValueError(f"{row[self._key]!r} is in {str(self.path)!r} already; rows are added once")
            self._places[row[self._key]] = append(self.path, row)

    def get(self, key: str) -> dict[str, Any]:
        """Return the row of a key; raises KeyError where there is none."""
        with self.path.open("rb") as file:
            file.seek(self._places[key])
            row: dict[str, Any] = json.loads(file.readline())
        return row


def _row(line: bytes) -> dict[str, Any] | None:
    """Return a line's row, or None where a kill left half of it."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
