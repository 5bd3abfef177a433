"""The system message as Hermes writes it: what the assistant is told, with the offer in <tools>...</tools>."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .base import Refused
from .hermes_blocks import around
from .messages import dumps
from .repair import repaired

_TOLD = (
    "You may call functions to answer. These are on offer, as JSON schemas, between <tools> tags:\n"
    "{block}\n"
    "Write each call between <tool_call> tags, as a JSON object with the function's name and its arguments."
)
_TOOLS = re.compile(r"<tools>(\s*[\[{].*?)</tools>", re.DOTALL)

_LAYOUTS: dict[str, Callable[[Sequence[Any]], str]] = {
    "list": dumps,
    "lines": lambda tools: "\n".join(dumps(tool) for tool in tools),
    "ascii": json.dumps,
    "ascii lines": lambda tools: "\n".join(json.dumps(tool) for tool in tools),
    "python": repr,
}
"""How the schemas are written between the tags; "list" is usual."""


def usual(text: str | None, tools: Sequence[Any]) -> str | None:
    """Return the system message of a row whose layout nothing says: the text, then the offer; None for neither."""
    told = [_TOLD.format(block=f"<tools>\n{dumps(tools)}\n</tools>")] if tools else []
    return "\n\n".join([text, *told] if text is not None else told) if told or text is not None else None


def write(text: str | None, tools: Sequence[Any], mold: Mapping[str, Any] | None) -> str | None:
    """Return the system message, or None where there is none; `mold` is `read`'s."""
    if mold is None or (text is None and mold["at"] is not None):
        return usual(text, tools)
    if mold["at"] is None or text is None:
        return text
    layout = mold["layout"]
    if layout in _LAYOUTS:
        written = _LAYOUTS[layout](tools)
    else:
        written = layout if dumps(_schemas(layout)[0]) == dumps(tools) else dumps(tools)
    before, after = mold["around"]
    return f"{text[: mold['at']]}<tools>{before}{written}{after}</tools>{text[mold['at'] :]}"


def read(value: str) -> tuple[str | None, list[Any] | None, dict[str, Any] | None, list[str]]:
    """Return (the text without the offer, the offer or None, how it stood or None for as usual, what was mended).

    Raises Refused for an offer that cannot be read.
    """
    found = _TOOLS.search(value)
    if found is None:
        return value, None, {"at": None}, []
    before, written, after = around(found[1])
    tools, mends = _schemas(written)
    for text in (None, value.partition("\n\n" + _TOLD.partition("{")[0])[0]):
        if usual(text, tools) == value:
            return text, tools, None, []
    layout = next((name for name, lay in _LAYOUTS.items() if lay(tools) == written), written)
    known = layout in _LAYOUTS
    mold = {"at": found.start(), "layout": "list" if mends and not known else layout, "around": [before, after]}
    return value[: found.start()] + value[found.end() :], tools, mold, [] if known else mends


def _schemas(text: str) -> tuple[list[Any], list[str]]:
    """Return (the schemas of a JSON list, or of one object a line, what was mended); raises Refused."""
    pieces = [repaired(piece) for piece in ([text] if text.startswith("[") else text.splitlines()) if piece.strip()]
    if text.startswith("[") and not isinstance(pieces[0][0], list):
        raise Refused("the text of <tools> is no list; expected a list of function schemas")
    tools = pieces[0][0] if text.startswith("[") else [value for value, _ in pieces]
    return tools, [f"<tools>: {mend}" for _, mends in pieces for mend in mends]
