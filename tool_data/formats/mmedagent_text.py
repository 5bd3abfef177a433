"""What MMedAgent's rows are made of: objects that hold a key twice, and the assistant's text with its three markers.

The text is LLaVA-Plus's own, `"thoughts🤔"` thought `"actions🚀"` JSON `"value👉"` reply; spaces differ.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from agent.trace import ToolCall

from .api_calls import Kept, read_calls, write_calls
from .base import Refused
from .repair import repaired

OPENING = '"thoughts🤔"'
"""The first marker of an assistant's text."""

GAPS = ["", "\n", " ", "\n", ""]
"""The spaces after and before its markers, in most rows."""

_ASSIST = re.compile(
    r'("thoughts🤔"|\thoughts🤔")(\s*)(.*?)(\s*)"actions🚀"(\s*)(.*?)(\s*)"value👉"(\s*)(.*)', re.DOTALL
)
_TOKEN = re.compile(r'(\s*)("(?:\\.|[^"\\])*"|[^\s",:{}\[\]]+|[,:{}\[\]])')


class Pairs(dict[str, Any]):
    """An object that holds a key twice: a dict of the last values whose `items` are all pairs, as json writes them."""

    def __init__(self, found: Sequence[tuple[str, Any]]) -> None:
        """Keep the pairs in order."""
        super().__init__(found)
        self._found = list(found)

    def items(self) -> Any:
        """Return every pair, in order."""
        return list(self._found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pairs) and self._found == other._found

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object without loss: a plain dict, or Pairs where a key stands twice."""
    plain = dict(found)
    return plain if len(plain) == len(found) else Pairs(found)


def read_assist(text: str, mends: list[str]) -> tuple[str, tuple[ToolCall, ...], str, Kept]:
    """Return the thought, the calls, the reply and what `write_assist` needs beside them.

    Raises Refused for a text without the markers or with actions that cannot be mended.
    """
    found = _ASSIST.fullmatch(text)
    if found is None:
        raise Refused(f'\'assist\' is {text[:60]!r}; expected {OPENING}, "actions🚀" and "value👉" in this order')
    opening, after, thought, before, *rest = found.groups()
    gaps, written, reply = [after, before, rest[0], rest[2], rest[3]], rest[1], rest[4]
    kept: Kept = {}
    if opening != OPENING:
        mends.append(f"the marker {opening!r} read as {OPENING}; it is written back as it stood")
        kept["opening"] = opening
    actions, mended = repaired(written)
    mends += [f"the actions: {mend}" for mend in mended]
    calls, beside = read_calls(actions, 0, mends)
    if beside:
        kept["calls"] = beside
    if gaps != GAPS:
        kept["gaps"] = list(gaps)
    plain = json.dumps(write_calls(calls, beside))
    if not mended and written != plain:
        spaces = _spaces(written, plain)
        kept |= {"actions": written} if spaces is None else {"spaces": spaces}
    return thought, calls, reply, kept


def write_assist(thought: str, calls: Sequence[ToolCall], reply: str, kept: Kept) -> str:
    """Return the assistant's text."""
    extra: dict[str, Any] = dict(kept)
    gaps = extra.get("gaps", GAPS)
    actions = extra.get("actions", _spaced(json.dumps(write_calls(calls, extra.get("calls", {}))), extra))
    opening = extra.get("opening", OPENING)
    return f'{opening}{gaps[0]}{thought}{gaps[1]}"actions🚀"{gaps[2]}{actions}{gaps[3]}"value👉"{gaps[4]}{reply}'


def _spaces(written: str, plain: str) -> Kept | None:
    """Return number of a token -> the spaces before it, where they differ; None where more than spaces does."""
    theirs, ours = _TOKEN.findall(written), _TOKEN.findall(plain)
    if [token for _, token in theirs] != [token for _, token in ours]:
        return None
    both = enumerate(zip(theirs, ours, strict=True))
    return {str(number): space for number, ((space, _), (usual, _)) in both if space != usual}


def _spaced(plain: str, extra: dict[str, Any]) -> str:
    spaces = extra.get("spaces", {})
    tokens = enumerate(_TOKEN.findall(plain))
    return "".join(spaces.get(str(number), usual) + token for number, (usual, token) in tokens)
