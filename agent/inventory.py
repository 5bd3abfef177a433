"""What stands behind each skill: implementation, checkpoints, licence, size, and what it takes of the memory."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skills import Skill
from skills.checkpoint import Checkpoint, disk_bytes
from skills.memory import best_device, room

from .home import human

WIDTH = 120
"""Columns that a table takes at most."""

HEADS = ("NAME", "IMPLEMENTATION", "CHECKPOINT", "LICENCE", "SIZE", "HERE")
"""The columns of `handeye skills`."""

_SHRINKS = HEADS.index("CHECKPOINT")
_LEAST = 20
_TIED = "\ue000"
"""Stands for a space at which no line breaks."""

AnySkill = Skill[..., Any]


def size_of(checkpoint: Checkpoint) -> int:
    """Return the bytes of a checkpoint's weights: on disk where it is here, else to fetch; 0 where that is unknown."""
    path = checkpoint.path()
    return disk_bytes(path) if path is not None else checkpoint.size


def table(skills: Sequence[AnySkill]) -> str:
    """Return a row for each skill, one more for each part of its model, and below it the line that mends it.

    No line is wider than WIDTH but one whose words are; long checkpoint names lose their middle.
    """
    rows = [(row, item.unavailable() if not i else "") for item in skills for i, row in enumerate(_rows(item))]
    widths = _widths([HEADS, *(row for row, _ in rows)])
    lines = [_line(HEADS, widths)]
    for row, mend in rows:
        lines.append(_line(row, widths))
        lines += wrapped(mend, "    ") if mend else []
    return "\n".join(lines)


def wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    """Return text in lines of at most WIDTH columns; no word is cut, nor what stands behind the last semicolon.

    That is the command that mends, to be copied whole. `first` stands before the first line in the indent's place.
    """
    said, semicolon, mend = text.rpartition("; ")
    if semicolon and len(indent) + len(mend) <= WIDTH:
        text = f"{said}; {mend.replace(' ', _TIED)}"
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TIED, " ") for line in lines]


def _rows(item: AnySkill) -> list[tuple[str, ...]]:
    """Return the cells of a skill, then of each further checkpoint it needs."""
    here = "no" if item.unavailable() else "yes"
    chosen = item.chosen
    if chosen is None:
        return [(item.name, "+".join(item.needs) or Path(item.source).name, "-", "-", "-", here)]
    rows: list[tuple[str, ...]] = [(item.name, chosen.implementation.name, *_cells(chosen.checkpoint), here)]
    for name, part in chosen.parts.items():
        rows.append(("", f"  {name}", *_cells(part), "no" if part.path() is None else "yes"))
    return rows


def _cells(checkpoint: Checkpoint | None) -> tuple[str, str, str]:
    if checkpoint is None:
        return "-", "-", "-"
    size = size_of(checkpoint)
    return checkpoint.id, checkpoint.licence, human(size) if size else "unknown"


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    surplus = sum(widths) + 2 * (len(HEADS) - 1) - WIDTH
    widths[_SHRINKS] = max(min(_LEAST, widths[_SHRINKS]), widths[_SHRINKS] - max(0, surplus))
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(_fitted(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _fitted(cell: str, width: int) -> str:
    """Return a cell that lost its middle where it is longer than its column."""
    if len(cell) <= width:
        return cell
    head = (width - 3) // 3
    return f"{cell[:head]}...{cell[head + 3 - width :]}"


@dataclass(frozen=True)
class Fit:
    """What a skill's model takes of the memory that models may take."""

    said: str
    """In words: "690.0 MB of the 9.6 GB that models may take on cpu"; "" for a skill without a model."""
    ok: bool = True
    """False where it does not fit."""


def fit(item: AnySkill, budget: int) -> Fit:
    """Compare the weights of a skill, its parts' with them, with the memory; `budget` is the profile's, in bytes."""
    if item.chosen is None or item.chosen.checkpoint is None:
        return Fit("")
    device = item.chosen.device
    try:
        device = device or best_device()
        limit = budget or room(device)
    except (ImportError, RuntimeError, AssertionError):
        return Fit(f"there is no device {device!r} here; set device in [skills.{item.name}]", ok=False)
    sizes = [size_of(checkpoint) for checkpoint in item.chosen.checkpoints]
    may = f"the {human(limit)} that models may take on {device}"
    if not all(sizes):
        return Fit(f"size unknown, of {may}")
    total = sum(sizes)
    if total <= limit:
        return Fit(f"{human(total)} of {may}")
    mend = f"name a smaller checkpoint, or set memory = {total * 1.1 / 1e9:.1f} in the profile if it has that"
    return Fit(f"{human(total)}, more than {may}; {mend}", ok=False)
