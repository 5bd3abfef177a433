"""A tool's message as Hermes writes it: <tool_response>{"name": ..., "content": ...}</tool_response> for each result.

The text of a result is its content where that is text and written as here, else all that stands between the tags.
"""

import json
from collections.abc import Sequence
from typing import Any

from .base import Refused
from .hermes_blocks import Mold, around, escaped, hollow, join, split, usual_gaps
from .messages import Message

TAG = "tool_response"
"""The tag of a result."""


def read(text: str, at: int) -> list[Message]:
    """Return the results in the row's `at`-th message; a text without tags is one. Raises Refused."""
    gaps, bodies = split(text, TAG, at)
    if not bodies:
        return [Message("tool", text)]
    if said := "".join(gaps).strip():
        raise Refused(f"message {at}, a tool's, says {said!r} beside its results; expected <{TAG}> alone")
    return [_read_result(body.strip()) for body in bodies]


def _read_result(body: str) -> Message:
    try:
        value = json.loads(body)
    except ValueError:
        return Message("tool", body)
    if not isinstance(value, dict) or set(map(type, value.values())) != {str}:
        return Message("tool", body)
    usual = list(value) == ["name", "content"] and escaped(value) == body
    return Message("tool", value["content"], name=value["name"]) if usual else Message("tool", body)


def write(results: Sequence[Message], mold: Mold | None) -> str:
    """Return the text of a message with these results, in its mold where it has one that fits."""
    forms = mold["blocks"] if mold else []
    if mold and len(results) == 1 and not forms:
        return results[0].text
    gaps = [before + after for before, _, after in mold["gaps"]] if mold else []
    if len(forms) != len(results):
        gaps, forms = usual_gaps("", len(results)), [None] * len(results)
    return join(gaps, [_body(result, form) for result, form in zip(results, forms, strict=True)], TAG)


def mold_of(text: str, results: Sequence[Message], at: int) -> Mold:
    """Return the mold of the text that the results were read from, here under the names of the tools called."""
    gaps, bodies = split(text, TAG, at)
    pairs = zip(bodies, results, strict=True) if bodies else ()
    return {"gaps": hollow(gaps) if bodies else [], "blocks": [_form(*pair) for pair in pairs]}


def _body(result: Message, form: Sequence[Any] | None) -> str:
    """Return what stands between the tags; a form is [white space, name or None for text alone, white space]."""
    before, name, after = form or ("\n", result.name, "\n")
    written = result.text if name is None else escaped({"name": name, "content": result.text})
    return f"{before}{written}{after}"


def _form(body: str, result: Message) -> list[Any] | None:
    if _body(result, None) == body:
        return None
    before, said, after = around(body)
    return [before, _read_result(said).name or None, after]
