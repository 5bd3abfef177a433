"""More out of one phrasing: several things where it names one, and optional arguments said behind it."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .phrasings import LANGUAGES, SLOT, Call, Language, read_toml
from .requests import number

TAILS = Path(__file__).parent / "tails.toml"
"""The optional arguments and how people say them."""

_LAST: Mapping[Language, Sequence[str]] = {"en": (" and ", " and ", ", ", " or "), "es": (" y ", " y ", ", ", " o ")}


@dataclass(frozen=True)
class Tail:
    """One optional argument, or two that belong together."""

    skills: tuple[str, ...]
    """Skills that take it."""
    args: Mapping[str, Any]
    """Arguments; "{number}" and "{number2}" are drawn."""
    values: tuple[str, ...]
    """What numbers may be."""
    texts: Mapping[Language, Sequence[str]]
    """Language -> what is said behind a request."""


def load_tails(path: Path = TAILS) -> list[Tail]:
    """Read the tails."""
    return [
        Tail(tuple(row["skills"]), row["args"], tuple(row.get("values", ())), {n: tuple(row[n]) for n in LANGUAGES})
        for row in read_toml(path)["tails"]
    ]


def listed(text: str, steps: Sequence[Call], language: Language, rng: random.Random) -> tuple[str, Sequence[Call]]:
    """Return the request with two or three things where it names one ("{object}" in a list of one), if it does."""
    for at, step in enumerate(steps):
        for name, value in step.args.items():
            slot = SLOT.fullmatch(value[0]) if isinstance(value, list) and len(value) == 1 else None
            if slot is None or text.count(slot[0]) != 1:
                continue
            more = [f"{{{slot[1].rstrip('0123456789')}{n}}}" for n in rng.sample(range(70, 99), rng.choice((1, 1, 2)))]
            items = [slot[0], *more]
            said = ", ".join(items[:-1]) + rng.choice(_LAST[language]) + items[-1]
            changed = replace(step, args={**step.args, name: items})
            return text.replace(slot[0], said), [*steps[:at], changed, *steps[at + 1 :]]
    return text, steps


def tailed(
    text: str, steps: Sequence[Call], tails: Sequence[Tail], language: Language, rng: random.Random
) -> tuple[str, Sequence[Call]]:
    """Return the request with an optional argument said behind it, where one fits its last step."""
    last = steps[-1]
    fitting = [tail for tail in tails if last.skill in tail.skills and not tail.args.keys() & last.args.keys()]
    if not fitting:
        return text, steps
    tail = rng.choice(fitting)
    drawn = {name: rng.choice(tail.values) for name in ("number", "number2") if tail.values}
    if language == "es" and rng.random() < 0.5:
        shown = {name: value.replace(".", ",") for name, value in drawn.items()}
    else:
        shown = drawn
    said = SLOT.sub(lambda slot: shown[slot[1]], rng.choice(tail.texts[language]))
    args = {
        name: number(drawn[slot[1]]) if (slot := SLOT.fullmatch(str(value))) else value
        for name, value in tail.args.items()
    }
    body = re.sub(r"[.!?]+$", "", text)
    return body + said, [*steps[:-1], replace(last, args={**last.args, **args})]
