"""The entries {"from", "value"} of a Hermes row <-> messages.

An entry's mold keeps what is laid out otherwise than here: "from", "text" (see `hermes_calls`, `hermes_results`; of a
human's text where each `<image>` stood) and the entry's other keys (see `keys`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from . import hermes_calls, hermes_results
from .base import Refused
from .image_markers import MARKER, Marker, first, put_back, taken_out
from .keys import beside, laid_out
from .messages import Message, Role, made_by

_ROLES: dict[str, Role] = {
    "system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "tool": "tool",
}  # fmt: skip
_FROM: dict[Role, str] = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool"}


def role_of(at: int, entry: Any) -> Role:
    """Return who speaks in the row's `at`-th entry; raises Refused where it is none."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("value"), str):
        raise Refused(f"message {at} is no object with a text; expected {{'from': ..., 'value': ...}}")
    named = entry.get("from")
    role = _ROLES.get(named) if isinstance(named, str) else None
    if role is None:
        raise Refused(f"message {at} is from {named!r}; expected system, human, gpt or tool")
    return role


def read(at: int, entry: Mapping[str, Any], column: list[str], *, marked: bool) -> tuple[list[Message], list[str]]:
    """Return (the messages of an entry, what was mended in it), its pictures taken from `column`; raises Refused.

    `marked`: whether `<image>` is a picture; in a row without pictures it is text.
    """
    role, value = role_of(at, entry), entry["value"]
    if role == "tool":
        return hermes_results.read(value, at), []
    if role == "assistant":
        message, mends = hermes_calls.read(value, at)
        return [message], mends
    if role == "system":
        return [Message(role, value)], []
    text, markers = taken_out(value, 1) if marked else (value, [])
    if len(markers) > len(column):
        raise Refused(
            f"message {at} has more {MARKER} than the row has pictures left ({len(column)}); expected as many"
        )
    images = tuple(column[: len(markers)])
    del column[: len(markers)]
    return [Message(role, text, images)], []


def write(group: Sequence[Message], mold: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of one message, or of several results."""
    message, text = group[0], mold.get("text")
    if message.role == "tool":
        value = hermes_results.write(group, text)
    elif message.role == "assistant":
        value = hermes_calls.write(message, text)
    else:
        kept = [Marker(1, at, mark) for at, mark in text or ()]
        markers = kept if len(kept) == len(message.images) else [first(1)] * len(message.images)
        value = put_back(message.text, markers)
    return laid_out({"from": mold.get("from", _FROM[message.role]), "value": value}, mold)


def mold_of(at: int, entry: Mapping[str, Any], group: Sequence[Message]) -> dict[str, Any]:
    """Return the mold of an entry that the messages were read from, empty where it is as usual."""
    usual, message = write(group, {}), group[0]
    mold = beside(entry, ("from", "value"))
    if entry["from"] != usual["from"]:
        mold["from"] = entry["from"]
    if entry["value"] == usual["value"]:
        return mold
    if message.role == "tool":
        return mold | {"text": hermes_results.mold_of(entry["value"], group, at)}
    if message.role == "assistant":
        return mold | {"text": hermes_calls.mold_of(entry["value"], message, at)}
    return mold | {"text": [[marker.at, marker.text] for marker in taken_out(entry["value"], 1)[1]]}


def grouped(told: Sequence[Message], sizes: Sequence[int] = ()) -> Iterator[list[Message]]:
    """Yield the messages of each entry; `sizes` are the results in each of a tool, where not a step's all in one."""
    waiting = list(sizes)
    for is_tool, run in groupby(told, key=lambda message: message.role == "tool"):
        rest = list(run)
        while rest:
            size = waiting.pop(0) if is_tool and waiting else len(rest) if is_tool else 1
            yield rest[:size]
            rest = rest[size:]


def counted(told: Sequence[Message]) -> list[Message]:
    """Return the messages with calls named as a reader counts them, for the rows hold no ids."""
    calls = [call.id for message in told for call in message.calls]
    return [
        replace(message, text=message.text.removesuffix(made_by(name)) + made_by(f"call_{calls.index(name) + 1}"))
        if message.role == "user" and (name := message.call_id)
        else message
        for message in told
    ]
