"""Saved chats found again, and which of their turns may become data: consent first, then what the user thought."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.home import kept
from agent.journal import FILE
from agent.saved import open_trace
from agent.trace import CORRECTED, DOWN, TRAINING, UP, PlannerOutput, Step, Trace, Turn
from skills import InputError
from skills.store import Store

ONLY = ("up", "corrected")
"""What the option --only names."""


@dataclass(frozen=True)
class Found:
    """One saved chat."""

    where: str
    """Where it was found."""
    trace: Trace | None
    """The chat; None where it may not be used."""
    why: str = ""
    """Why it may not be used."""

    @property
    def store(self) -> Store:
        """Its payloads, opened anew: an open store keeps decoded pictures, those of all chats would be too many."""
        return open_trace(self.where).store


def find(places: Sequence[str]) -> Iterator[Found]:
    """Yield every chat of the places, those kept at home where none is named; each id is used once.

    A place is a trace (a folder, a log, an id, FILE.jsonl#ROW) or a folder with traces below it. Raises InputError for
    a place that is neither.
    """
    seen: dict[str, str] = {}
    for where in _listed(places):
        found = _opened(where)
        if found.trace is not None:
            first = seen.setdefault(found.trace.id, where)
            if first != where:
                found = Found(where, None, why=f"its id {found.trace.id!r} is that of {first!r}, which is used")
        yield found


def _listed(places: Sequence[str]) -> Iterator[str]:
    if not places:
        yield from (str(item.folder) for item in kept())
    for place in places:
        path = Path(place)
        if path.is_dir() and not (path / FILE).exists():
            logs = sorted(path.rglob(FILE))
            if not logs:
                raise InputError(f"no trace below {place!r}; expected folders with {FILE}")
            yield from (str(log.parent) for log in logs)
        elif not path.exists():
            open_trace(place)
            yield place
        else:
            yield place


def _opened(where: str) -> Found:
    try:
        opened = open_trace(where)
    except (InputError, OSError) as error:
        return Found(where, None, why=str(error))
    trace = opened.trace
    if TRAINING not in [word.strip() for word in trace.meta.consent.split(",")]:
        why = f"consent is {trace.meta.consent!r}; expected {TRAINING!r} in it, which only its user can give"
        return Found(where, None, why=why)
    if opened.problems:
        return Found(where, None, why=f"it is damaged: {opened.problems[0]}")
    return Found(where, trace)


def correction(turn: Turn) -> str:
    """Return the answer as the user corrected it, or ""."""
    said = turn.feedback or ""
    return said.removeprefix(CORRECTED).strip() if said.startswith(CORRECTED) else ""


def corrected(turn: Turn) -> Turn:
    """Return a turn with the user's own answer, where they gave one."""
    answer = correction(turn)
    if not answer:
        return turn
    done = [step for step in turn.steps if step.output.calls]
    steps = (*done, Step(output=PlannerOutput(answer=answer)))
    return turn.model_copy(update={"steps": steps, "answer": answer, "citations": (), "stop_reason": "answered"})


def usable(trace: Trace, only: str | None) -> tuple[int, str]:
    """Return how many turns from the first may be used, and why the next may not ("" where all may).

    A turn that was not answered or that the user voted down ends a chat. `only` "up" wants every turn liked,
    "corrected" the last one corrected.
    """
    count, why = len(trace.turns), ""
    for number, turn in enumerate(trace.turns):
        fault = _fault(turn, only)
        if fault:
            count, why = number, f"turn {number + 1} {fault}"
            break
    if only == "corrected":
        last = max((at for at, turn in enumerate(trace.turns[:count], start=1) if correction(turn)), default=0)
        return last, why if last == count else f"no turn after turn {last} is corrected"
    return count, why


def _fault(turn: Turn, only: str | None) -> str:
    if turn.feedback == DOWN:
        return "was voted down"
    if correction(turn):
        return "was corrected, not liked" if only == "up" else ""
    if turn.stop_reason not in ("answered", "asked"):
        return f"ended as {turn.stop_reason or 'broken off'!r} without an answer"
    if only == "up" and turn.feedback != UP:
        return f"has the feedback {turn.feedback!r}; expected {UP!r}"
    return ""
