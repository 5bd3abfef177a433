"""Are two traces the same run? Equal but for ids of traces, times, versions and where they came from."""

from typing import Any

from .trace import Trace

_FREE_META = {"planner", "checkpoint", "versions", "consent", "forked_from", "replayed"}
_FREE_SEEN = {"seconds", "device"}

_ENDS = ("answer", "citations", "stop_reason", "notes")
_OF_FILES = ("was turned upright by its orientation tag", "has several frames; the first is used")
"""Ends of notes about a picture's file, which a replay does not read again."""


def difference(recorded: Trace, now: Trace) -> str:
    """Return the first difference in a line, or "" where there is none.

    How a turn ended is not compared where the record does not say it (a bug, or the log was cut short).
    """
    one, other = _facts(recorded), _facts(now)
    for turn, again in zip(one["turns"], other["turns"], strict=False):
        if turn["stop_reason"] is None:
            for key in _ENDS:
                turn.pop(key)
                again.pop(key)
    return _first("", one, other)


def _facts(trace: Trace) -> dict[str, Any]:
    """Return a trace as JSON without what may differ between equal runs."""
    facts = trace.model_dump(mode="json", by_alias=True, exclude={"id": True, "meta": _FREE_META})
    for turn in facts["turns"]:
        turn.pop("feedback")
        turn["notes"] = [note for note in turn["notes"] if not note.endswith(_OF_FILES)]
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
