"""Before and after: how a planner calls new skills on wordings it was not trained on, and the old ones as ever."""

import random
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.planner import Planner
from agent.score import Scored, score_turn
from skills.registry import AnySkill
from tool_data.phrasings import LANGUAGES

from .learn_lesson import Lesson
from .play import HELDOUT, Player, read_rows

NEW = "new"
"""Group of the rows for a new skill."""

OTHERS = "unseen"
"""Group of held-out rows for added skills that nobody trained on: not old skills, but what reading an offer is for."""

ROWS = 160
"""Most rows for one new skill."""

PER_WORDING = 8
"""Most rows of one wording."""

Row = Mapping[str, Any]


def new_rows(lesson: Lesson, seed: int) -> list[Row]:
    """Return rows of a lesson's held-out wordings: each written several times, with other values and other manners."""
    rng = random.Random(f"{seed} {lesson.skill.name}")
    held_out = lesson.wordings.held_out
    times = min(PER_WORDING, ROWS // max(1, len(held_out)))
    return [row for number, _ in enumerate(held_out) for row in _written(lesson, number, max(1, times), rng)]


def _written(lesson: Lesson, number: int, times: int, rng: random.Random) -> Iterator[Row]:
    wording = lesson.wordings.held_out[number]
    for again in range(times):
        asked = lesson.ask(wording, rng)
        yield {
            "id": f"{lesson.skill.name}-{number + 1:03}-{again + 1}",
            "group": NEW,
            "lang": asked.language,
            "request": asked.text,
            "picture": "scene" if lesson.sees else "none",
            "mark": "box" if asked.marked else None,
            "calls": [[{"name": lesson.skill.name, "args": asked.args}]],
        }


def old_rows(count: int, new: Collection[str] = ()) -> list[Row]:
    """Return about `count` rows of the held-out sets: as many of each group and language, always the same ones.

    Rows that call a skill of a name in `new` are left out.
    """
    rows = [row for row in read_rows(sorted(HELDOUT.glob("*.jsonl"))) if not _called(row) & set(new)]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    each = max(1, count // (len(groups) * len(LANGUAGES)))
    parts = [[r for r in rows if (r["group"], r["lang"]) == (g, n)] for g in groups for n in LANGUAGES]
    return [row for part in parts for row in sorted(part, key=_point)[:each]]


def _called(row: Row) -> set[str]:
    return {call["name"] for step in row["calls"] for call in step}


def _point(row: Row) -> int:
    return zlib.crc32(row["id"].encode())


@dataclass(frozen=True)
class Measured:
    """How a planner did with the new skills on offer."""

    new: Mapping[str, tuple[Scored, ...]]
    """New skill -> its rows."""
    old: tuple[Scored, ...]
    """The rows of the held-out sets."""

    def mistaken(self) -> int:
        """Return how many of the old rows a new skill was called in."""
        return sum(any(call.startswith(f"{name}(") for name in self.new for call in r.written) for r in self.old)


def measure(
    planner: Planner | str, skills: Sequence[AnySkill], rows: Mapping[str, Sequence[Row]], old: Sequence[Row]
) -> Measured:
    """Play the rows of the new skills and the old ones, with the new skills on offer."""
    player = Player(planner, added=skills)
    new = {name: tuple(_played(told, player, name)) for name, told in rows.items()}
    return Measured(new, tuple(_played(old, player, "old skills")))


def alone(planner: Planner | str, old: Sequence[Row]) -> tuple[Scored, ...]:
    """Play the rows of the held-out sets without the new skills on offer."""
    return tuple(_played(old, Player(planner), "old skills"))


def _played(rows: Sequence[Row], player: Player, name: str) -> Iterator[Scored]:
    from tqdm import tqdm

    for row in tqdm(rows, desc=f"measuring {name}", disable=None, leave=False):
        yield score_turn(row, player.play(row))
