"""Are two traces the same run? Equal but for ids of traces, times, versions and where they came from."""

from typing import Any

from .trace import Trace

_FREE_META = {"planner", "checkpoint", "versions", "consent", "forked_from", "replayed"}
_FREE_SEEN = {"seconds", "device"}


def difference(recorded: Trace, now: Trace) -> str:
    """Return the first difference in a line, or "" where there is none."""
    return _first("", _facts(recorded), _facts(now))


def _facts(trace: Trace) -> dict[str, Any]:
    """Return a trace as JSON without what may differ between equal runs."""
    facts = trace.model_dump(mode="json", by_alias=True, exclude={"id": True, "meta": _FREE_META})
    for turn in facts["turns"]:
        turn.pop("feedback")
        if turn["stop_reason"] is None:
            turn.update(stop_reason="cancelled", notes=[])
        for step in turn["steps"]:
            for seen in step["observations"]:
                for name in _FREE_SEEN:
                    seen.pop(name)
    return facts


def _first(where: str, recorded: Any, now: Any) -> str:
    if isinstance(recorded, dict) and isinstance(now, dict):
        for key in [*recorded, *(key for key in now if key not in recorded)]:
            found = _first(f"{where}.{key}" if where else key, recorded.get(key), now.get(key))
            if found:
                return found
        return ""
    if isinstance(recorded, list) and isinstance(now, list):
        for number, (one, other) in enumerate(zip(recorded, now, strict=False)):
            if found := _first(f"{where}[{number}]", one, other):
                return found
        return "" if len(recorded) == len(now) else f"{where}: recorded {len(recorded)} items, now {len(now)}"
    return "" if recorded == now else f"{where}: recorded {_short(recorded)}, now {_short(now)}"


def _short(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= 120 else written[:120] + " ..."
