"""Preference pairs for TRL's DPOTrainer: a forked turn beside the one it left, a corrected answer beside the first.

A row is {"prompt", "chosen", "rejected", "tools", "images"}: lists of messages as `formats.trl` writes them, the last
two of one message, the step in which both differ. `images` are those of the prompt.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.trace import DOWN, UP, Trace, Turn

from .formats.base import Refused
from .formats.messages import dumps
from .formats.trl import plain_row
from .from_chats_found import Found, corrected, correction
from .from_chats_hide import Shelf, first_turns

_FORK = re.compile(r"(.+)@([1-9]\d*)\.([1-9]\d*)")


@dataclass(frozen=True)
class Chosen:
    """Two chats that are the same up to a step, and there one is better."""

    name: str
    """What it is called in a report."""
    better: Trace
    """The chat with the better step."""
    worse: Trace
    """The other."""
    at: tuple[int, int]
    """Turn and step, from 1."""
    found: Found
    """The chat that holds the payloads of what both share."""


def corrections(found: Found, trace: Trace) -> Iterator[Chosen]:
    """Yield a pair for each answer of a chat that the user corrected."""
    for number, turn in enumerate(trace.turns, start=1):
        if correction(turn) and turn.steps and turn.steps[-1].output.answer is not None:
            mended = corrected(turn)
            turns = (*trace.turns[: number - 1], mended, *trace.turns[number:])
            better = trace.model_copy(update={"turns": turns})
            yield Chosen(f"{trace.id}, turn {number}", better, trace, (number, len(mended.steps)), found)


def fork(trace: Trace, known: Mapping[str, tuple[Found, Trace]]) -> Chosen | None:
    """Return the pair of a forked chat and what it was forked from, None for one that is no fork.

    The fork is the better one unless the user said otherwise. Raises Refused where that cannot be told, or the other
    chat is not among those `known`.
    """
    if trace.meta.forked_from is None:
        return None
    found = _FORK.fullmatch(trace.meta.forked_from)
    if found is None:
        raise Refused(f"it is forked from {trace.meta.forked_from!r}; expected ID@TURN.STEP")
    name, turn, step = found[1], int(found[2]), int(found[3])
    if name not in known:
        raise Refused(f"it is forked from {name!r}, which is not among the chats that may be used")
    origin, other = known[name]
    if max(turn, 1) > min(len(trace.turns), len(other.turns)):
        raise Refused(f"it is forked at turn {turn}, which one of the two does not have")
    mine, its = _liked(trace.turns[turn - 1]), _liked(other.turns[turn - 1])
    if mine == its != 0:
        raise Refused(f"both have the feedback {other.turns[turn - 1].feedback!r}; expected one to be liked more")
    better, worse = (trace, other) if mine >= its else (other, trace)
    return Chosen(f"{trace.id}, forked from {trace.meta.forked_from}", better, worse, (turn, step), origin)


def _liked(turn: Turn) -> int:
    return 1 if turn.feedback == UP or correction(turn) else -1 if turn.feedback == DOWN else 0


def row(pair: Chosen, shelf: Shelf) -> dict[str, Any]:
    """Return the row of a pair, the pictures of its prompt put on the shelf; raises Refused, KeyError."""
    turn, step = pair.at
    better, worse = (_cut(trace, turn, step) for trace in (pair.better, pair.worse))
    if _before(better) != _before(worse):
        raise Refused(f"the two chats differ before turn {turn}, step {step}; expected the same up to there")
    shared = better.model_copy(update={"artifacts": first_turns(better, turn).artifacts})
    chosen = plain_row(shelf.put(shared, pair.found.store))
    rejected = plain_row(worse)["messages"]
    if dumps(chosen["messages"][-1]) == dumps(rejected[-1]):
        raise Refused(f"both say the same in turn {turn}, step {step}; expected another call or answer")
    *prompt, best = chosen["messages"]
    columns = {"prompt": prompt, "chosen": [best], "rejected": [rejected[-1]]}
    return columns | {"tools": chosen["tools"], "images": chosen["images"]}


def _cut(trace: Trace, turn: int, step: int) -> Trace:
    """Return a chat up to what is said in a step, without what came of it; raises Refused where that is nothing."""
    last = trace.turns[turn - 1]
    output = last.steps[step - 1].output if step <= len(last.steps) else None
    if output is None or not (output.calls or (output.answer is not None and last.answer)):
        raise Refused(f"turn {turn} says nothing in step {step} in one of the two; expected a call or an answer")
    said = last.steps[step - 1].model_copy(update={"observations": ()})
    cut = {"steps": (*last.steps[: step - 1], said), "answer": "" if output.calls else last.answer}
    return trace.model_copy(update={"turns": (*trace.turns[: turn - 1], last.model_copy(update=cut))})


def _before(trace: Trace) -> str:
    """Return the chat before its last step, as text to compare: what was asked, called, found and answered."""
    told = []
    for turn in trace.turns:
        steps = turn.steps if turn is not trace.turns[-1] else turn.steps[:-1]
        seen = [(step.output.calls, [(one.content, one.artifacts) for one in step.observations]) for step in steps]
        told.append((turn.request, turn.images, seen, "" if turn is trace.turns[-1] else turn.answer))
    return f"{told} {trace.meta.offer}"
