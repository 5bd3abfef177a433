"""Scores a planner's calls against gold calls, with 95 % intervals.

A gold row is {"id", "group", "lang", "request", "calls": [[{"name", "args"}]]}: steps of calls. Its arguments may say
"$1" (what step 1 made), "$1[0]", "$mark" (what the user drew), or ">1" / "<1" for a factor's direction.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .trace import Turn

_LEADING = re.compile(r"^(the|a|an|all|every|el|la|los|las|un|una|unos|unas|todos|todas)\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Scored:
    """How one turn did."""

    id: str
    """The row's id."""
    group: str
    """direct, indirect, chain, no_tool ..."""
    lang: str
    """en or es."""
    first_call: bool
    """The first call names the right skill; for a no-tool row, it answered and called nothing."""
    exact: bool
    """All calls, in order, with all arguments as the gold row has them."""
    invalid: int
    """Calls that were no valid call of a skill on offer."""
    written: tuple[str, ...] = ()
    """The calls as written, for reading errors."""


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval (Wilson 1927)."""

    hits: int
    """How many were right."""
    count: int
    """How many there were."""

    @property
    def value(self) -> float:
        """The share itself, 0-1; 0 where there were none."""
        return self.hits / self.count if self.count else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high), 0-1."""
        if not self.count:
            return (0.0, 1.0)
        z, n, p = 1.96, self.count, self.value
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (max(0.0, centre - half), min(1.0, centre + half))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.2f} ({low:.2f}-{high:.2f}, n={self.count})"


def score_turn(row: Mapping[str, Any], turn: Turn) -> Scored:
    """Compare a finished turn with its gold row."""
    made = {str(i): seen.artifacts for i, seen in enumerate(_observations(turn), start=1)}
    gold = [call for step in row["calls"] for call in step]
    written = [call for step in turn.steps for call in step.output.calls]
    answered = any(step.output.answer is not None for step in turn.steps)
    first = bool(written) and written[0].name == gold[0]["name"] if gold else answered and not written
    exact = (
        (bool(gold) or answered)
        and len(gold) == len(written)
        and all(
            want["name"] == got.name and same_arguments(want["args"], got.args, turn.marks, made)
            for want, got in zip(gold, written, strict=False)
        )
    )
    invalid = sum(
        1
        for seen in _observations(turn)
        if seen.error is not None and seen.error.type in ("bad_arguments", "unknown_skill", "bad_region")
    )
    calls = tuple(f"{call.name}({call.args})" for call in written)
    return Scored(row["id"], row["group"], row["lang"], first, exact, invalid, calls)


def _observations(turn: Turn) -> list[Any]:
    return [seen for step in turn.steps for seen in step.observations]


def same_arguments(
    gold: Mapping[str, Any],
    written: Mapping[str, Any],
    marks: Sequence[str] = (),
    made: Mapping[str, Sequence[str]] | None = None,
) -> bool:
    """Return whether written arguments mean what the gold ones say; a written `image` is not counted."""
    rest = {name: value for name, value in written.items() if name != "image" or "image" in gold}
    if set(rest) != set(gold):
        return False
    return all(_same(_resolved(gold[name], marks, made or {}), rest[name]) for name in gold)


def _resolved(value: Any, marks: Sequence[str], made: Mapping[str, Sequence[str]]) -> Any:
    if isinstance(value, list):
        return [_resolved(item, marks, made) for item in value]
    if value == "$mark":
        return marks[0] if marks else value
    match = re.match(r"^\$(\d+)(\[\d+\])?$", value) if isinstance(value, str) else None
    if match is None:
        return value
    ids = made.get(match[1], ())
    return f"{ids[0]}{match[2] or ''}" if ids else value


def _same(gold: Any, written: Any) -> bool:
    if isinstance(gold, str) and gold in (">1", "<1"):
        return isinstance(written, int | float) and ((written > 1) == (gold == ">1")) and written != 1
    if isinstance(gold, bool) or isinstance(written, bool):
        return gold is written
    if isinstance(gold, int | float):
        return isinstance(written, int | float) and math.isclose(gold, written, abs_tol=1e-6)
    if isinstance(gold, list) or isinstance(written, list):
        left, right = (item if isinstance(item, list) else [item] for item in (gold, written))
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    return plain(str(gold)) == plain(str(written))


def plain(text: str) -> str:
    """Return words without case, outer punctuation, inner spacing and a leading article, for comparison."""
    words = " ".join(text.casefold().split()).strip(" .,;:!?¿¡\"'")
    return _LEADING.sub("", words)


def table(rows: Sequence[Scored], controls: Mapping[str, Sequence[Scored]] | None = None) -> str:
    """Return shares per group and language as aligned lines: first call, all calls exact, invalid calls.

    `controls` are the same rows scored for something to compare with; each adds its two shares to the lines of a group.
    """
    heads = "".join(f"{name:<14}" for name in controls or {})
    lines = [f"{'group':<14}{'lang':<6}{'first call':<28}{'all exact':<28}{'invalid':<9}{heads}".rstrip()]
    for group in dict.fromkeys(row.group for row in rows):
        for lang in ("en", "es", "both"):
            part = _part(rows, group, lang)
            if part:
                beside = "".join(f"{_beside(_part(told, group, lang)):<14}" for told in (controls or {}).values())
                invalid = sum(row.invalid for row in part)
                first, exact = shares(part)
                lines.append(f"{group:<14}{lang:<6}{first!s:<28}{exact!s:<28}{invalid:<9}{beside}".rstrip())
    return "\n".join(lines)


def _part(rows: Sequence[Scored], group: str, lang: str) -> list[Scored]:
    return [row for row in rows if row.group == group and lang in (row.lang, "both")]


def shares(rows: Sequence[Scored]) -> tuple[Share, Share]:
    """Return (first call right, every call exact) of rows."""
    return (
        Share(sum(row.first_call for row in rows), len(rows)),
        Share(sum(row.exact for row in rows), len(rows)),
    )


def _beside(rows: Sequence[Scored]) -> str:
    first, exact = shares(rows)
    return f"{first.value:.2f} / {exact.value:.2f}"
