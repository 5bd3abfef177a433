"""The `actions` of a LLaVA-Plus message <-> the calls of a step."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from agent.api_names import to_api, to_skill
from agent.trace import ToolCall

from .base import Refused
from .repair import repaired

KEYS = ["API_name", "API_params"]
"""What an action holds, in this order."""

Kept = dict[str, JsonValue]
"""What is needed beside a Trace to write something back as it was."""


def read_calls(actions: Any, taken: int, mends: list[str]) -> tuple[tuple[ToolCall, ...], Kept]:
    """Return the calls, their ids counted on from `taken`, and for each id what `write_calls` needs beside it.

    Raises Refused for what is no list of actions; what was mended is added to `mends`.
    """
    actions = _mended(actions, "the actions", mends)
    if not isinstance(actions, list):
        raise Refused(f"'actions' is {actions!r}; expected a list of API_name and API_params")
    calls: list[ToolCall] = []
    kept: Kept = {}
    for number, action in enumerate(actions, start=taken + 1):
        if not isinstance(action, Mapping) or set(action) - set(KEYS) or not isinstance(action.get("API_name"), str):
            held = list(action) if isinstance(action, Mapping) else action
            raise Refused(f"an action holds {held!r}; expected {KEYS}, the first a text")
        params = _mended(action.get("API_params", {}), "the API_params", mends)
        if not isinstance(params, Mapping):
            raise Refused(f"the API_params of {action['API_name']!r} are {params!r}; expected an object")
        name, args, beside = to_skill(action["API_name"], params)
        calls.append(ToolCall(id=f"call_{number}", name=name, args=args))
        beside |= {"keys": list(action)} if list(action) != KEYS else {}
        if beside:
            kept[f"call_{number}"] = beside
    return tuple(calls), kept


def write_calls(calls: Sequence[ToolCall], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the actions of a step; `kept` is what `read_calls` gave, empty for calls that were never theirs."""
    actions = []
    for call in calls:
        beside = kept.get(call.id, {})
        action = dict(zip(KEYS, to_api(call.name, call.args, beside), strict=True))
        actions.append({key: action[key] for key in beside.get("keys", KEYS)})
    return actions


def _mended(value: Any, what: str, mends: list[str]) -> Any:
    """Return JSON that stands as text as its value, and note it."""
    if not isinstance(value, str):
        return value
    read, mended = repaired(value)
    mends += [f"{what} stood as text, read as JSON", *(f"{what}: {line}" for line in mended)]
    return read
