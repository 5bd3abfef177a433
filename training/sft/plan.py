"""Which samples are read together, and in which order: of the seed alone, so that a run can go on exactly."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice

from .recipe import Recipe

BUFFER = 4096
"""Samples that are packed, or sorted by length, at a time."""

Group = tuple[int, ...]
"""Numbers of the samples that are read together: a pack, or a batch."""


@dataclass(frozen=True)
class Plan:
    """The order of a run."""

    lengths: Sequence[int]
    """Tokens of each sample."""
    recipe: Recipe
    """How they are grouped."""
    packed: bool
    """Whether samples are packed; else those of like length make a batch."""
    processes: int = 1
    """Processes that train together."""

    @property
    def window(self) -> int:
        """Groups of one step, over all processes."""
        return self.recipe.accumulate * self.processes

    @cached_property
    def steps(self) -> int:
        """Steps of the run; the last one is filled up from one more epoch."""
        if self.recipe.steps is not None:
            return self.recipe.steps
        groups = sum(len(self.epoch(number)) for number in range(self.recipe.epochs))
        return -(-groups // self.window)

    def epoch(self, number: int) -> list[Group]:
        """Return the groups of one epoch."""
        rng = random.Random(f"{self.recipe.seed}-{number}")
        order = list(range(len(self.lengths)))
        rng.shuffle(order)
        groups: list[Group] = []
        for start in range(0, len(order), BUFFER):
            part = sorted(order[start : start + BUFFER], key=lambda at: -self.lengths[at])
            groups += self._packs(part) if self.packed else self._batches(part)
        rng.shuffle(groups)
        return groups

    def windows(self, first: int = 0) -> Iterator[list[Group]]:
        """Yield the groups of each step from step `first` on."""
        endless = (group for epoch in count() for group in self.epoch(epoch))
        groups = islice(endless, first * self.window, None)
        for _ in range(first, self.steps):
            yield list(islice(groups, self.window))

    def _batches(self, order: Sequence[int]) -> list[Group]:
        size = self.recipe.batch
        return [tuple(order[at : at + size]) for at in range(0, len(order), size)]

    def _packs(self, order: Sequence[int]) -> list[Group]:
        """Return packs, each filled with the longest samples that still fit (first fit, decreasing)."""
        packs: list[list[int]] = []
        rooms: list[int] = []
        for at in order:
            length = self.lengths[at]
            fits = next((number for number, room in enumerate(rooms) if room >= length), None)
            if fits is None:
                packs.append([at])
                rooms.append(self.recipe.pack - length)
            else:
                packs[fits].append(at)
                rooms[fits] -= length
        return [tuple(pack) for pack in packs]
