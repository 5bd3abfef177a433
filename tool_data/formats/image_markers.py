"""The `<image>` that marks in a question where its picture goes: taken out of the words, and put back."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MARKER = "<image>"
"""The marker."""

_MARKED = re.compile(r"<image>\n|\n<image>\Z|<image>")


class Marker(NamedTuple):
    """One marker; as JSON a list of three."""

    turn: int
    """Number of its turn, from 1."""
    at: int
    """Where it stood, in the words without markers."""
    text: str
    """What was taken out there, with the line break that set it off."""


def first(turn: int) -> Marker:
    """Return the usual marker: on a line of its own before the question."""
    return Marker(turn, 0, f"{MARKER}\n")


def taken_out(text: str, turn: int) -> tuple[str, list[Marker]]:
    """Return a question without its markers, and the markers in order."""
    markers: list[Marker] = []
    gone = 0
    for found in _MARKED.finditer(text):
        markers.append(Marker(turn, found.start() - gone, found[0]))
        gone += len(found[0])
    return _MARKED.sub("", text), markers


def put_back(words: str, markers: Sequence[Marker]) -> str:
    """Return the question with its markers; `taken_out` gives them back."""
    for marker in reversed(markers):
        words = f"{words[: marker.at]}{marker.text}{words[marker.at :]}"
    return words


def read(kept: Iterable[Sequence[int | str]]) -> list[Marker]:
    """Return the markers that were kept as JSON."""
    return [Marker(int(turn), int(at), str(text)) for turn, at, text in kept]
