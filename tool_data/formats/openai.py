"""OpenAI's fine-tuning rows: {"messages": [...], "tools": [...]}, one a line.

A call's arguments are JSON text, a result is a message of the role "tool", a picture a part {"type": "image_url",
"image_url": {"url": ...}} of a user's message. Pictures that a call made follow its step's results, each call's in a
user's message with the text "(made by ID)", for the role "tool" takes none there. A thought is the text of the message
that calls. No tool is renamed. A picture's url is its path as it stands; one in a store goes by its SHA-256, the name
of its file there, for who uploads to replace.
"""

from typing import Any

from agent.trace import Trace

from .base import Format, Report, Row
from .chat import from_trace as write
from .chat import to_trace as read
from .layout import Style
from .messages import LOSSES

STYLE = Style(name="openai", columns=False)
"""How messages are laid out where a row does not say otherwise."""


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row; raises Refused."""
    return read(row, name, report, STYLE)


def from_trace(trace: Trace) -> dict[str, Any]:
    """Return the row of a trace; raises Refused."""
    return write(trace, STYLE)


FORMAT = Format("openai", to_trace, from_trace, LOSSES)
"""Rows for fine-tuning at OpenAI and at whoever takes the same form."""
