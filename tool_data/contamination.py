"""Whether a row asks what a benchmark asks: its requests share their words with a held-out one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.trace import Trace
from skills import InputError

from .formats.base import rows
from .nearest import words
from .similar import Similar, counted, hashed


class Heldout:
    """Requests that are held out, searched by the words they share with another."""

    def __init__(self, paths: Sequence[Path], limit: float) -> None:
        """Read held-out files; raises InputError for one that holds no requests."""
        requests = [
            hashed(words(request))
            for path in paths
            for number, row in enumerate(rows(path), start=1)
            for request in _requests(row, path, number)
        ]
        self.count = len(requests)
        self._known = Similar(limit, counted(requests))
        for request in requests:
            self._known.add(request)

    def holds(self, trace: Trace) -> bool:
        """Return whether a request of a row is near a held-out one; words decide, in any order."""
        asked = (words(turn.request) for turn in trace.turns)
        return any(self._known.near(hashed(one)) is not None for one in asked if one)


def _requests(row: Any, path: Path, number: int) -> Iterator[str]:
    """Yield the requests of a benchmark's row: a Trace's turns, "requests", or "request" with those "before" it."""
    if isinstance(row, Mapping):
        turns = [*_listed(row, "turns"), *_listed(row, "before"), row]
        told = [turn.get("request") for turn in turns if isinstance(turn, Mapping)]
        found = [text for text in (*told, *_listed(row, "requests")) if isinstance(text, str)]
        if found:
            yield from found
            return
    raise InputError(
        f"row {number} of the held-out {str(path)!r} holds no request; expected a Trace, or an object with "
        '"request" or "requests"'
    )


def _listed(row: Mapping[str, Any], key: str) -> list[Any]:
    return value if isinstance(value := row.get(key), list) else []
