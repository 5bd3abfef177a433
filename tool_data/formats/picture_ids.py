"""Ids of pictures in a row: counted as the pictures come, or named at the start of the text, "(img_7, img_2) ...".

They are named only where counting, from one past the highest so far, gives others, as a chat's own calls use its ids.
"""

import re
from collections.abc import Mapping, Sequence

from .base import Refused

_NAMED = re.compile(r"\((img_[1-9][0-9]{0,5}(?:, img_[1-9][0-9]{0,5})*)\) ")

Known = Mapping[str, str]
"""Id -> name (path or SHA-256) of each picture so far."""


def counted(known: Known, count: int) -> tuple[str, ...]:
    """Return the ids that the next pictures get where their text names none."""
    highest = max((int(name.removeprefix("img_")) for name in known), default=0)
    return tuple(f"img_{highest + number}" for number in range(1, count + 1))


def read(text: str, names: Sequence[str], known: Known) -> tuple[tuple[str, ...], str]:
    """Return (the ids of pictures that come with a text, the text without them)."""
    usual = counted(known, len(names))
    found = _NAMED.match(text)
    ids = tuple(found[1].split(", ")) if found else usual
    fits = len(set(ids)) == len(names) and all(known.get(*pair) == pair[1] for pair in zip(ids, names, strict=True))
    return (ids, text[found.end() :]) if found and fits and ids != usual else (usual, text)


def write(text: str, ids: Sequence[str], names: Sequence[str], known: Known) -> str:
    """Return the text that tells a reader those ids; raises Refused where he would take others."""
    for told in (text, f"({', '.join(ids)}) {text}"):
        if read(told, names, known) == (tuple(ids), text):
            return told
    raise Refused(f"the pictures {list(ids)} cannot be told in {text!r}; expected an id of its own for each")
