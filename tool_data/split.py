"""Splits that stay: a row's split follows from its pictures (or its words) and the shares, and from nothing else.

A row goes where its first picture's hash falls, so all questions about one picture are in one split, whatever file
they come from. What is hashed is the payload's SHA-256, for an imported picture that was not read its path, and for a
row without pictures the words of its requests. A row whose pictures fall into different splits belongs to none
without leaking; `splits_of` names them all, and a mix leaves such a row out and counts it.
"""

import hashlib
import math
import re
from collections.abc import Mapping

from agent.trace import Trace
from skills import InputError

from .requests import without_accents

_WORD = re.compile(r"\w+")


def tokens(text: str) -> list[str]:
    """Return the words of a text in order, without case, accents and punctuation."""
    return _WORD.findall(without_accents(text.casefold()))


def pictures_of(trace: Trace) -> tuple[str, ...]:
    """Return the hash (where it was not read, the path) of each picture a user gave, once, in order."""
    given = [name for turn in trace.turns for name in turn.images if name in trace.artifacts]
    keys = (trace.artifacts[name].sha256 or trace.artifacts[name].path for name in given)
    return tuple(dict.fromkeys(key for key in keys if key))


def split_of(trace: Trace, shares: Mapping[str, float]) -> str:
    """Return the split of a row; `shares` is name -> share, which are taken relative to their sum.

    Raises InputError for shares that divide nothing.
    """
    pictures = pictures_of(trace)
    return _split(pictures[0] if pictures else _text_key(trace), shares)


def splits_of(trace: Trace, shares: Mapping[str, float]) -> frozenset[str]:
    """Return every split that a row's pictures fall into; more than one where it would leak. Raises InputError."""
    return frozenset(_split(key, shares) for key in pictures_of(trace)) or frozenset({split_of(trace, shares)})


def _text_key(trace: Trace) -> str:
    return " ".join(token for turn in trace.turns for token in tokens(turn.request))


def _split(key: str, shares: Mapping[str, float]) -> str:
    """Return the split a key falls into: the hash of the key is a point of 0-1, the shares lie on it in order."""
    check(shares)
    point = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
    total, upto = sum(shares.values()), 0.0
    for name, share in shares.items():
        upto += share / total
        if point < upto:
            return name
    return [name for name, share in shares.items() if share > 0][-1]


def check(shares: Mapping[str, float]) -> None:
    """Raise InputError where shares are none, negative, not finite, or all zero."""
    fine = all(math.isfinite(share) and share >= 0 for share in shares.values())
    if not fine or not sum(shares.values()) > 0:
        raise InputError(f"shares {dict(shares)!r} divide nothing; expected e.g. {{'train': 0.9, 'test': 0.1}}")
