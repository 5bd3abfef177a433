"""A Trace as messages of a chat, whatever their format writes them as: the helper of every format that is such a list.

What a row says beside its chat stands in `meta.origin.extra`: "system" (its system text), "tools" (name -> schema, of
tools that are not our skills') and "form" (how the row was laid out, read only by the format that wrote it).
`reading` is the way back.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agent.trace import Observation, Step, ToolCall, Trace

from . import picture_ids
from .base import CITATIONS, Refused, path_of

Role = Literal["system", "user", "assistant", "tool"]
"""Who speaks."""

LOSSES = (
    CITATIONS,
    "whether a call failed, the arguments that ran, notes, times and devices; the text of a result is kept",
    "boxes, masks, points, texts and numbers, marks of the user among them; of a picture its size, frame and view",
    "a thought beside an answer, passes that could not be read, why a turn ended, notes on it, feedback",
    "planner, checkpoint, seed, versions, consent, forked_from and replayed of `meta`",
)
"""What no list of messages holds of a Trace."""


@dataclass(frozen=True)
class Message:
    """One message."""

    role: Role
    """Who speaks."""
    text: str = ""
    """What is said; of a calling message the thought."""
    images: tuple[str, ...] = ()
    """Its pictures (see `picture_ids`), each by its path or, where it lies in a store, by its SHA-256."""
    calls: tuple[ToolCall, ...] = ()
    """What an assistant calls; an id is "" where the source has none."""
    call_id: str = ""
    """The call a tool's message answers, "" where the source has none; of a user's, the call that made its pictures."""
    name: str = ""
    """The name of that call's tool; "" where the source has none."""


def dumps(value: Any) -> str:
    """Return JSON text as every format here writes it inside another text: one line, other scripts unescaped."""
    return json.dumps(value, ensure_ascii=False)


def made_by(call_id: str) -> str:
    """Return the text of the user's message that shows the pictures a call made."""
    return f"(made by {call_id})"


def extra_of(trace: Trace) -> Mapping[str, Any]:
    """Return what the row a trace was read from held beside its chat."""
    return trace.meta.origin.extra if trace.meta.origin else {}


def form_of(trace: Trace, name: str) -> Mapping[str, Any]:
    """Return how the trace's row was laid out, where it was read from the format `name`; else nothing."""
    origin = trace.meta.origin
    form = origin.extra.get("form", {}) if origin and origin.format == name else {}
    return form if isinstance(form, Mapping) else {}


def with_extra(trace: Trace, extra: Mapping[str, Any]) -> Trace:
    """Return the trace with more in `meta.origin.extra`; what is empty there, at any of the two levels, is left out."""
    assert trace.meta.origin is not None
    held = {key: {name: one for name, one in value.items() if one} for key, value in extra.items()}
    kept = {**trace.meta.origin.extra, **{key: value for key, value in held.items() if value}}
    origin = trace.meta.origin.model_copy(update={"extra": kept})
    return trace.model_copy(update={"meta": trace.meta.model_copy(update={"origin": origin})})


def to_messages(trace: Trace, form: Mapping[str, Any]) -> list[Message]:
    """Return the trace as messages; `form` says how the source's results stood.

    Raises Refused where a reader could not make the same chat of them.
    """
    system = extra_of(trace).get("system")
    messages = [] if system is None else [Message("system", str(system))]
    teller = _Teller(trace, bool(form.get("inside")))
    before = 0
    for turn in trace.turns:
        messages.append(teller.shown(turn.request, turn.images))
        for step in turn.steps:
            if step.output.calls:
                messages.append(Message("assistant", step.output.thought, calls=step.output.calls))
                messages += teller.results(step, form.get("order", {}).get(str(before)))
            before += len(step.output.calls)
        if turn.answer or (turn.steps and turn.steps[-1].output.answer is not None):
            messages.append(Message("assistant", turn.answer))
    return messages


class _Teller:
    """Tells what pictures are in, and keeps count of them."""

    def __init__(self, trace: Trace, inside: bool) -> None:
        self._records, self._inside = trace.artifacts, inside
        self._known: dict[str, str] = {}

    def shown(self, text: str, ids: Sequence[str], call_id: str = "") -> Message:
        """Return a user's message with pictures; `call_id` is what made them, where a call did."""
        names = self._names(ids)
        told = picture_ids.write(text, ids, names, self._known)
        self._known.update(zip(ids, names, strict=True))
        return Message("user", told, names, call_id=call_id)

    def results(self, step: Step, order: Sequence[int] | None) -> Iterator[Message]:
        """Yield the results of a step, and what pictures they made: in the results themselves, or shown after them."""
        calls = {call.id: call.name for call in step.output.calls}
        ids = [seen.tool_call_id for seen in step.observations]
        if ids and ids != list(calls):
            raise Refused(
                f"the calls {list(calls)} have the results {ids}; expected one for each in their order, or none"
            )
        fits = order is not None and sorted(order) == list(range(len(ids)))
        for at in order if order is not None and fits else range(len(ids)):
            seen = step.observations[at]
            yield Message("tool", seen.content, self._made(seen), call_id=ids[at], name=calls[ids[at]])
        for seen in () if self._inside else step.observations:
            if pictures := self._pictures(seen):
                yield self.shown(made_by(seen.tool_call_id), pictures, seen.tool_call_id)

    def _made(self, seen: Observation) -> tuple[str, ...]:
        """Return the pictures to put into a result, by name."""
        ids = self._pictures(seen) if self._inside else []
        names = self._names(ids)
        if tuple(ids) != picture_ids.counted(self._known, len(ids)):
            raise Refused(f"the pictures {ids} cannot be told in a result; expected ids in the order of showing")
        self._known.update(zip(ids, names, strict=True))
        return names

    def _pictures(self, seen: Observation) -> list[str]:
        return [name for name in seen.artifacts if self._records[name].kind == "picture"]

    def _names(self, ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(path_of(self._records[name]) for name in ids)
