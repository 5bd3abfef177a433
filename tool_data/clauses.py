"""Requests of several steps, joined from clauses: "find the guitar" + ", cut it out" + " and make it greyer"."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .phrasings import LANGUAGES, SLOT, Call, Intent, Language, is_held_back, read_toml

SHAPES = (
    ("find", "found"), ("find", "found"), ("find", "found", "found"), ("find", "found", "picture"),
    ("fused",), ("fused", "picture"), ("fused", "picture"), ("fused", "picture", "picture"), ("fused", "found"),
    ("marked", "picture"), ("marked", "picture"), ("marked", "picture", "picture"),
    ("picture", "picture"), ("picture", "picture"), ("picture", "picture", "picture"), ("picture", "fused"),
    ("make", "picture"), ("make", "picture"), ("make", "picture", "picture"), ("make", "fused"),
)  # fmt: skip
"""Roles of clauses, in the order they may be joined."""

TELLING = ("read_text", "read_code", "caption", "tag", "moderate", "estimate_depth", "find_faces", "detect")
"""Skills that tell something and leave the picture as it is: the last of a request."""

NEW_FRAME = ("crop", "rotate", "generate")
"""Skills behind which earlier regions fit the picture no more."""

_LINKS: Mapping[Language, Sequence[str]] = {
    "en": (", then ", " and ", " and then ", ", ", " then ", ". then ", "; ", " and after that ", ", and ", ". now ",
           ", next ", " & "),
    "es": (" y ", " y luego ", ", luego ", ", después ", " y después ", ", ", ". después ", "; ", ", y ",
           " y entonces ", ". ahora ", ", y al final ", " + "),
}  # fmt: skip


@dataclass(frozen=True)
class Clause:
    """One clause."""

    role: str
    """"find", "found", "fused", "marked", "picture" or "make"."""
    steps: tuple[Call, ...]
    """What it stands for; "$1" is what its own first step made, "$found" what an earlier clause found."""
    texts: Mapping[Language, Sequence[str]]
    """Language -> wordings."""


def load_clauses(folder: Path, *, held_back: bool = False) -> list[Clause]:
    """Read every `clauses.toml` below a folder; raises InputError for one that is no TOML."""
    rows = [row for path in sorted(folder.rglob("clauses.toml")) for row in read_toml(path)["clauses"]]
    return [
        Clause(
            row["role"],
            tuple(Call(step["skill"], step.get("args", {})) for step in row["steps"]),
            {n: tuple(t for t in row[n] if is_held_back(t) == held_back) for n in LANGUAGES},
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Joiner:
    """Joins clauses."""

    clauses: Sequence[Clause]
    """All of them."""

    def join(self, names: set[str], language: Language, rng: random.Random) -> tuple[str, Intent] | None:
        """Draw a request of up to three clauses over the skills `names`; None where no clause fits.

        Returns its text, slots unfilled, and what it stands for.
        """
        shape = rng.choice(SHAPES)
        steps: list[Call] = []
        texts: list[str] = []
        for number, role in enumerate(shape):
            last = number + 1 == len(shape)
            fitting = [c for c in self.clauses if c.role == role and c.texts[language] and _fits(c, steps, names, last)]
            if not fitting:
                return None
            clause = rng.choice(fitting)
            texts.append(_numbered(rng.choice(clause.texts[language]), number))
            steps += _bound(clause, steps, number)
        text = "".join(f"{rng.choice(_LINKS[language]) if n else ''}{text}" for n, text in enumerate(texts))
        return text, Intent(tuple(steps), {language: (text,)}, {}, "clauses", {})


def _fits(clause: Clause, steps: Sequence[Call], names: set[str], last: bool) -> bool:
    """Return whether a clause makes sense behind the steps so far."""
    said = [step.skill for step in clause.steps]
    if any(name not in names for name in said):
        return False
    if clause.role != "find" and said[-1] in TELLING and not last:
        return False
    done = [step.skill for step in steps]
    if said[-1] in done and (said[-1] != "adjust" or any(s.args.keys() == clause.steps[-1].args.keys() for s in steps)):
        return False
    if clause.role == "found":
        return bool(steps) and not any(name in NEW_FRAME for name in done)
    return True


def _bound(clause: Clause, steps: Sequence[Call], number: int) -> list[Call]:
    """Return a clause's steps with their places in the whole request."""
    before = len(steps)

    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(item) for item in value]
        if not isinstance(value, str):
            return value
        value = re.sub(r"^\$1", f"${before + 1}", value).replace("$found", "$1")
        return _numbered(value, number)

    return [replace(step, args={name: told(value) for name, value in step.args.items()}) for step in clause.steps]


def _numbered(text: str, number: int) -> str:
    """Return a text whose slots belong to the clause of that number: "{object2}" becomes "{object12}"."""
    return SLOT.sub(lambda slot: f"{{{slot[1]}{number + 1}}}" if number else slot[0], text)
