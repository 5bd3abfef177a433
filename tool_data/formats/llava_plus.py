"""LLaVA-Plus's released records: thoughts, actions and value of an assistant, tools' results as a human's message.

A row is {..., "image", "conversations": [{"from": "human", "value"}, {"from": "gpt", "thoughts", "actions", "value"},
...]}; the no-tool records of LLaVA-150k have `actions: []` throughout. `API_name` is our skill where `api_names` says
so. What cannot be told from the chat stands in `meta.origin.extra`:

- "keys", "fields": the row's keys in order, and the values of all but image and conversations;
- "markers": where each `<image>` stood (`image_markers`), unless on a line of its own before its request;
- "messages": number of a message -> "keys" (where not the usual ones), "said" (the `value` of a calling
  message, unless the usual one), "wording", "joint", "asked", "tool" (a tool's result, see `tool_results`);
- "calls": id of a call -> see `api_names`.
"""

from collections.abc import Mapping
from typing import Any

from agent.trace import Meta, Observation, Origin, PlannerOutput, Step, Trace, Turn

from . import image_markers
from .api_calls import Kept, read_calls, write_calls
from .base import Format, Refused, Report, Row, picture
from .llava_plus_write import FIELDS, LOSSES, USUAL, from_trace, said
from .tool_results import split


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a record; raises Refused, and notes in `report` what was mended."""
    reader = _Reader(row)
    trace = _made(row, name, reader)
    report.repaired += [(name, mend) for mend in reader.mends]
    return trace


def _made(row: Row, name: str, reader: "_Reader") -> Trace:
    turns = reader.turns()
    image = row.get("image")
    if not isinstance(image, str) and (reader.markers or "image" in row):
        raise Refused(f"'image' is {image!r}; expected the name of one picture, or no such key and no <image>")
    extra: dict[str, Any] = {
        "keys": list(row),
        "fields": {key: value for key, value in row.items() if key not in FIELDS},
        "markers": reader.unusual(),
        "messages": reader.messages,
        "calls": reader.kept_calls,
    }
    origin = Origin(format="llava-plus", row=name, extra={key: value for key, value in extra.items() if value})
    artifacts = {} if image is None else {"img_1": picture(image)}
    return Trace(id=name, turns=tuple(turns), artifacts=artifacts, meta=Meta(origin=origin))


class _Reader:
    """Goes through a record's messages once."""

    def __init__(self, row: Row) -> None:
        rows = row.get("conversations")
        if not isinstance(rows, list) or not rows:
            raise Refused(f"'conversations' is {rows!r}; expected a list of messages")
        self.rows: list[Any] = rows
        self.at = 0
        self.markers: list[image_markers.Marker] = []
        self.taken = 0
        self.messages: dict[str, Any] = {}
        self.kept_calls: Kept = {}
        self.mends: list[str] = []

    def turns(self) -> list[Turn]:
        """Return a turn for each message of the human that is no tool's result."""
        turns: list[Turn] = []
        while self.at < len(self.rows):
            request, marked = image_markers.taken_out(self._message("human")["value"], len(turns) + 1)
            self.markers += marked
            steps: list[Step] = []
            while self.at < len(self.rows) and (not steps or steps[-1].output.calls):
                steps.append(self._step(request))
            last = steps[-1].output.answer if steps else None
            ended: dict[str, Any] = {} if last is None else {"answer": last, "stop_reason": "answered"}
            turns.append(Turn(request=request, images=("img_1",) if marked else (), steps=tuple(steps), **ended))
        return turns

    def unusual(self) -> list[list[Any]]:
        """Return the markers, as JSON, where one stands otherwise than usual; else none."""
        usual = all(marker == image_markers.first(marker.turn) for marker in self.markers)
        once = len({marker.turn for marker in self.markers}) == len(self.markers)
        return [] if usual and once else [list(marker) for marker in self.markers]

    def _keep(self, **kept: Any) -> None:
        """Keep something of the newest message."""
        if kept:
            self.messages.setdefault(str(self.at - 1), {}).update(kept)

    def _message(self, speaker: str) -> Mapping[str, Any]:
        message, usual = self.rows[self.at], USUAL[speaker]
        if not isinstance(message, Mapping) or message.get("from") != speaker:
            who = message.get("from") if isinstance(message, Mapping) else message
            raise Refused(f"message {self.at} is from {who!r}; expected {speaker!r}")
        if set(message) - set(usual) or not isinstance(message.get("value"), str):
            raise Refused(f"message {self.at} holds {list(message)}; expected {usual}, its value a text")
        self.at += 1
        self._keep(**({"keys": list(message)} if list(message) != usual else {}))
        return message

    def _step(self, request: str) -> Step:
        message = self._message("gpt")
        thought = message.get("thoughts", "")
        if not isinstance(thought, str):
            raise Refused(f"the thoughts of message {self.at - 1} are {thought!r}; expected a text")
        calls, kept = read_calls(message.get("actions", []), self.taken, self.mends)
        if not calls:
            return Step(output=PlannerOutput(thought=thought, answer=message["value"]))
        self.taken += len(calls)
        self.kept_calls |= kept
        names = [str(action["API_name"]) for action in write_calls(calls, kept)]
        self._keep(**({"said": message["value"]} if message["value"] != said(names) else {}))
        output = PlannerOutput(thought=thought, calls=calls)
        if self.at == len(self.rows):
            return Step(output=output)
        results, beside = split(self._message("human")["value"], names, request)
        self._keep(**beside)
        seen = zip(calls, results, strict=True)
        return Step(
            output=output,
            observations=tuple(Observation(tool_call_id=c.id, status="success", content=text) for c, text in seen),
        )


FORMAT = Format(name="llava-plus", to_trace=to_trace, from_trace=from_trace, losses=LOSSES)
"""LLaVA-Plus's released records, and LLaVA-150k's with thoughts and empty actions."""
