"""What rows of tool-use data hold, counted a row at a time."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.citations import PATTERN
from agent.trace import Observation, Trace, Turn

from .checks.row import AUTHORED, SIMULATED
from .language import language_of

Length = Callable[[str], int]
"""Text -> tokens in it."""

_BINS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
"""Upper ends of the ranges that lengths are counted in; one more range is open."""


@dataclass
class Totals:
    """Counts over the rows added so far."""

    rows: int = 0
    """Rows."""
    damaged: int = 0
    """Lines that are no Trace."""
    turns: int = 0
    """Turns."""
    sources: Counter[str] = field(default_factory=Counter)
    """Simulated, authored, imported from a format, or recorded -> rows."""
    turns_of_a_row: Counter[int] = field(default_factory=Counter)
    """Turns of a row -> rows."""
    pictures: Counter[int] = field(default_factory=Counter)
    """Pictures given in a row -> rows."""
    skills: Counter[str] = field(default_factory=Counter)
    """Skill -> calls."""
    chains: Counter[int] = field(default_factory=Counter)
    """Passes with a call in a turn -> turns."""
    side_by_side: Counter[int] = field(default_factory=Counter)
    """Calls of one pass -> passes."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """success, empty, cancelled, an error's type -> calls."""
    results: Counter[str] = field(default_factory=Counter)
    """Whether a call's skill ran: "ran", "cached", "simulated", "no result" where it failed -> calls."""
    endings: Counter[str] = field(default_factory=Counter)
    """Reason a turn ended for -> turns."""
    languages: Counter[str] = field(default_factory=Counter)
    """Language of a request -> turns."""
    request_words: Counter[int] = field(default_factory=Counter)
    """Words of a request -> turns."""
    citations: Counter[str] = field(default_factory=Counter)
    """What an answer cites ("text", "boxes.count", "call.error") -> citations."""
    cited: Counter[int] = field(default_factory=Counter)
    """Citations of an answer -> answers."""
    tokens: Counter[str] = field(default_factory=Counter)
    """Who wrote them -> tokens."""
    row_tokens: Counter[int] = field(default_factory=Counter)
    """Tokens of a row -> rows."""

    def add(self, trace: Trace, length: Length) -> None:
        """Count one row."""
        origin = trace.meta.origin
        self.rows += 1
        self.turns += len(trace.turns)
        made = trace.meta.planner in (SIMULATED, AUTHORED)
        self.sources[trace.meta.planner if made else f"imported: {origin.format}" if origin else "recorded"] += 1
        self.turns_of_a_row[len(trace.turns)] += 1
        self.pictures[sum(len(turn.images) for turn in trace.turns)] += 1
        before = self.tokens.total()
        for turn in trace.turns:
            self._turn(turn, length)
        self.row_tokens[self.tokens.total() - before] += 1

    def _turn(self, turn: Turn, length: Length) -> None:
        calls = [step.output.calls for step in turn.steps if step.output.calls]
        self.skills.update(call.name for step in calls for call in step)
        self.chains[len(calls)] += 1
        self.side_by_side.update(len(step) for step in calls)
        self.outcomes.update(outcome(seen) for step in turn.steps for seen in step.observations)
        self.results.update(result(seen) for step in turn.steps for seen in step.observations)
        self.endings[turn.stop_reason or "broken off"] += 1
        self.languages[language_of(turn.request)] += 1
        self.request_words[len(turn.request.split())] += 1
        refs = cited(turn)
        self.citations.update(refs)
        self.cited[len(refs)] += bool(turn.answer)
        for part, text in _texts(turn):
            self.tokens[part] += length(text)


def outcome(seen: Observation) -> str:
    """Return how a call ended: "success", "empty" where it found nothing, "cancelled", or its error's type."""
    if seen.error is not None:
        return seen.error.type
    found = [str(told).startswith("nothing found") for told in seen.data.values()]
    return "empty" if seen.status == "success" and found and all(found) else seen.status


def result(seen: Observation) -> str:
    """Return where a call's result came from: "ran", "cached", "simulated", or "no result" where there is none."""
    if seen.simulated:
        return "simulated"
    if seen.status != "success":
        return "no result"
    return "cached" if seen.cached else "ran"


def cited(turn: Turn) -> list[str]:
    """Return what a turn's answer cites, ids without their numbers: "text", "boxes.label", "call.error"."""
    refs = [item.ref for item in turn.citations] or [match[0][1:-1] for match in PATTERN.finditer(turn.answer)]
    return [re.sub(r"_\d+|\[\d+\]", "", ref) for ref in refs]


def _texts(turn: Turn) -> list[tuple[str, str]]:
    """Return (who wrote it, text) of a turn, as often as a planner reads or writes it."""
    texts = [("user: requests", turn.request)]
    for step in turn.steps:
        texts.append(("planner: thoughts", step.output.thought))
        texts += [("planner: calls", call.model_dump_json(include={"name", "args"})) for call in step.output.calls]
        texts.append(("planner: answers", step.output.answer or ""))
        texts += [("tools: observations", seen.content) for seen in step.observations]
    return texts


def binned(counts: Mapping[int, int]) -> dict[str, int]:
    """Return lengths counted in ranges, "0", "1", "2", "3-5" ... "10001 or more"; empty ends are left out."""
    found: Counter[int] = Counter()
    for value, count in counts.items():
        found[next((at for at, top in enumerate(_BINS) if value <= top), len(_BINS))] += count
    used = [at for at, count in found.items() if count] or [0]
    return {_range(at): found[at] for at in range(min(used), max(used) + 1)}


def _range(at: int) -> str:
    low = _BINS[at - 1] + 1 if at else 0
    if at == len(_BINS):
        return f"{low} or more"
    return str(low) if low == _BINS[at] else f"{low}-{_BINS[at]}"
