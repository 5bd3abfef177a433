"""Rows {"messages": [...], "tools": [...]} with role, content and tool_calls <-> Traces, for every format of that form.

A row that is laid out otherwise than its `Style` does it keeps its layout, never its words, under "form" in
`meta.origin.extra`; where the trace was changed since and the layout no longer fits, the style's own is used.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.messages import offer_text
from agent.trace import Origin, Trace

from . import row_layout
from .base import Refused, Report, Row
from .chat_messages import Reader
from .layout import Style, hollow, write
from .messages import Message, dumps, form_of, to_messages, with_extra
from .reading import to_trace as fold
from .tools import read_tools, tools_in, tools_of


def to_trace(row: Row, name: str, report: Report, style: Style) -> Trace:
    """Return the Trace of a row; what had to be mended stands in `report`. Raises Refused."""
    source = row.get("messages")
    if not isinstance(source, list):
        raise Refused(f"'messages' is {type(source).__name__}; expected a list of objects with 'role' and 'content'")
    tools = tools_in(row, text=style.columns)
    offer, foreign = read_tools([] if tools is None else tools)
    reader = Reader(name, report, style, column_of(row) if style.columns else ())
    read = [reader.message(at, message) for at, message in enumerate(source)]
    if reader.left:
        raise Refused(f"{reader.left} pictures of 'images' have no place; expected a part {{'type': 'image'}} for each")
    offered, places = False, list(range(len(read)))
    if style.columns and tools and read and read[0].role == "system":
        read, places, offered = _without_offer(read, places, offer_text(tools))
    system = {"system": read[0].text} if read and read[0].role == "system" else {}
    origin = Origin(format=style.name, row=name, extra={**system, **({"tools": foreign} if foreign else {})})
    trace, form = fold(read, origin, offer, report, places)
    form |= {"offered": True} if offered else {}
    told = _told(trace, form, tools_of(trace), style)
    form["messages"] = {
        str(at): hollow(message, known)
        for at, (message, known) in enumerate(zip(source, told, strict=True))
        if dumps(write(known, None, style)) != dumps(message)
    }
    values, usual = _values(told, form, tools_of(trace), style)
    return with_extra(trace, {"form": {**form, "row": row_layout.mold(row, values, usual)}})


def from_trace(trace: Trace, style: Style) -> dict[str, Any]:
    """Return the row of a trace, laid out as the row it was read from; raises Refused."""
    form, tools = form_of(trace, style.name), tools_of(trace)
    values, usual = _values(_told(trace, form, tools, style), form, tools, style)
    if "row" in form:
        return row_layout.pour(form["row"], values, usual, tools, list(values))
    return {key: values[key] for key in usual}


def plain_row(trace: Trace, style: Style) -> dict[str, Any]:
    """Return the row of a trace as the style lays it out, whatever row it was read from; raises Refused."""
    tools = tools_of(trace)
    values, usual = _values(_told(trace, {}, tools, style), {}, tools, style)
    return {key: values[key] for key in usual}


def _told(trace: Trace, form: Mapping[str, Any], tools: list[Any], style: Style) -> list[Message]:
    """Return the messages of a trace, the offer told at their head: TRL hands the template of a VLM no tools."""
    told = to_messages(trace, form)
    if not (style.columns and tools and (form.get("offered") or not form)):
        return told
    system = told.pop(0).text + "\n" if told and told[0].role == "system" else ""
    return [Message("system", system + offer_text(tools)), *told]


def _without_offer(read: list[Message], places: list[int], offer: str) -> tuple[list[Message], list[int], bool]:
    """Return messages, where each stands in its row, and whether the offer stood behind the system's words."""
    system = read[0].text
    if not system.endswith(offer):
        return read, places, False
    if system == offer:
        return read[1:], places[1:], True
    return [replace(read[0], text=system.removesuffix(offer).removesuffix("\n")), *read[1:]], places, True


def _values(
    told: list[Message], form: Mapping[str, Any], tools: list[Any], style: Style
) -> tuple[dict[str, Any], list[str]]:
    """Return (what the trace gives for each key of a row, the keys a row has where nothing says otherwise)."""
    molds = form.get("messages", {})
    values: dict[str, Any] = {"messages": [write(one, molds.get(str(at)), style) for at, one in enumerate(told)]}
    if not style.columns:
        return values | {"tools": tools}, ["messages", "tools"] if tools else ["messages"]
    values |= {"tools": dumps(tools), "images": [name for message in told for name in message.images]}
    return values, list(values)


def column_of(row: Row) -> list[str]:
    """Return the paths of a row's pictures; raises Refused."""
    names = [] if row.get("images") is None else row["images"]
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise Refused("'images' holds something else than paths; expected a list of texts")
    return list(names)
