"""An assistant's message as Hermes writes it: an answer, or a thought and a <tool_call> for each call."""

from collections.abc import Mapping
from typing import Any

from agent.trace import ToolCall

from .base import Refused
from .hermes_blocks import Mold, cast, escaped, hollow, join, split, usual_gaps
from .messages import Message
from .repair import repaired

TAG = "tool_call"
"""The tag of a call."""

FORMS = ("usual", "arguments first", "inline", "inline, arguments first")
"""How a call is written; "usual" is on a line of its own, with the name first."""


def read(text: str, at: int) -> tuple[Message, list[str]]:
    """Return (the message, what was mended in it); it is the row's `at`-th. Raises Refused."""
    gaps, bodies = split(text, TAG, at)
    read = [_read_call(body.strip(), at) for body in bodies]
    thought = "\n".join(gap.strip() for gap in gaps if gap.strip())
    message = Message("assistant", thought if read else text, calls=tuple(call for call, _ in read))
    return message, [mend for _, mends in read for mend in mends]


def _read_call(body: str, at: int) -> tuple[ToolCall, list[str]]:
    value, mends = repaired(body)
    name, args = (value.get("name"), value.get("arguments")) if isinstance(value, Mapping) else (None, None)
    if not isinstance(name, str) or not name or not isinstance(args, Mapping):
        raise Refused(f"a call of message {at} is {body}; expected {{'name': ..., 'arguments': {{...}}}}")
    return ToolCall(id="", name=name, args=dict(args)), [f"a call of {name!r}: {mend}" for mend in mends]


def write(message: Message, mold: Mold | None) -> str:
    """Return the text of the message, in its mold where it has one that fits."""
    if not message.calls:
        return message.text
    gaps = cast(mold["gaps"], message.text) if mold else None
    forms = mold["blocks"] if mold else []
    if gaps is None or len(forms) != len(message.calls):
        gaps, forms = usual_gaps(message.text, len(message.calls)), ["usual"] * len(message.calls)
    return join(gaps, [_body(call, form) for call, form in zip(message.calls, forms, strict=True)], TAG)


def mold_of(text: str, message: Message, at: int) -> Mold:
    """Return the mold of the text that the message was read from."""
    gaps, bodies = split(text, TAG, at)
    return {"gaps": hollow(gaps), "blocks": [_form(*pair) for pair in zip(bodies, message.calls, strict=True)]}


def _body(call: ToolCall, form: str) -> str:
    if form not in FORMS:
        return form if _read_call(form.strip(), 0)[0] == call.model_copy(update={"id": ""}) else _body(call, "usual")
    value: dict[str, Any] = {"name": call.name, "arguments": call.args}
    if form.endswith("arguments first"):
        value = dict(reversed(value.items()))
    return escaped(value) if form.startswith("inline") else f"\n{escaped(value)}\n"


def _form(body: str, call: ToolCall) -> str:
    """Return how a call was written: one of FORMS or, where it is none of them, the text itself; a mend is "usual"."""
    written = next((form for form in FORMS if _body(call, form) == body), body)
    return "usual" if written == body and _read_call(body.strip(), 0)[1] else written
