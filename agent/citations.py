"""Citations in answers: `[text_1]`, `[boxes_1.count]`, `[boxes_1[0].label]`, `[call_1.error]`, `[skills]`.

An answer's facts are the tools' own: each citation is expanded from its artifact in one pass, so what is inserted
is never expanded again.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from skills import Boxes, Masks, Number, Points, Skill, Text, Value
from skills.store import Artifacts

from .trace import Citation, Trace

PATTERN = re.compile(r"\[((?:img|boxes|mask|text|points|num|call)_\d{1,6}|skills)(?:\[(\d{1,6})\])?(?:\.([a-z]+))?\]")
"""A citation: what is cited, an element of it, a part of that."""


def expand(
    answer: str, trace: Trace, artifacts: Artifacts, skills: Sequence[Skill[..., Any]]
) -> tuple[str, tuple[Citation, ...], tuple[str, ...]]:
    """Return (text, citations, notes): the answer with each citation replaced by what it cites.

    A citation of something that does not exist is left out, and a note says so.
    """
    pieces: list[str] = []
    citations: list[Citation] = []
    notes: list[str] = []
    at = length = 0
    for match in PATTERN.finditer(answer):
        before = answer[at : match.start()]
        inserted = _cited(match, trace, artifacts, skills)
        if inserted is None:
            notes.append(f"the answer cited {match[0]}, which does not exist; it was left out")
        pieces += [before, inserted or ""]
        start = length + len(before)
        length = start + len(inserted or "")
        if inserted is not None:
            citations.append(Citation(start=start, end=length, ref=match[0][1:-1]))
        at = match.end()
    return "".join([*pieces, answer[at:]]), tuple(citations), tuple(notes)


def _cited(match: re.Match[str], trace: Trace, artifacts: Artifacts, skills: Sequence[Skill[..., Any]]) -> str | None:
    name, element, part = match[1], match[2], match[3] or ""
    if name == "skills":
        return skill_list(skills)
    if name.startswith("call_"):
        return _error_of(name, trace) if part == "error" else None
    if name not in artifacts:
        return None
    value = artifacts.value(name)
    if element is not None:
        return _element(value, int(element), part)
    if part in ("", "text"):
        return whole(name, value)
    return str(len(value)) if part == "count" and hasattr(value, "__len__") else None


def skill_list(skills: Sequence[Skill[..., Any]]) -> str:
    """Return the skills on offer, one a line, with what mends those that cannot run here."""
    lines = []
    for item in skills:
        reason = item.unavailable()
        lines.append(f"- {item.name}: {item.description}" + (f" (not here: {reason})" if reason else ""))
    return "\n" + "\n".join(lines)


def _error_of(call_id: str, trace: Trace) -> str | None:
    for turn in trace.turns:
        for step in turn.steps:
            for seen in step.observations:
                if seen.tool_call_id == call_id and seen.error is not None:
                    return seen.error.message
    return None


def whole(name: str, value: Value) -> str:
    """Return a whole value as an answer shows it: text in full, a number, labels, else the id."""
    if isinstance(value, Text | Number):
        return value.text
    labels = [label for label in getattr(value, "labels", ()) if label]
    return ", ".join(labels) if labels else name


def _element(value: Value, index: int, part: str) -> str | None:
    if not isinstance(value, Boxes | Masks | Points | Text) or index >= len(value):
        return None
    if isinstance(value, Text):
        return value.lines[index].text if part in ("", "text") else None
    labels, scores = getattr(value, "labels", ()), getattr(value, "scores", ())
    parts: dict[str, Callable[[], str | None]] = {
        "": lambda: labels[index] if labels else None,
        "label": lambda: labels[index] if labels else None,
        "score": lambda: f"{scores[index]:.2f}" if scores else None,
    }
    return parts[part]() if part in parts else None
