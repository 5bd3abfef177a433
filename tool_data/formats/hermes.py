"""Hermes' rows: {"conversations": [{"from": "system" | "human" | "gpt" | "tool", "value": ...}]}, all in text.

The offer stands in the system message between <tools> tags, a call is <tool_call>{"name", "arguments"}</tool_call>,
the results of a message's calls are <tool_response>{"name", "content"}</tool_response> in one message of the tool. A
picture is `<image>` in a human's text and a path in the row's `images` (or `image`, where there is one). Pictures that
a call made follow the results, each call's in a human's message "(made by ID)". No tool is renamed.

Under "form" in `meta.origin.extra`: "offer" (how it stood, see `hermes_system`), "messages" (number -> mold, see
`hermes_messages`), "results" (how many a tool's messages held) and "row" (see `row_layout`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.trace import Origin, Trace

from . import hermes_system, row_layout
from .base import Format, Refused, Report, Row
from .chat import column_of
from .hermes_messages import counted, grouped, mold_of, read, role_of, write
from .messages import LOSSES, Message, dumps, extra_of, form_of, to_messages, with_extra
from .reading import to_trace as fold
from .tools import read_tools, tools_in, tools_of

_OWN = ("conversations", "tools", "image", "images")


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row; what had to be mended stands in `report`. Raises Refused."""
    source = row.get("conversations")
    if not isinstance(source, list):
        raise Refused(f"'conversations' is {type(source).__name__}; expected a list of {{'from': ..., 'value': ...}}")
    told = bool(source) and role_of(0, source[0]) == "system"
    system, offered, mold, mends = hermes_system.read(source[0]["value"]) if told else (None, None, {"at": None}, [])
    tools = _tools(row, offered)
    groups = _groups(row, source[told:], int(told), mends)
    report.repaired += [(name, mend) for mend in mends]
    offer, foreign = read_tools(tools)
    extra = {"system": system, "tools": foreign}
    origin = Origin(
        format="hermes", row=name, extra={key: value for key, value in extra.items() if value or value == ""}
    )
    places = [at for at, group in enumerate(groups, start=int(told)) for _ in group]
    trace, form = fold([message for group in groups for message in group], origin, offer, report, places)
    form["offer"] = mold if tools or offered is not None else None
    sizes = [len(group) for group in groups if group[0].role == "tool"]
    said = [message for message in to_messages(trace, form) if message.role != "system"]
    form["results"] = sizes if sizes != [len(one) for one in grouped(said) if one[0].role == "tool"] else []
    entries = zip(source[told:], grouped(said, sizes), strict=True)
    molds = {str(at): mold_of(at, *pair) for at, pair in enumerate(entries, start=int(told))}
    if told:
        molds["0"] = mold_of(0, source[0], [Message("system", source[0]["value"])])
    form["messages"] = {at: one for at, one in molds.items() if one}
    values, usual = _values(trace, form, row)
    return with_extra(trace, {"form": {**form, "row": row_layout.mold(row, values, usual)}})


def from_trace(trace: Trace) -> dict[str, Any]:
    """Return the row of a trace, laid out as the row it was read from.

    Raises Refused, also where words of the chat would be read as a call, a result or a picture.
    """
    form = form_of(trace, "hermes")
    values, usual = _values(trace, form, form.get("row", {}))
    plain = {key: values[key] for key in usual}
    row = row_layout.pour(form["row"], values, usual, tools_of(trace), _OWN) if "row" in form else plain
    _check(row, _told(trace, form))
    return row


def _told(trace: Trace, form: Mapping[str, Any]) -> list[Message]:
    return counted([message for message in to_messages(trace, form) if message.role != "system"])


def _values(trace: Trace, form: Mapping[str, Any], laid: Row) -> tuple[dict[str, Any], list[str]]:
    """Return (what the trace gives for each key of a row, the keys a row has where nothing says otherwise).

    `laid` has the keys that the row had, if any: a column `tools` besides the system message, `image` for `images`.
    """
    told, tools, molds = _told(trace, form), tools_of(trace), form.get("messages", {})
    system = hermes_system.write(extra_of(trace).get("system"), tools, form.get("offer"))
    groups = [[Message("system", system)]] if system is not None else []
    groups += grouped(told, form.get("results", ()))
    images = [name for message in told for name in message.images]
    values: dict[str, Any] = {
        "conversations": [write(group, molds.get(str(at), {})) for at, group in enumerate(groups)],
    }
    if laid.get("tools") is not None:
        values["tools"] = dumps(tools)
    if "image" in laid and len(images) <= 1:
        return values | {"image": images[0] if images else None}, ["conversations"]
    return values | {"images": images}, ["conversations", "images"] if images else ["conversations"]


def _tools(row: Row, offered: list[Any] | None) -> Any:
    """Return the schemas on offer: those of the system message, or of a column where that has none."""
    beside = tools_in(row, text=True)
    if offered is not None and beside is not None and dumps(beside) != dumps(offered):
        raise Refused(
            "'tools' and the <tools> of the system message differ; expected the same schemas in the same order"
        )
    return offered if offered is not None else [] if beside is None else beside


def _groups(row: Row, entries: Sequence[Any], start: int, mends: list[str]) -> list[list[Message]]:
    """Return the messages of each entry; mends are added to `mends`."""
    if "image" in row and "images" in row:
        raise Refused("the row has 'image' and 'images'; expected one of them")
    single = row.get("image")
    if single is not None and not (isinstance(single, str) and single):
        raise Refused(f"'image' is {single!r}; expected a path, or several in 'images'")
    column = [single] if single else column_of(row)
    groups: list[list[Message]] = []
    marked = bool(column)
    for at, entry in enumerate(entries, start=start):
        group, found = read(at, entry, column, marked=marked)
        groups.append(group)
        mends += found
    if column:
        raise Refused(f"{len(column)} pictures of the row have no place; expected <image> in a human's text for each")
    return groups


def _check(row: Row, told: Sequence[Message]) -> None:
    """Raise Refused where a reader of the row would find other messages in it."""
    entries = row["conversations"]
    start = int(bool(entries) and entries[0]["from"] == "system")
    try:
        again = [message for group in _groups(row, entries[start:], start, []) for message in group]
    except Refused as refused:
        raise Refused(f"the chat cannot be told in tags: {refused}") from None
    for message, other in zip(told, again, strict=False):
        if _heard(message) != _heard(other):
            raise Refused(f"{message.text!r} would be read as {other.text!r}; expected no tag of Hermes in a text")


def _heard(message: Message) -> tuple[Any, ...]:
    calls = [(call.name, dumps(call.args)) for call in message.calls]
    return message.role, message.text.strip(), message.images, calls


FORMAT = Format(
    "hermes", to_trace, from_trace, (*LOSSES, "ids of calls: they are counted; white space around a thought")
)
"""Rows of NousResearch's function-calling data, and of whoever trains on the same tags."""
