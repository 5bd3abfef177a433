"""Our own Traces, one a line: read with every field checked, written as `Trace.to_json` does."""

import json
from typing import Any

from pydantic import ValidationError

from agent.trace import Trace

from .base import Format, Refused, Report, Row


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace that a row is; raises Refused where it is none."""
    try:
        return Trace.model_validate(dict(row))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the row"
        raise Refused(f"it is no Trace: {where}: {first['msg']}; expected what `handeye ask --json` prints") from None


def from_trace(trace: Trace) -> Row:
    """Return the Trace as JSON."""
    row: dict[str, Any] = json.loads(trace.to_json())
    return row


FORMAT = Format("trace", to_trace, from_trace, own=True)
"""Traces themselves."""
