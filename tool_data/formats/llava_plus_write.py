"""Writes a Trace as a record of LLaVA-Plus; the reading half, and what is kept beside a chat, is `llava_plus`."""

from collections.abc import Sequence
from typing import Any

from agent.trace import Trace, Turn

from . import image_markers
from .api_calls import write_calls
from .base import Refused, Row, path_of
from .tool_results import joined

FIELDS = ("image", "conversations")
"""The keys of a row that are told from its Trace."""

USUAL = {"human": ["from", "value"], "gpt": ["from", "thoughts", "actions", "value"]}
"""Who speaks -> the keys of such a message, in order."""

LOSSES = (
    "all pictures but the user's first, and of that all but its path or SHA-256; marks; what tools made",
    "of an observation all but its text: status, error, arguments that ran, artifacts, notes, time",
    "citations (the answer is written with them expanded), notes, feedback, why a turn without an answer ended",
    "meta but for the origin of an imported trace; the trace's own id is written as 'id'",
)
"""What a record cannot hold of a Trace."""


def said(names: Sequence[str]) -> str:
    """Return the usual `value` of a message that calls."""
    return f"I will use {' and '.join(names)} to help to answer the question. Please wait for a moment."


def asked(turn: Turn, number: int, markers: Sequence[Any] | None) -> str:
    """Return the request of a turn with the `<image>` of its kept markers, of the usual one where there are none.

    Raises Refused for a request that holds one itself.
    """
    if image_markers.MARKER in turn.request:
        raise Refused(f"the request {turn.request!r} holds the marker <image> itself; expected it taken out")
    usual = [image_markers.first(number)] if turn.images else []
    kept = usual if markers is None else image_markers.read(markers)
    return image_markers.put_back(turn.request, [marker for marker in kept if marker.turn == number])


def from_trace(trace: Trace) -> Row:
    """Return a Trace as a record; raises Refused where a record cannot hold it."""
    origin = trace.meta.origin
    extra: dict[str, Any] = dict(origin.extra) if origin and origin.format == "llava-plus" else {}
    shown = {picture for turn in trace.turns for picture in turn.images}
    if shown - {"img_1"}:
        raise Refused(f"the trace shows {sorted(shown)}; a record of LLaVA-Plus holds one picture, img_1")
    writer = _Writer(extra)
    if not trace.turns:
        raise Refused(f"the trace {trace.id!r} has no turn; expected at least one request")
    for number, turn in enumerate(trace.turns, start=1):
        writer.turn(turn, number, last=number == len(trace.turns))
    held: dict[str, Any] = extra.get("fields", {} if extra else {"id": trace.id}) | {"conversations": writer.messages}
    image = trace.artifacts.get("img_1")
    if image is not None and image.source == "user":
        held["image"] = path_of(image)
    usual = [key for key in ("id", "image", "conversations") if key in held]
    return {key: held[key] for key in extra.get("keys", usual)}


class _Writer:
    """Collects a record's messages."""

    def __init__(self, extra: dict[str, Any]) -> None:
        self.markers: list[Any] | None = extra.get("markers")
        self.kept = extra.get("messages", {})
        self.calls = extra.get("calls", {})
        self.messages: list[dict[str, Any]] = []

    @property
    def _beside(self) -> dict[str, Any]:
        """What was kept of the message that is written next."""
        return dict(self.kept.get(str(len(self.messages)), {}))

    def _add(self, **message: Any) -> None:
        keys = self._beside.get("keys", list(message))
        self.messages.append({key: message[key] for key in keys})

    def turn(self, turn: Turn, number: int, last: bool) -> None:
        """Add a turn; only the last may lack its answer."""
        self._add(**{"from": "human", "value": asked(turn, number, self.markers)})
        for at, step in enumerate(turn.steps, start=1):
            output = step.output
            if output.malformed is not None or (output.answer is None) == (not output.calls):
                raise Refused(f"step {at} of {turn.request!r} neither calls nor answers; expected one of them")
            if not output.calls:
                self._add(**{"from": "gpt", "thoughts": output.thought, "actions": [], "value": turn.answer})
                continue
            actions = write_calls(output.calls, self.calls)
            names = [str(action["API_name"]) for action in actions]
            value = self._beside.get("said", said(names))
            self._add(**{"from": "gpt", "thoughts": output.thought, "actions": actions, "value": value})
            results = [seen.content for seen in step.observations]
            if len(results) == len(actions):
                beside = {key: value for key, value in self._beside.items() if key != "keys"}
                self._add(**{"from": "human", "value": joined(results, names, turn.request, beside)})
            elif results or not last or at < len(turn.steps):
                raise Refused(f"{len(results)} results for {names} in {turn.request!r}; expected one for each call")
        if not last and (not turn.steps or turn.steps[-1].output.calls):
            raise Refused(f"{turn.request!r} has no answer and is not the last request; expected an answer")
