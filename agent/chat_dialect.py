"""The dialect of checkpoints with a chat template: calls as <tool_call>{"name", "arguments"}</tool_call>."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from skills import Skill
from skills.store import Artifacts

from .planner import CallReady, Delta
from .trace import PlannerOutput, ToolCall

OPEN, CLOSE = "<tool_call>", "</tool_call>"
_CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|$)", re.DOTALL)


def chat_grammar(skills: Sequence[Skill[..., Any]], artifacts: Artifacts, vocabulary: dict[str, int]) -> str:
    """Return the Lark text of one pass: text, or text and calls of skills on offer with artifacts that exist.

    Where the tokenizer has the call markers as tokens of their own (`vocabulary`), those tokens open the branch.
    """

    def marker(text: str) -> str:
        return f"<[{vocabulary[text]}]>" if text in vocabulary else json.dumps(text)

    schema = {"anyOf": [_call_schema(skill, artifacts) for skill in skills]}
    lines = ["start: TEXT | TEXT? call+" if skills else "start: TEXT", r"TEXT: /([^<\x00-\x08]|<[^t\/])+/"]
    if skills:
        lines.append(f"call: {marker(OPEN)} arguments {marker(CLOSE)}")
        lines.append(f"arguments: %json {json.dumps(schema)}")
    return "\n".join(lines)


def _call_schema(skill: Skill[..., Any], artifacts: Artifacts) -> dict[str, Any]:
    arguments = skill.schema
    pictures = [name for name in artifacts.ids() if name.startswith("img_")]
    regions = [name for name in artifacts.ids() if name.startswith(("boxes_", "mask_", "text_", "points_"))]
    drawn = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 2, "maxItems": 4}
    for param in skill.params:
        if param.kind == "picture" and pictures:
            arguments["properties"][param.name] = {"enum": pictures}
        elif param.kind == "picture":
            del arguments["properties"][param.name]
        elif param.kind in ("region", "regions"):
            one = {"anyOf": [*([{"enum": regions}] if regions else []), drawn]}
            arguments["properties"][param.name] = one
    return {
        "type": "object",
        "properties": {"name": {"const": skill.name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


class ChatReader:
    """Reads the text of one pass as it comes."""

    def __init__(self, decode: Callable[[list[int]], str], first_call: int) -> None:
        """`decode` turns token ids into text, markers kept; calls are numbered from `first_call`."""
        self._decode = decode
        self._first_call = first_call
        self._ids: list[int] = []
        self._text = ""

    def take(self, token_id: int) -> Iterator[Delta | CallReady]:
        """Take one token and yield what it completed."""
        self._ids.append(token_id)
        text = self._decode(self._ids)
        new = text[len(self._text) :]
        if not new or new.endswith("\ufffd"):
            return
        closed = self._text.count(CLOSE)
        self._text = text
        yield Delta("call" if OPEN in text else "answer", new)
        if text.count(CLOSE) > closed:
            yield from (CallReady(call) for call in self.output.calls[closed:])

    def end(self) -> Iterator[Delta | CallReady]:
        """Yield what is still open: nothing, calls are ready once closed."""
        yield from ()

    @property
    def output(self) -> PlannerOutput:
        """What was read; text that opens a call and holds none is malformed."""
        return read_chat(self._text, self._first_call)


def read_chat(text: str, first_call: int) -> PlannerOutput:
    """Read a whole pass: calls where there are any, else the answer; what is neither is malformed."""
    calls: list[ToolCall] = []
    for found in _CALL.findall(text):
        try:
            written = json.loads(found, parse_constant=_refused, parse_float=_finite)
            call = ToolCall(id=f"call_{first_call + len(calls)}", name=written["name"], args=written["arguments"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return PlannerOutput(malformed=text)
        calls.append(call)
    if calls:
        return PlannerOutput(thought=text.split(OPEN)[0].strip(), calls=tuple(calls))
    answer = text.strip()
    return PlannerOutput(answer=answer) if answer and OPEN not in answer else PlannerOutput(malformed=text)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(written: str) -> float:
    number = float(written)
    return number if math.isfinite(number) else _refused(written)
