"""The tools on offer in a row: our skills' schemas from the registry, other tools' from the row itself."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from agent.messages import tools_of as schemas_of
from agent.trace import Trace
from skills.registry import Registry

from .base import Refused, Row
from .messages import dumps, extra_of
from .repair import repaired


@cache
def _ours() -> dict[str, dict[str, Any]]:
    return {tool["function"]["name"]: tool for tool in schemas_of(Registry.load().offer())}


def tools_of(trace: Trace) -> list[Any]:
    """Return the schemas of what was on offer, ours from the registry; raises Refused for a name without one."""
    added = extra_of(trace).get("tools", {})
    if not isinstance(added, Mapping):
        raise Refused(f"'tools' of the trace's origin is {type(added).__name__}; expected name -> function schema")
    known = {**_ours(), **{name: tool for name, tool in added.items() if _name_of(tool) is not None}}
    lacking = [name for name in trace.meta.offer if name not in known]
    if lacking:
        raise Refused(
            f"no schema of {lacking[0]!r}; expected a skill of ours, or one under 'tools' of the trace's origin"
        )
    return [known[name] for name in trace.meta.offer]


def tools_in(row: Row, *, text: bool) -> Any:
    """Return what a row's `tools` holds, None where it has none; `text` says that it may be JSON text.

    Raises Refused for JSON text that would have to be mended.
    """
    tools = row.get("tools")
    if not (text and isinstance(tools, str)):
        return tools
    found, mends = repaired(tools)
    if mends:
        raise Refused(f"'tools' is malformed JSON: {mends[0]}; expected a list of function schemas")
    return found


def _name_of(tool: Any) -> str | None:
    """Return the name of a function schema, None where it is none."""
    function = tool.get("function", tool) if isinstance(tool, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else None


def read_tools(tools: Any) -> tuple[list[str], dict[str, Any]]:
    """Return (the names of a row's tools, name -> schema of those that are not our skills'); raises Refused."""
    if not isinstance(tools, list):
        raise Refused(f"'tools' is {type(tools).__name__}; expected a list of function schemas")
    found: dict[str, Any] = {}
    for tool in tools:
        name = _name_of(tool)
        if name is None or name in found:
            wrong = "has no name" if name is None else f"is the second named {name!r}"
            raise Refused(f"a tool {wrong}; expected {{'type': 'function', 'function': {{'name': ...}}}}, once each")
        found[name] = tool
    return list(found), {name: tool for name, tool in found.items() if dumps(tool) != dumps(_ours().get(name))}
