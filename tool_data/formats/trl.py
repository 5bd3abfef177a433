"""Rows for TRL's trainers: {"messages", "tools", "images"}, the same columns and types in every row.

Content is always a list of parts {"type": "image"} and {"type": "text", "text": ...}; `images` names the pictures of
all messages in their order. Arguments and `tools` are JSON text, as Arrow gives an object the keys of all other rows
and refuses a text and a list under one key. Rows with arguments or tools as objects are read, and written back so.
Pictures that a call made follow its step's results, each call's in a user's message with the text "(made by ID)";
rows that have them inside the result are read, and written back so. No tool is renamed. A row of a simulated chat ends
with `"simulated": true` (as in every format); where a file mixes both, the parquet form has that column in every row.
"""

from typing import Any

from agent.trace import Trace

from .base import Format, Report, Row
from .chat import from_trace as write
from .chat import plain_row as write_plain
from .chat import to_trace as read
from .layout import Style
from .messages import LOSSES

STYLE = Style(name="trl", columns=True)
"""How messages are laid out where a row does not say otherwise."""


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row; raises Refused."""
    return read(row, name, report, STYLE)


def from_trace(trace: Trace) -> dict[str, Any]:
    """Return the row of a trace; raises Refused."""
    return write(trace, STYLE)


def plain_row(trace: Trace) -> dict[str, Any]:
    """Return the row of a trace with this module's own keys and types, whatever the row it was read from looked like.

    Every such row fits one table. Raises Refused.
    """
    return write_plain(trace, STYLE)


FORMAT = Format("trl", to_trace, from_trace, LOSSES)
"""Conversational rows with tools and pictures."""
