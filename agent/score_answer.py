"""Scores what a turn answered: whether it cites what was made, says what failed, and in the request's language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .citations import PATTERN
from .score import Share
from .trace import Observation, Turn

_ENGLISH = "the i it is a an to that here in of you and found no not can what do me my with for this"
_SPANISH = "el la lo los las un una que de en no y es se qué aquí encontré puedo eso esto por con para"
_COMMON = {"en": frozenset(_ENGLISH.split()), "es": frozenset(_SPANISH.split())}
"""Frequent words of each language, to tell which one an answer is in."""


@dataclass(frozen=True)
class Answered:
    """How one answer did; None where the question does not arise."""

    cited: bool | None
    """After a success: it cites something that the turn's last call made."""
    reported: bool | None
    """After an error: it cites the last call's error."""
    language: bool | None
    """Its own words are in the request's language; None where it has too few to tell."""
    digits: int
    """Digits that stand outside citations and not in the request."""


def score_answer(row: Mapping[str, Any], turn: Turn) -> Answered:
    """Judge the last answer of a turn; `row` has the request's language under "lang"."""
    said = next((step.output.answer for step in reversed(turn.steps) if step.output.answer is not None), None) or ""
    seen = [observation for step in turn.steps for observation in step.observations]
    own = PATTERN.sub(" ", said)
    digits = sum(number not in turn.request for number in re.findall(r"\d+", own))
    cited, reported = _evidence(said, seen)
    return Answered(cited, reported, _in_language(own, row["lang"]), digits)


def _evidence(said: str, seen: Sequence[Observation]) -> tuple[bool | None, bool | None]:
    if not seen:
        return None, None
    names = {match[1] for match in PATTERN.finditer(said)}
    last = seen[-1]
    if last.status != "success":
        return None, f"[{last.tool_call_id}.error]" in said
    return bool(names & set(last.artifacts)), None


def _in_language(text: str, lang: str) -> bool | None:
    found = re.findall(r"[^\W\d_]+", text.casefold())
    counts = {name: sum(word in common for word in found) for name, common in _COMMON.items()}
    other = max(count for name, count in counts.items() if name != lang)
    return None if counts[lang] == other else counts[lang] > other


def answer_table(answers: Sequence[Answered]) -> str:
    """Return the shares over all answers as aligned lines."""
    lines = [f"{'answers':<40}share"]
    for name, told in (
        ("cites what was made", [a.cited for a in answers]),
        ("says what failed", [a.reported for a in answers]),
        ("in the request's language", [a.language for a in answers]),
    ):
        known = [value for value in told if value is not None]
        lines.append(f"{name:<40}{Share(sum(known), len(known))}")
    lines.append(f"{'turns with digits of its own':<40}{sum(a.digits > 0 for a in answers)} of {len(answers)}")
    return "\n".join(lines)
