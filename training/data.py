"""Training data: offers and the chats under them, drawn from a seed, encoded and padded."""

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.slots import Slots
from agent.trace import Step, Trace
from tool_data.boards import Board
from tool_data.generate import Generator, Mix
from tool_data.material import Material
from tool_data.offers import Offer
from tool_data.pictures import Pool

from .copies import Lines
from .encode import Encoder, Example, Group, TooLong, collate
from .model import POSITIONS

log = logging.getLogger("training.data")

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
    groups: int
    """Offers of a step."""
    tokens: int
    """Tokens of an offer with its chats, about: processes that train together have as much to do."""
    openings: float
    """Share of the chats that end with the planner's first output: several times as many choices of a skill."""
    mix: Mix = field(default_factory=Mix)
    """How often a turn is of a kind."""


STAGES = (
    Stage(share=0.12, least=3, most=8, full=0.0, groups=2, tokens=1500, openings=1.0, mix=Mix(0.35, 0.0, 0.04, 0.06)),
    Stage(share=0.3, least=3, most=24, full=0.5, groups=2, tokens=2400, openings=0.85),
    Stage(share=0.58, least=1, most=24, full=0.65, groups=2, tokens=2600, openings=0.5),
)
"""Short offers and first outputs first: choosing by description forms there; long offers and whole chats follow."""


HARDER = Mix(invented=0.4, withheld=0.12, talk=0.17, look=0.13, joined=0.1, board=0.07)
"""More of what is learnt late: skills that must be read, skills that are missing, pictures that decide, chains."""

REFINING = (Stage(share=1.0, least=1, most=24, full=0.7, groups=2, tokens=2600, openings=0.5, mix=HARDER),)
"""A second run that goes on from the first: mostly the offer that serving shows."""


class Source:
    """Draws groups of one material."""

    def __init__(
        self,
        material: Material,
        pool: Pool,
        encoder: Encoder,
        seed: int,
        longest: int = POSITIONS,
        boards: Mapping[str, Board] | None = None,
        make: Callable[..., Generator] = Generator,
    ) -> None:
        """Draw everything from `seed`; chats of more than `longest` tokens with their offer are drawn anew.

        `make` makes what draws the offers and chats.
        """
        self.generator = make(material, pool.kinds, boards, content=False)
        self.encoder = encoder
        self.rng = random.Random(seed)
        self.seed = seed
        self.longest = longest

    def group(self, stage: Stage, pad: int) -> Group:
        """Draw an offer and the chats under it."""
        return collate(*self.drawn(stage), pad)

    def drawn(self, stage: Stage) -> tuple[tuple[int, ...], Lines, list[Example]]:
        """Draw an offer's tokens, its lines and the chats under it."""
        offer = self.generator.offer(self.rng, least=stage.least, most=stage.most, full=stage.full)
        slots = Slots(offer.skills, offer.slots)
        ids = self.encoder.offer(slots)
        lines = self.encoder.lines(ids)
        examples: list[Example] = []
        count = len(ids)
        while not examples or count < stage.tokens:
            examples.append(self._example(offer, ids, lines, slots, stage))
            count += len(examples[-1].ids)
        return ids, lines, examples

    def _example(self, offer: Offer, ids: Sequence[int], lines: Lines, slots: Slots, stage: Stage) -> Example:
        while True:
            opening = self.rng.random() < stage.openings
            most_turns = 1 if opening else 4
            trace = self.generator.chat(offer, self.rng, mix=stage.mix, most_turns=most_turns, seed=self.seed)
            if opening:
                trace = first_output(trace)
            shift = self.rng.randrange(FARTHEST) if self.rng.random() < 0.3 else 0
            try:
                return self.encoder.example(ids, lines, slots, trace, self.longest - shift, shift)
            except TooLong as error:
                log.info("%s: drawn anew", error)


def first_output(trace: Trace) -> Trace:
    """Return a chat's first turn up to the planner's first output."""
    turn = trace.turns[0]
    return trace.model_copy(
        update={"turns": (turn.model_copy(update={"steps": (Step(output=turn.steps[0].output),)}),)}
    )


def sample_texts(generator: Generator, count: int, seed: int) -> Iterator[str]:
    """Yield the texts of `count` offers with three chats each, for training a tokeniser."""
    rng = random.Random(seed)
    for _ in range(count):
        offer = generator.offer(rng)
        slots = Slots(offer.skills, offer.slots)
        traces = [generator.chat(offer, rng) for _ in range(3)]
        segments = [*slots.offer(), *(s for t in traces for turn in t.turns for s in slots.turn(turn, t))]
        yield from (segment.text for segment in segments if segment.text and not segment.markup)


def pixels(pictures: Mapping[str, Any], processor: Any) -> dict[str, Any]:
    """Return the picture tower's input of every picture: SHA-256 -> (3, side, side) float32."""
    done = processor(images=list(pictures.values()), return_tensors="pt").pixel_values
    return dict(zip(pictures, done, strict=True))
