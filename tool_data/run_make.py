"""Rows whose skills ran: authored requests over drawn and real pictures, each call through the executor once."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from agent.citations import expand
from agent.trace import Trace
from skills.registry import Registry
from skills.runtime import Runtime
from skills.store import Artifacts, Store

from .checks.row import AUTHORED
from .gallery import gallery
from .generate import Generator, Mix
from .material import Material
from .offers import Offer
from .pictograms import Pictograms
from .results import Results
from .run_world import RunWorld, Stage
from .simulate import World

ROWS = 250
"""Rows that share a gallery; no other rows speak of its drawn pictures."""

MIX = Mix(board=0.12)
"""How often a turn is of a kind: as in simulated chats, and questions about boards."""


@dataclass(frozen=True)
class Plan:
    """What rows are made from; row n depends on it and n alone."""

    seed: int
    """Everything is drawn from it."""
    full: float
    """Share of rows under the offer that serving shows."""
    store: Path
    """Where payloads go."""
    results: Path
    """Where results are kept."""
    pictograms: tuple[Path, ...] = ()
    """Fonts and folders of pictograms."""
    real: tuple[Path, ...] = ()
    """Real pictures."""
    folder: Path = Path("docs")
    """What `retrieve` searches."""
    profile: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The profile's tables of skills."""


class RunGenerator(Generator):
    """Draws chats whose calls run."""

    planner = AUTHORED

    def __init__(self, material: Material, stage: Stage) -> None:
        """Draw chats over the stage's gallery."""
        super().__init__(material, stage.gallery.kinds, stage.gallery.boards)
        self.stage = stage

    def world(self, rng: random.Random, first: int) -> World:
        """Return an empty world for a chat; ids begin at 1."""
        return RunWorld(rng, self.material.words, self.stage)

    def finished(self, trace: Trace, offer: Offer) -> Trace:
        """Return a chat with its answers expanded, and with the skills that the truth of a scene stood in for."""
        trace = super().finished(trace, offer)
        artifacts = Artifacts(self.stage.store, trace.artifacts)
        turns = []
        for turn in trace.turns:
            text, citations, _ = expand(turn.answer, trace, artifacts, offer.skills)
            turns.append(turn.model_copy(update={"answer": text, "citations": citations}))
        steps = [step for turn in turns for step in turn.steps]
        names = {call.id: call.name for step in steps for call in step.output.calls}
        truth = {names[seen.tool_call_id] for step in steps for seen in step.observations if seen.simulated}
        meta = trace.meta.model_copy(update={"replayed": tuple(sorted(truth))})
        return trace.model_copy(update={"turns": tuple(turns), "meta": meta})


def drawn(plan: Plan, numbers: Sequence[int]) -> Iterator[str]:
    """Yield rows by number as JSON, all of one gallery: `numbers` lie between two multiples of ROWS."""
    registry = Registry.load().configured(plan.profile)
    material = replace(_material(), skills=tuple(registry.offer()))
    name = f"{plan.seed}-{numbers[0] // ROWS}"
    stage = Stage(
        gallery=gallery(name, _pictograms(plan.pictograms), material.words, plan.real),
        store=Store(plan.store),
        results=Results(plan.results),
        runtime=Runtime(),
        folder=plan.folder,
    )
    generator = RunGenerator(material, stage)
    for number in numbers:
        rng = random.Random(f"run {plan.seed}-{number}")
        offer = generator.offer(rng, full=plan.full)
        yield generator.chat(offer, rng, mix=MIX, seed=plan.seed, name=f"run-{plan.seed}-{number}").to_json()


@cache
def _material() -> Material:
    return Material.load()


@cache
def _pictograms(paths: tuple[Path, ...]) -> Pictograms:
    return Pictograms.load(paths)
