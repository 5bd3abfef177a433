"""How a row itself is laid out: its keys in their order, and what it says beside its chat."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .messages import dumps

EMPTY: tuple[object, ...] = ([], "[]")
"""Values of a key that is left out where a row does not have it."""


def mold(row: Mapping[str, Any], values: Mapping[str, Any], usual: Sequence[str]) -> dict[str, Any] | None:
    """Return how a row is laid out, or None where it has the `usual` keys with `values` as a trace gives them.

    The first usual key, the chat, is laid out by its own messages and not compared.
    """
    plain = {key: values[key] for key in usual} | {usual[0]: ""}
    if dumps({**row, usual[0]: ""}) == dumps(plain):
        return None
    chat, *own = values
    return {key: _shape(key, value, values[key]) if key in own else value for key, value in row.items()} | {chat: ""}


def _shape(key: str, value: Any, known: Any) -> Any:
    if value is None or dumps(value) == dumps(known) or key != "tools":
        return None if value is None else ""
    return value if isinstance(value, str) else "list"


def pour(
    molded: Mapping[str, Any], values: Mapping[str, Any], usual: Sequence[str], tools: Sequence[Any], own: Sequence[str]
) -> dict[str, Any]:
    """Return the row in its mold; `own` are the keys that only a trace fills."""
    row: dict[str, Any] = {}
    for key, shape in molded.items():
        if key in values:
            row[key] = _poured(values[key], shape, tools)
        elif key not in own or shape is None:
            row[key] = shape
    return row | {key: values[key] for key in usual if key not in row and values[key] not in EMPTY}


def _poured(value: Any, shape: Any, tools: Sequence[Any]) -> Any:
    if shape is None and value in EMPTY:
        return None
    if shape == "list":
        return list(tools)
    return shape if shape and dumps(json.loads(shape)) == dumps(tools) else value
