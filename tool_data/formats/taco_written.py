"""Traces -> rows of TACO; `taco` is the way here and tells the form."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.trace import Step, Trace, Turn

from .base import CITATIONS, Refused, Row
from .keys import laid_out
from .messages import extra_of, form_of
from .taco_actions import to_action
from .taco_text import IDLE, STYLES, TERMINATE, WRAPPING, Message, read_message, write_message

LOSSES = (
    "the pictures' files: a row calls them image-0, image-1 ..., and only where an action names them",
    CITATIONS,
    "whether a call failed (but for TACO's own wording), the arguments that ran, notes, times and devices; the text of "
    "a result is kept",
    "boxes, masks, points, texts and numbers, marks of the user among them; of a picture its size, frame and view",
    "passes that could not be read, why a turn ended, notes on it, feedback",
    "offer, planner, checkpoint, seed, versions, consent, forked_from and replayed of `meta`",
)
"""What a row of TACO does not hold of a Trace."""


def from_trace(trace: Trace) -> Row:
    """Return the row of a Trace; raises Refused where TACO cannot hold it."""
    if len(trace.turns) != 1 or not trace.turn.steps:
        steps = len(trace.turn.steps) if trace.turns else 0
        raise Refused(f"it has {len(trace.turns)} turns, the last of {steps} steps; taco holds one turn with steps")
    form = form_of(trace, "taco")
    others = form.get("messages", {})
    messages = [laid_out(one, others.get(str(at), {})) for at, one in enumerate(_messages(trace.turn, form), start=1)]
    file = extra_of(trace).get("file")
    row = ({} if file is None else {"file": file}) | {"question": trace.turn.request, "turns": messages}
    return laid_out(row, form)


def _messages(turn: Turn, form: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    style = form.get("json", next(iter(STYLES)))
    for at, step in enumerate(turn.steps, start=1):
        said = _said(step, turn, at)
        yield {"role": "assistant", "content": _text(said, form.get("texts", {}).get(str(at)), style)}
        reply = None if said.name == TERMINATE else _reply(step, form.get("replies", {}), str(at))
        if reply is not None:
            head, tail = form.get("wrappings", {}).get(str(at), WRAPPING)
            yield {"role": "observation", "content": f"{head}{reply}{tail}"}


def _said(step: Step, turn: Turn, at: int) -> Message:
    """Return what the assistant's message of a step says."""
    output = step.output
    if len(output.calls) > 1:
        raise Refused(f"step {at} has {len(output.calls)} calls; taco holds one a message")
    if output.calls:
        name, args = to_action(output.calls[0].name, output.calls[0].args)
        if name == TERMINATE:
            raise Refused(f"step {at} calls {TERMINATE!r}, which taco would read as the answer")
        return Message(output.thought, name, args)
    if output.answer is None:
        return Message(output.thought)
    if at < len(turn.steps):
        raise Refused(f"step {at} of {len(turn.steps)} answers; taco answers in the last")
    return Message(output.thought, TERMINATE, {"answer": turn.answer})


def _text(said: Message, text: str | None, style: str) -> str:
    """Return a message's text: as it was written, where it still says the same."""
    same = text is not None and read_message(text)[0] == said
    return text if text is not None and same else write_message(said, style)


def _reply(step: Step, replies: Mapping[str, str | None], at: str) -> str | None:
    """Return what came of a step, None for nothing."""
    if step.output.calls:
        return step.observations[0].content if step.observations else None
    return replies.get(at, IDLE)
