"""Training rows: offers and chats drawn from a seed, encoded and padded."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.slots import Slots
from agent.trace import Step, Trace
from tool_data.generate import Generator, Material, Mix
from tool_data.pictures import Pool

from .encode import Batch, Row, Rows, TooLong, collate

FARTHEST = 700
"""Positions a chat may be moved away from its offer, so that long chats find known distances."""


@dataclass(frozen=True)
class Stage:
    """One part of the run."""

    share: float
    """Share of the run's tokens."""
    least: int
    """Fewest skills on offer."""
    most: int
    """Most skills on offer."""
    full: float
    """Probability of the offer that serving shows."""
    length: int
    """Most tokens of a row."""
    rows: int
    """Rows of a step."""
    mix: Mix = field(default_factory=Mix)
    """How often a turn is of a kind."""
    openings: float = 0.0
    """Share of the chats that end with the planner's first output: several times as many choices of a skill a row."""


STAGES = (
    Stage(share=0.25, least=3, most=8, full=0.0, length=640, rows=4, mix=Mix(0.15, 0.2, 0.02, 0.05), openings=1.0),
    Stage(share=0.3, least=3, most=24, full=0.5, length=1024, rows=3, openings=0.8),
    Stage(share=0.45, least=1, most=24, full=0.5, length=1024, rows=4, openings=0.4),
)
"""Short offers and first outputs first: choosing by description forms there; long offers and whole chats follow."""


REFINING = (
    Stage(share=1.0, least=1, most=24, full=0.6, length=1024, rows=4, mix=Mix(0.1, 0.4, 0.03, 0.14), openings=0.35),
)
"""A second run that goes on from the first: mostly whole chats under the offer that serving shows, more talk."""


def opening(trace: Trace) -> Trace:
    """Return a chat's first turn up to the planner's first output."""
    turn = trace.turns[0]
    return trace.model_copy(
        update={"turns": (turn.model_copy(update={"steps": (Step(output=turn.steps[0].output),)}),)}
    )


class Source:
    """Draws batches of one material."""

    def __init__(self, material: Material, pool: Pool, rows: Rows, seed: int) -> None:
        """Draw everything from `seed`."""
        self.generator = Generator(material, pool.digests, content=False)
        self.rows = rows
        self.rng = random.Random(seed)
        self.seed = seed

    def row(self, stage: Stage) -> Row:
        """Draw one row: an offer and as many chats as fit."""
        offer = self.generator.offer(self.rng, least=stage.least, most=stage.most, full=stage.full)
        slots = Slots(offer.skills, offer.slots)
        row = self.rows.start(slots)
        while True:
            trace = self.generator.chat(offer, self.rng, mix=stage.mix, seed=self.seed)
            if self.rng.random() < stage.openings:
                trace = opening(trace)
            shift = self.rng.randrange(FARTHEST) if self.rng.random() < 0.3 else 0
            try:
                self.rows.add(row, slots, trace, stage.length, shift)
            except TooLong:
                if max(row.chats) > 0:
                    return row
                row = self.rows.start(slots)

    def batch(self, stage: Stage, pad: int) -> Batch:
        """Draw a step's rows."""
        return collate([self.row(stage) for _ in range(stage.rows)], pad)


def sample_texts(generator: Generator, count: int, seed: int) -> Iterator[str]:
    """Yield the texts of `count` offers with three chats each, for training a tokeniser."""
    rng = random.Random(seed)
    for _ in range(count):
        offer = generator.offer(rng)
        slots = Slots(offer.skills, offer.slots)
        traces = [generator.chat(offer, rng) for _ in range(3)]
        segments = [*slots.offer(), *(s for t in traces for turn in t.turns for s in slots.turn(turn, t))]
        yield from (segment.text for segment in segments if segment.text and not segment.markup)


def pixels(pool: Pool, processor: Any) -> dict[str, Any]:
    """Return the picture tower's input of every picture: SHA-256 -> (3, side, side) float32."""
    done = processor(images=list(pool.pictures.values()), return_tensors="pt").pixel_values
    return dict(zip(pool.digests, done, strict=True))
