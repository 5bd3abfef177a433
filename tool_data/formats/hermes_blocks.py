"""Blocks <tag>...</tag> in a text, and what stands around them, as Hermes writes calls and results."""

from collections.abc import Sequence
from typing import Any

from .base import Refused
from .layout import cut
from .messages import dumps

Mold = dict[str, Any]
"""A text without its words: {"gaps": what stands around the blocks, each as [white space, characters of the thought,
white space], "blocks": how each block is written}."""


def split(text: str, tag: str, at: int) -> tuple[list[str], list[str]]:
    """Return (what stands around the blocks, what stands in them) of the row's `at`-th message; raises Refused."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    gaps: list[str] = []
    bodies: list[str] = []
    end = 0
    while (start := text.find(opening, end)) >= 0 and (close := text.find(closing, start)) >= 0:
        gaps.append(text[end:start])
        bodies.append(text[start + len(opening) : close])
        end = close + len(closing)
    gaps.append(text[end:])
    if any(mark in piece for piece in (*gaps, *bodies) for mark in (opening, closing)):
        raise Refused(f"message {at} does not close every {opening} it opens; expected {opening}...{closing}")
    return gaps, bodies


def join(gaps: Sequence[str], blocks: Sequence[str], tag: str) -> str:
    """Return the text of what stands in the blocks and around them."""
    tagged = [f"<{tag}>{block}</{tag}>{gap}" for block, gap in zip(blocks, gaps[1:], strict=True)]
    return gaps[0] + "".join(tagged)


def usual_gaps(thought: str, count: int) -> list[str]:
    """Return what stands around `count` blocks: the thought on lines of its own, and line breaks."""
    return [f"{thought}\n" if thought else "", *["\n"] * (count - 1), ""]


def around(text: str) -> tuple[str, str, str]:
    """Return (white space before, the text, white space after)."""
    said = text.strip()
    at = len(text) - len(text.lstrip()) if said else len(text)
    return text[:at], said, text[at + len(said) :]


def hollow(gaps: Sequence[str]) -> list[list[Any]]:
    """Return the gaps without their words."""
    return [[before, len(said), after] for before, said, after in map(around, gaps)]


def cast(molds: Sequence[Sequence[Any]], thought: str) -> list[str] | None:
    """Return the gaps with the words of a thought in them, or None where they do not fit."""
    words = cut(thought, [length for _, length, _ in molds if length])
    if words is None:
        return None
    said = iter(words)
    return [f"{before}{next(said) if length else ''}{after}" for before, length, after in molds]


def escaped(value: Any) -> str:
    """Return JSON text in which no tag of a call or result can stand."""
    return dumps(value).replace("</tool_", "<\\/tool_").replace("<tool_", "\\u003ctool_")
