"""Sets that are nearly equal, found exactly: Jaccard (1912) at or above a limit, by prefix filtering.

Two sets whose Jaccard is at least t share at least ceil(t * size) items of either, so under any one order of the items
their first size - ceil(t * size) + 1 items have one in common (Chaudhuri et al. 2006; Bayardo et al. 2007). Only those
are looked up. The order here puts rare items first, so few sets share one; any order finds the same.
"""

import hashlib
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

SEQUENCE = 3
"""Words in a row that count as one item of a text."""


def hashed(items: Iterable[str]) -> frozenset[int]:
    """Return 64-bit hashes of items, the same in every run."""
    return frozenset(int.from_bytes(hashlib.blake2b(i.encode(), digest_size=8).digest(), "big") for i in items)


def sequences(words: Sequence[str], length: int = SEQUENCE) -> frozenset[str]:
    """Return every `length` words that stand in a row; all of a shorter text as one."""
    return frozenset(" ".join(words[at : at + length]) for at in range(max(1, len(words) - length + 1)))


def counted(sets: Iterable[frozenset[int]]) -> Counter[int]:
    """Return item -> how many of the sets hold it."""
    return Counter(item for one in sets for item in one)


class Similar:
    """Sets that were added, to be searched for one that is near enough to a given set."""

    def __init__(self, limit: float, common: Mapping[int, int] | None = None) -> None:
        """Start empty; `limit` is the Jaccard 0-1 (above 0) from which two sets are near.

        `common` is item -> how often it occurs, in a sample or in all sets; it changes the speed alone.
        """
        self.limit = limit
        self._common = common or {}
        self._sets: list[array[int]] = []
        self._places: dict[int, array[int]] = {}
        self._bare: int | None = None

    def add(self, items: frozenset[int]) -> int:
        """Add a set and return its number, from 0."""
        number = len(self._sets)
        ordered = array("Q", self._ordered(items))
        self._sets.append(ordered)
        if not ordered and self._bare is None:
            self._bare = number
        for item in ordered[: self._prefix(len(ordered))]:
            self._places.setdefault(item, array("L")).append(number)
        return number

    def near(self, items: frozenset[int]) -> int | None:
        """Return the number of the first set added whose Jaccard with this one reaches the limit, or None."""
        if not items:
            return self._bare
        looked: set[int] = set()
        for item in self._ordered(items)[: self._prefix(len(items))]:
            looked.update(self._places.get(item, ()))
        return next((number for number in sorted(looked) if self._reaches(items, self._sets[number])), None)

    def _ordered(self, items: frozenset[int]) -> list[int]:
        return sorted(items, key=lambda item: (self._common.get(item, 0), item))

    def _prefix(self, size: int) -> int:
        return size - math.ceil(self.limit * size - 1e-9) + 1

    def _reaches(self, items: frozenset[int], other: "array[int]") -> bool:
        least, most = sorted((len(items), len(other)))
        if least < self.limit * most - 1e-9:
            return False
        shared = sum(item in items for item in other)
        return shared >= self.limit * (len(items) + len(other) - shared) - 1e-9
