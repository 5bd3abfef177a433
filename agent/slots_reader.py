"""Reads the tokens of one pass in the slot dialect, as they come, into thoughts, calls and an answer."""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from skills import Param

from .planner import CallReady, Delta
from .slots import Slots, ordered_params
from .trace import PlannerOutput, ToolCall

_NUMBERED = re.compile(r"^<([as])(\d+)>$")


class SlotsReader:
    """Takes tokens one by one; yields deltas and finished calls; `output` is the whole."""

    def __init__(self, slots: Slots, tokenizer: Any, first_call: int) -> None:
        """Read for the skills in `slots`; calls are numbered from `first_call`."""
        self._slots = slots
        self._tokenizer = tokenizer
        self._control = set(tokenizer.all_special_ids)
        self._first_call = first_call
        self._branch = ""
        self._text: list[int] = []
        self._shown = 0
        self._thought = self._answer = ""
        self._name = ""
        self._args: dict[str, JsonValue] = {}
        self._param: Param | None = None
        self._items: list[JsonValue] = []
        self._citation = ""
        self._calls: list[ToolCall] = []
        self._answered = False

    def take(self, token_id: int) -> Iterator[Delta | CallReady]:
        """Take one token and yield what it completed."""
        if token_id not in self._control:
            yield from self._close_citation()
            self._text.append(token_id)
            yield from self._stream()
            return
        mark = self._tokenizer.convert_ids_to_tokens(token_id)
        if mark in ("<think>", "<call>", "<say>"):
            yield from self._finish()
            self._branch = mark
            self._answered |= mark == "<say>"
        elif self._branch == "<call>":
            self._call_token(mark)
        else:
            yield from self._cite(mark)

    def end(self) -> Iterator[Delta | CallReady]:
        """Yield what is still open."""
        yield from self._finish()

    @property
    def output(self) -> PlannerOutput:
        """What was read."""
        answer = self._answer.strip() if self._answered and not self._calls else None
        empty = not self._calls and not answer
        return PlannerOutput(
            thought=self._thought.strip(),
            calls=tuple(self._calls),
            answer=answer or None,
            malformed="" if empty else None,
        )

    def _stream(self) -> Iterator[Delta]:
        """Yield the new characters of a thought or an answer; a character cut in two waits for its rest."""
        if self._branch == "<call>":
            return
        text = self._decoded()
        new = text[self._shown :]
        if not new or new.endswith("\ufffd"):
            return
        self._shown = len(text)
        if self._branch == "<think>":
            self._thought += new
            yield Delta("thought", new)
        else:
            self._answer += new
            yield Delta("answer", new)

    def _decoded(self) -> str:
        return str(self._tokenizer.decode(self._text, clean_up_tokenization_spaces=False))

    def _cite(self, mark: str) -> Iterator[Delta]:
        if mark.startswith(("<.", "<[")):
            self._citation += mark[1:-1]
            return
        yield from self._close_citation()
        self._text, self._shown = [], 0
        self._citation = mark[1:-1]

    def _close_citation(self) -> Iterator[Delta]:
        if not self._citation:
            return
        space = " " if self._answer and not self._answer.endswith((" ", "(", "\n", "¿", "¡")) else ""
        written = f"{space}[{self._citation}]"
        self._citation = ""
        self._answer += written
        yield Delta("answer", written)

    def _call_token(self, mark: str) -> None:
        numbered = _NUMBERED.match(mark)
        if numbered and numbered[1] == "s":
            skill = self._slots.by_slot.get(int(numbered[2]))
            self._name = skill.name if skill else mark
        elif numbered:
            self._close_argument()
            skill = self._slots.by_slot[self._slots.slot[self._name]]
            self._param = ordered_params(skill).get(int(numbered[2]))
        elif mark == "<,>":
            self._close_item()
        elif mark.startswith("<[") and self._items:
            self._items[-1] = f"{self._items[-1]}{mark[1:-1]}"
        else:
            self._items.append(mark[1:-1])

    def _close_item(self) -> None:
        if self._text:
            self._items.append(self._decoded().strip())
            self._text, self._shown = [], 0

    def _close_argument(self) -> None:
        self._close_item()
        if self._param is not None and self._items:
            self._args[self._param.name] = _typed(self._param, self._items)
        self._param, self._items = None, []

    def _finish(self) -> Iterator[Delta | CallReady]:
        yield from self._close_citation()
        if self._branch == "<call>":
            self._close_argument()
            number = self._first_call + len(self._calls)
            call = ToolCall(id=f"call_{number}", name=self._name, args=self._args)
            self._calls.append(call)
            self._name, self._args = "", {}
            yield CallReady(call)
        self._text, self._shown = [], 0


def _typed(param: Param, items: list[JsonValue]) -> JsonValue:
    """Return an argument as JSON: a list where it is one, else a number, a flag or text."""
    if param.kind == "list" or (param.kind == "regions" and len(items) > 1):
        return items
    item = items[0]
    if param.kind in ("number", "integer", "flag") and isinstance(item, str):
        try:
            parsed: JsonValue = json.loads(item)
        except ValueError:
            return item
        return parsed
    return item
