"""Requests, endings and answers: what an answer cites exists, and its citations stand where they say."""

import re
from collections.abc import Iterator

from agent.citations import PATTERN, expand
from agent.trace import Trace, Turn
from skills.store import Artifacts, Store

from .row import Row

ENDED = ("answered", "asked")
"""Reasons a turn ends for with an answer."""

_PARTS = {
    "picture": ("", "text"), "number": ("", "text"), "text": ("", "text", "count"),
    "boxes": ("", "text", "count"), "masks": ("", "text", "count"), "points": ("", "text", "count"),
}  # fmt: skip
_ELEMENT_PARTS = {"text": ("", "text"), "boxes": ("", "label", "score"), "masks": ("", "label", "score")}


def answer_faults(row: Row) -> Iterator[str]:
    """Yield what is wrong with the requests, the endings and the answers of a row."""
    if not row.trace.turns:
        yield "the trace has no turn; expected at least one request"
    known: set[str] = set()
    failed: set[str] = set()
    for number, turn in enumerate(row.trace.turns, start=1):
        observations = [seen for step in turn.steps for seen in step.observations]
        known.update(turn.images, turn.marks, *(seen.artifacts for seen in observations))
        failed.update(seen.tool_call_id for seen in observations if seen.error)
        found = (*_ending(turn), *_cited(turn, row, known, failed), *_offsets(turn, row))
        yield from (f"turn {number}: {fault}" for fault in found)


def _ending(turn: Turn) -> Iterator[str]:
    if not turn.request.strip():
        yield "the request is empty; expected what the user wrote"
    last = turn.steps[-1].output if turn.steps else None
    written = last is not None and last.answer is not None and not last.calls
    if turn.stop_reason in ENDED:
        if not written:
            yield f"stop_reason is {turn.stop_reason!r} without an answer in its last step; say why it ended"
        elif not turn.answer.strip():
            yield f"stop_reason is {turn.stop_reason!r} and the answer is empty; expected the answer"
    elif turn.answer or (written and turn.stop_reason != "cancelled"):
        yield f"the turn holds an answer, but its stop_reason is {turn.stop_reason!r}; expected 'answered' or 'asked'"


def _cited(turn: Turn, row: Row, known: set[str], failed: set[str]) -> Iterator[str]:
    raw = next((s.output.answer for s in reversed(turn.steps) if s.output.answer is not None), "") or ""
    cited = [match[0][1:-1] for match in PATTERN.finditer(raw)] + [item.ref for item in turn.citations]
    for ref in dict.fromkeys(cited):
        if not _exists(ref, row, known, failed):
            there = ", ".join(sorted(known | {f"{name}.error" for name in failed}))
            yield f"the answer cites {ref!r}, which does not exist; there is {there or 'nothing'}"


def _exists(ref: str, row: Row, known: set[str], failed: set[str]) -> bool:
    match = PATTERN.fullmatch(f"[{ref}]")
    if match is None:
        return False
    name, element, part = match[1], match[2], match[3] or ""
    if name == "skills":
        return True
    if name.startswith("call_"):
        return name in failed and part == "error"
    record = row.trace.artifacts.get(name)
    if name not in known or record is None:
        return False
    if part not in (_PARTS if element is None else _ELEMENT_PARTS).get(record.kind, ()):
        return False
    value = row.value(name)
    return element is None or value is None or (hasattr(value, "__len__") and int(element) < len(value))


def _offsets(turn: Turn, row: Row) -> Iterator[str]:
    """Yield citations that lie outside the answer, or hold something else than what they cite."""
    at, size = 0, len(turn.answer)
    for item in turn.citations:
        if not at <= item.start <= item.end <= size:
            yield f"the citation of {item.ref!r} at {item.start}-{item.end} lies outside its place ({at}-{size})"
            return
        at = item.end
        told, written = _expanded(item.ref, row), turn.answer[item.start : item.end]
        if told is not None and told != written:
            yield f"the citation of {item.ref!r} holds {written[:60]!r}, not what it cites: {told[:60]!r}"
    raw = turn.steps[-1].output.answer if turn.steps else None
    if raw is None or not turn.answer or (not turn.citations and row.written_elsewhere and raw == turn.answer):
        return
    kept = {item.ref for item in turn.citations}
    if _collapsed(turn) != re.sub(PATTERN, lambda match: match[0] if match[0][1:-1] in kept else "", raw):
        yield (
            "the answer is not what the planner wrote with its citations expanded; their offsets or the text do not "
            "match"
        )


def _collapsed(turn: Turn) -> str:
    """Return the answer with each citation written as the planner writes it."""
    pieces, at = [], 0
    for item in turn.citations:
        pieces += [turn.answer[at : item.start], f"[{item.ref}]"]
        at = item.end
    return "".join([*pieces, turn.answer[at:]])


def _expanded(ref: str, row: Row) -> str | None:
    """Return what a citation stands for, or None where that is not at hand."""
    name = ref.partition("[")[0].partition(".")[0]
    if name == "skills" or not (name.startswith("call_") or row.value(name) is not None):
        return None
    trace: Trace = row.trace
    text, citations, _ = expand(f"[{ref}]", trace, Artifacts(row.store or Store(), trace.artifacts), ())
    return text if citations else None
