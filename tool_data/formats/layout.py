"""How one message is laid out in JSON, without its words: a mold that a `Message` is poured into.

A mold is the message itself with "" for its text, its pictures' names, ids, tool names and arguments, and a number of
characters for each of several text parts. Every other key is kept as it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .messages import Message, dumps

Mold = dict[str, Any]
"""A message without its words."""


@dataclass(frozen=True)
class Style:
    """How a format lays a message out where nothing says otherwise."""

    name: str
    """The format's name."""
    columns: bool
    """True: content is always a list of parts, pictures are named in a column of the row, `tools` is text, a result
    names its tool. False: content is text where there are no pictures, a picture is named in its part."""

    @property
    def image(self) -> Mold:
        """The part that a picture stands in."""
        return {"type": "image"} if self.columns else {"type": "image_url", "image_url": {"url": ""}}


def write(message: Message, mold: Mold | None, style: Style) -> dict[str, Any]:
    """Return the message in its mold, or in the style's own where there is none or it does not fit."""
    poured = fill(mold, message) if mold else None
    if poured is None:
        poured = fill(standard(message, style), message)
    assert poured is not None
    return poured


def standard(message: Message, style: Style) -> Mold:
    """Return the mold that a style has for a message."""
    mold: Mold = {"role": message.role}
    if message.role == "tool":
        mold |= {"tool_call_id": "", "name": ""} if style.columns else {"tool_call_id": ""}
    if style.columns or message.images:
        text = [{"type": "text", "text": len(message.text)}] if message.text else []
        mold["content"] = [*[style.image] * len(message.images), *text]
    elif message.text or not message.calls:
        mold["content"] = ""
    if message.calls:
        function = {"name": "", "arguments": ""}
        mold["tool_calls"] = [{"id": "", "type": "function", "function": function}] * len(message.calls)
    return mold


def hollow(source: Mapping[str, Any], message: Message) -> Mold:
    """Return the mold of a message of a row; `message` is what was read from it, under the trace's own ids."""
    mold: Mold = dict(source)
    content = source.get("content")
    if isinstance(content, str):
        mold["content"] = ""
    elif content is not None:
        mold["content"] = [_hollow_part(part) for part in content]
    if source.get("tool_calls"):
        mold["tool_calls"] = [_hollow_call(call) for call in source["tool_calls"]]
    if message.role == "tool":
        known = {"tool_call_id": message.call_id, "name": message.name}
        mold |= {key: "" for key, value in known.items() if source.get(key) == value}
    return mold


def _hollow_part(part: Mapping[str, Any]) -> Mold:
    if part["type"] == "text":
        return {**part, "text": len(part["text"])}
    return {**part, "image_url": {**part["image_url"], "url": ""}} if part["type"] == "image_url" else dict(part)


def _hollow_call(call: Mapping[str, Any]) -> Mold:
    arguments = call["function"]["arguments"]
    shape = {} if isinstance(arguments, Mapping) else "" if _plain(arguments) else arguments
    mold = {**call, "function": {**call["function"], "name": "", "arguments": shape}}
    return mold | ({"id": ""} if call.get("id") else {})


def _plain(text: str) -> bool:
    """Return whether JSON text is spaced and escaped as `dumps` does it; what is no JSON is written anew."""
    try:
        return dumps(json.loads(text)) == text
    except ValueError:
        return True


def fill(mold: Mold, message: Message) -> dict[str, Any] | None:
    """Return the mold with the message's words in it, or None where they do not fit."""
    content, calls = mold.get("content"), mold.get("tool_calls") or []
    whole: list[Mold] = [{"type": "text", "text": len(message.text)}] if content == "" else content or []
    texts = cut(message.text, [part["text"] for part in whole if part["type"] == "text"])
    pictures = sum(part["type"] != "text" for part in whole)
    if texts is None or pictures != len(message.images) or len(calls) != len(message.calls):
        return None
    filled: dict[str, Any] = dict(mold)
    if content == "":
        filled["content"] = message.text
    elif content:
        words, names = iter(texts), iter(message.images)
        filled["content"] = [_fill_part(part, next(words if part["type"] == "text" else names)) for part in content]
    if calls:
        filled["tool_calls"] = [_fill_call(*pair) for pair in zip(calls, message.calls, strict=True)]
    known = {"tool_call_id": message.call_id, "name": message.name} if message.role == "tool" else {}
    return filled | {key: value for key, value in known.items() if filled.get(key) == ""}


def cut(text: str, lengths: Sequence[int]) -> list[str] | None:
    """Return the text in pieces of those lengths with a line break between them, or None where it is no such text."""
    pieces, at = [], 0
    for length in lengths:
        pieces.append(text[at : at + length])
        at += length + 1
    return pieces if "\n".join(pieces) == text else None


def _fill_part(part: Mold, word: str) -> dict[str, Any]:
    if part["type"] == "text":
        return {**part, "text": word}
    return {**part, "image_url": {**part["image_url"], "url": word}} if part["type"] == "image_url" else dict(part)


def _fill_call(mold: Mold, call: Any) -> dict[str, Any]:
    shape, written = mold["function"]["arguments"], dumps(call.args)
    if isinstance(shape, Mapping):
        arguments: Any = call.args
    else:
        arguments = shape if shape and dumps(json.loads(shape)) == written else written
    filled = {**mold, "function": {**mold["function"], "name": call.name, "arguments": arguments}}
    return filled | ({"id": call.id} if mold.get("id") == "" else {})
