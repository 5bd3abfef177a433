"""Reads the tokens of one pass in the slot dialect, as they come, into thoughts, calls and an answer."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from skills import Param, Skill

from .planner import CallReady, Delta
from .slots import Slots, has_token, ordered_params
from .trace import PlannerOutput, ToolCall

_NUMBERED = re.compile(r"^<([as])(\d+)>$")
_CITED = re.compile(r"^<(?:skills|[a-z]+_\d+|\[\d+\]|\.[a-z]+)>$")


class SlotsReader:
    """Takes tokens one by one; yields deltas and finished calls; `output` is the whole."""

    def __init__(self, slots: Slots, tokenizer: Any, first_call: int) -> None:
        """Read for the skills in `slots`; calls are numbered from `first_call`."""
        self._slots = slots
        self._tokenizer = tokenizer
        self._control = set(tokenizer.get_added_vocab().values())
        self._first_call = first_call
        self._branch = ""
        self._text: list[int] = []
        self._shown = 0
        self._thought = self._answer = ""
        self._skill: Skill[..., object] | None = None
        self._args: dict[str, JsonValue] = {}
        self._param: Param | None = None
        self._items: list[JsonValue] = []
        self._citation = ""
        self._calls: list[ToolCall] = []
        self._answered = False
        self._all: list[int] = []
        self._broken = False

    def take(self, token_id: int) -> Iterator[Delta | CallReady]:
        """Take one token and yield what it completed."""
        self._all.append(token_id)
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
        elif self._branch == "<say>" and _CITED.match(mark):
            yield from self._cite(mark)
        else:
            self._broken = True

    def end(self) -> Iterator[Delta | CallReady]:
        """Yield what is still open."""
        yield from self._finish()

    @property
    def output(self) -> PlannerOutput:
        """What was read; control tokens that stand where none may are malformed, as is an empty pass."""
        answer = self._answer.strip() if self._answered and not self._calls else None
        if self._broken or (not self._calls and not answer):
            return PlannerOutput(malformed=self._tokenizer.decode(self._all, clean_up_tokenization_spaces=False))
        return PlannerOutput(
            thought=self._thought.strip(),
            calls=tuple(self._calls),
            answer=answer,
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
            self._skill = self._slots.by_slot.get(int(numbered[2]))
            self._broken |= self._skill is None
        elif numbered:
            self._close_argument()
            self._param = ordered_params(self._skill).get(int(numbered[2])) if self._skill else None
            self._broken |= self._param is None
        elif mark == "<,>":
            self._close_item()
        elif mark.startswith("<[") and self._items:
            self._items[-1] = f"{self._items[-1]}{mark[1:-1]}"
        else:
            self._broken |= not has_token(mark[1:-1])
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
            yield from self._close_call()
        self._text, self._shown = [], 0

    def _close_call(self) -> Iterator[CallReady]:
        skill, args = self._skill, self._args
        self._skill, self._args = None, {}
        self._broken |= skill is None
        if skill is not None and not self._broken:
            call = ToolCall(id=f"call_{self._first_call + len(self._calls)}", name=skill.name, args=args)
            self._calls.append(call)
            yield CallReady(call)


def _typed(param: Param, items: list[JsonValue]) -> JsonValue:
    """Return an argument as JSON: a list where it is one, else a number, a flag or text."""
    if param.kind == "list" or (param.kind == "regions" and len(items) > 1):
        return items
    item = items[0]
    if param.kind in ("number", "integer", "flag") and isinstance(item, str):
        try:
            parsed = json.loads(item)
        except ValueError:
            return item
        finite = isinstance(parsed, bool | int) or (isinstance(parsed, float) and math.isfinite(parsed))
        return parsed if finite else item
    return item
