"""Rollouts: rows played several times with sampled tokens, as Traces that a reward can be computed from."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skills import InputError
from skills.store import Store

from .agent import Agent
from .planner import Planner, Sampled
from .rows import Row, chat_of, row_of
from .trace import Trace


def rollout(
    planner: Planner | str,
    rows: Iterable[Row | Mapping[str, Any]],
    n: int = 1,
    seed: int = 0,
    *,
    temperature: float = 1.0,
    folder: Path | str = "",
    store: Store | None = None,
    **options: Any,
) -> list[list[Trace]]:
    """Play every row `n` times and return its n Traces, a list for each row, both in order.

    A row is a batch's (`handeye batch --help`): {"id", "requests", "images"?, "offer"?, "results"?}. Other keys are
    left alone: what a reward needs may stand beside them. Its images are files in `folder`, bytes, Pictures or PIL
    images; skills named in `results` answer from those, the others run. Values are kept in `store`, where one is
    given; `options` are Agent's.

    Tokens are drawn under the grammar from softmax(logits / temperature); 0 takes the best, as serving does. The
    generator of a sample, and of its skills, is seeded with `sample_seed(seed, id, number)`, which `meta.seed` holds,
    and it reads with a prefix of its own: a Trace depends on that, not on what else is played or in which order.

    A step's `output.token_ids` holds all tokens of that pass: those drawn, those the grammar forced and, where it was
    chosen, the stop token. `output.logprobs` holds their natural log-probabilities given all before them, under the
    full softmax at temperature 1, before the grammar's mask and whatever the temperature of drawing: what one
    teacher-forced forward pass over the same tokens gives.

    Raises InputError for a row, picture or option that cannot be used, and for a planner that cannot be sampled.
    """
    if n < 1 or temperature < 0:
        raise InputError(f"rollout of n={n!r}, temperature={temperature!r}; expected n >= 1 and temperature >= 0")
    agent = Agent(planner, **options)
    if temperature and not isinstance(agent.planner, Sampled):
        raise InputError(
            f"planner {agent.planner.name!r} cannot be sampled, it has no method 'sampled'; give a checkpoint, or "
            "temperature=0 for what it does by itself"
        )
    table = _Table(agent, seed, temperature, Path(folder), store)
    played: dict[str, list[Trace]] = {}
    for given in rows:
        row, images = _read(given)
        if row.id in played:
            raise InputError(f"two rows have the id {row.id!r}; samples are seeded by it, so an id is used once")
        played[row.id] = [table.play(row, images, number) for number in range(n)]
    return list(played.values())


def sample_seed(seed: int, row_id: str, number: int) -> int:
    """Return the seed of one sample of a row, 0 to 2**31 - 1: of the SHA-256 of "seed/number/id"."""
    digest = hashlib.sha256(f"{seed}/{number}/{row_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _read(given: Row | Mapping[str, Any]) -> tuple[Row, Sequence[Any]]:
    """Return a row and its pictures, which in a mapping need not be names of files."""
    if isinstance(given, Row):
        return given, given.images
    images = given.get("images", ())
    named = images if all(isinstance(image, str) for image in images) else ()
    return row_of({**given, "images": named}), images


@dataclass(frozen=True)
class _Table:
    """What all samples share."""

    agent: Agent
    seed: int
    temperature: float
    folder: Path
    store: Store | None

    def play(self, row: Row, images: Sequence[Any], number: int) -> Trace:
        """Return one sample of a row: its requests asked in one chat."""
        seed = sample_seed(self.seed, row.id, number)
        planner = self.agent.planner
        if isinstance(planner, Sampled):
            planner = planner.sampled(self.temperature, seed)
        agent = self.agent.with_planner(planner, seed)
        chat = chat_of(row, agent, self.folder, trace_id=f"{row.id}-{number}", store=self.store)
        shown = [self.folder / image if isinstance(image, str | Path) else image for image in images]
        for request in row.requests:
            chat.ask(request, shown)
            shown = []
        return chat.trace
