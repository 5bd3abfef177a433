"""Messages of a chat, whatever their format writes them as -> the turns of a Trace. `messages` is the way back."""

from collections.abc import Sequence
from typing import Any

from agent.trace import Meta, Observation, Origin, PlannerOutput, Step, ToolCall, Trace, Turn
from skills.store import Artifact

from . import picture_ids
from .base import Refused, Report, picture
from .messages import Message, made_by


def to_trace(
    messages: Sequence[Message],
    origin: Origin,
    offer: Sequence[str],
    report: Report,
    places: Sequence[int] | None = None,
) -> tuple[Trace, dict[str, Any]]:
    """Return (the Trace of a row, the part of its "form" that says how its results stood); raises Refused.

    `places` says where each message stands in the row, where one there is several here. A call id that is used twice
    is mended, and `report` says so.
    """
    inside = any(message.images for message in messages if message.role == "tool")
    reader = _Reader(origin.row, report, inside)
    for at, message in zip(places or range(len(messages)), messages, strict=True):
        reader.add(at, message)
    reader.close()
    meta = Meta(offer=tuple(offer), origin=origin)
    trace = Trace(id=origin.row, turns=tuple(reader.turns), artifacts=reader.artifacts, meta=meta)
    return trace, {"inside": inside, "order": reader.order}


class _Reader:
    """Folds messages into turns."""

    def __init__(self, row: str, report: Report, inside: bool) -> None:
        self.row, self.report, self.inside = row, report, inside
        self.turns: list[Turn] = []
        self.artifacts: dict[str, Artifact] = {}
        self.order: dict[str, list[int]] = {}
        self._known: dict[str, str] = {}  # id of a picture -> its path or SHA-256
        self._ids: dict[str, str] = {}  # of the newest calling message: id in the source -> id in the trace
        self._taken: list[str] = []
        self._results: list[Message] = []

    def add(self, at: int, message: Message) -> None:
        """Take one message."""
        if message.role == "tool":
            steps = self.turns[-1].steps if self.turns else ()
            if not steps or not steps[-1].output.calls or steps[-1].observations:
                raise Refused(f"message {at} is a tool's and answers no call; expected it after an assistant's calls")
            self._results.append(message)
            return
        self.close()
        if message.role == "system" and at:
            raise Refused(f"message {at} is the system's; expected one only at the beginning")
        if message.role == "assistant":
            self._assistant(at, message)
        elif message.role == "user" and not self._shows(message):
            ids, text = picture_ids.read(message.text, message.images, self._known)
            self.turns.append(Turn(request=text, images=self._pictures(ids, message, "user")))

    def close(self) -> None:
        """Give the newest calls the results read since, in the calls' order."""
        if not self._results:
            return
        calls = [call.id for call in self.turns[-1].steps[-1].output.calls]
        named = [message.call_id for message in self._results]
        ids = [self._ids.get(name, name) for name in named] if any(named) else calls
        if sorted(ids) != sorted(calls) or len(named) != len(calls):
            raise Refused(
                f"{len(named)} results, of {named}, stand after the calls {list(self._ids)}; expected one each"
            )
        order = [calls.index(name) for name in ids]
        if order != sorted(order):
            self.order[str(len(self._taken) - len(calls))] = order
        seen = {
            name: Observation(
                tool_call_id=name,
                status="success",
                content=message.text,
                artifacts=self._pictures(picture_ids.counted(self._known, len(message.images)), message, name),
            )
            for name, message in zip(ids, self._results, strict=True)
        }
        self._results = []
        self._see([seen[name] for name in calls])

    def _shows(self, message: Message) -> bool:
        """Take a message that only shows the pictures a call made; False where it is no such message."""
        steps = self.turns[-1].steps if self.turns else ()
        seen = list(steps[-1].observations) if steps else []
        ids, text = picture_ids.read(message.text, message.images, self._known)
        at = next((i for i, one in enumerate(seen) if made_by(one.tool_call_id) == text), len(seen))
        if self.inside or not message.images or at == len(seen) or any(one.artifacts for one in seen[at:]):
            return False
        seen[at] = seen[at].model_copy(update={"artifacts": self._pictures(ids, message, seen[at].tool_call_id)})
        self._see(seen)
        return True

    def _see(self, seen: Sequence[Observation]) -> None:
        turn = self.turns[-1]
        step = turn.steps[-1].model_copy(update={"observations": tuple(seen)})
        self.turns[-1] = turn.model_copy(update={"steps": (*turn.steps[:-1], step)})

    def _assistant(self, at: int, message: Message) -> None:
        if not self.turns or self.turns[-1].stop_reason:
            raise Refused(f"message {at} is an assistant's; expected a user's before it")
        ended: dict[str, Any] = {}
        if message.calls:
            output = PlannerOutput(thought=message.text, calls=self._calls(at, message.calls))
        else:
            output = PlannerOutput(answer=message.text)
            ended = {"answer": message.text, "stop_reason": "answered"}
        turn = self.turns[-1]
        self.turns[-1] = turn.model_copy(update={"steps": (*turn.steps, Step(output=output)), **ended})

    def _calls(self, at: int, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        self._ids, named = {}, []
        for call in calls:
            if call.id in self._ids:
                raise Refused(f"two calls of message {at} have the id {call.id!r}; expected one for each")
            known = call.id or f"call_{len(self._taken) + 1}"
            while known in self._taken:
                known += "_again"
            if call.id not in ("", known):
                self.report.repaired.append((self.row, f"the call id {call.id!r} is used again; it is now {known!r}"))
            self._ids[call.id or known] = known
            self._taken.append(known)
            named.append(call.model_copy(update={"id": known}))
        return tuple(named)

    def _pictures(self, ids: tuple[str, ...], message: Message, source: str) -> tuple[str, ...]:
        """Keep the message's pictures and return their ids."""
        for name, path in zip(ids, message.images, strict=True):
            record = picture(path, name).model_copy(update={"source": source})
            self.artifacts.setdefault(name, record)
            self._known[name] = path
        return ids
