"""Reads what a LLaVA-Plus checkpoint writes, as it comes: a thought, actions as JSON, a reply."""

import json
import math
import re
from collections.abc import Callable, Iterator

from skills.store import Artifacts

from .llava_plus_tools import to_call
from .planner import CallReady, Delta
from .trace import PlannerOutput, ToolCall

THOUGHTS, ACTIONS, VALUE = '"thoughts🤔"', '"actions🚀"', '"value👉"'
"""What stands before each part."""

SIGN = "###"
"""What stands before a speaker in template "v0", and so ends a reply."""

_FORM = re.compile(rf"{THOUGHTS}(.*?){ACTIONS}(.*?){VALUE}(.*)", re.DOTALL)


class LlavaPlusReader:
    """Reads the text of one pass as it comes."""

    def __init__(self, decode: Callable[[list[int]], str], first_call: int, artifacts: Artifacts) -> None:
        """`decode` turns token ids into text; calls are numbered from `first_call`."""
        self._decode = decode
        self._first_call = first_call
        self._artifacts = artifacts
        self._ids: list[int] = []
        self._text = ""
        self._ready = False

    def take(self, token_id: int) -> Iterator[Delta | CallReady]:
        """Take one token and yield what it completed."""
        self._ids.append(token_id)
        text = self._decode(self._ids)
        if text.endswith("\ufffd"):
            return
        before, self._text = self._text, text
        if VALUE not in text:
            new = _thought(text)[len(_thought(before)) :]
            yield from [Delta("thought", new)] if new else []
            return
        calls = self.output.calls
        if not self._ready:
            self._ready = True
            yield from (CallReady(call) for call in calls)
        new = _reply(text)[len(_reply(before)) :]
        if new and not calls:
            yield Delta("answer", new)

    def end(self) -> Iterator[Delta | CallReady]:
        """Yield what is still open: nothing, calls are ready before the reply."""
        yield from ()

    @property
    def output(self) -> PlannerOutput:
        """What was read; text in another form is malformed."""
        return read_plus(self._text, self._first_call, self._artifacts)


def _thought(text: str) -> str:
    """Return the thought as far as it is written; a quotation mark ends it."""
    return text.partition(THOUGHTS)[2].partition('"')[0].lstrip()


def _reply(text: str) -> str:
    """Return the reply as far as it is written, without what may be the sign that ends it."""
    return text.partition(VALUE)[2].partition(SIGN)[0].rstrip(SIGN).lstrip()


def read_plus(text: str, first_call: int, artifacts: Artifacts) -> PlannerOutput:
    """Read a whole pass: calls where there are actions, else the reply; what is neither is malformed."""
    form = _FORM.search(text)
    if form is None:
        return PlannerOutput(malformed=text)
    calls: list[ToolCall] = []
    try:
        for action in json.loads(form[2], parse_constant=_refused, parse_float=_finite):
            name, args = to_call(action["API_name"], action["API_params"], artifacts)
            calls.append(ToolCall(id=f"call_{first_call + len(calls)}", name=name, args=args))
    except (ValueError, KeyError, TypeError, RecursionError):
        return PlannerOutput(malformed=text)
    thought, reply = form[1].strip(), _reply(text).strip()
    if calls:
        return PlannerOutput(thought=thought, calls=tuple(calls))
    return PlannerOutput(thought=thought, answer=reply) if reply else PlannerOutput(malformed=text)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refused(number)
