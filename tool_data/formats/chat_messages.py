"""A message in JSON with role, content and tool_calls -> Message."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.trace import ToolCall

from .base import Refused, Report
from .layout import Style
from .messages import Message, Role
from .repair import repaired

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
}  # fmt: skip


class Reader:
    """Reads the messages of one row, in their order."""

    def __init__(self, row: str, report: Report, style: Style, column: Sequence[str]) -> None:
        """Read for a row of that name; `column` names the pictures that stand in a column of their own."""
        self._row, self._report, self._style = row, report, style
        self._column = list(column)

    @property
    def left(self) -> int:
        """How many pictures of the column have found no place."""
        return len(self._column)

    def message(self, at: int, source: Any) -> Message:
        """Return the message, which is the row's `at`-th; raises Refused."""
        if not isinstance(source, Mapping):
            raise Refused(f"message {at} is {type(source).__name__}; expected an object with 'role' and 'content'")
        named = source.get("role")
        role = _ROLES.get(named) if isinstance(named, str) else None
        if role is None:
            raise Refused(f"message {at} has the role {named!r}; expected system, user, assistant or tool")
        if source.get("function_call"):
            raise Refused(f"message {at} holds 'function_call'; expected 'tool_calls', which replaced it")
        text, images = self._content(at, source.get("content"))
        calls = source.get("tool_calls") or []
        for what, found, speakers in (("pictures", images, ("user", "tool")), ("calls", calls, ("assistant",))):
            if found and role not in speakers:
                raise Refused(f"message {at} of the {role} holds {what}; expected them of the {speakers[0]} only")
        if not isinstance(calls, list):
            raise Refused(f"'tool_calls' of message {at} is {type(calls).__name__}; expected a list")
        if role == "tool":
            _id(at, source.get("name"))
        read = tuple(self._call(at, call) for call in calls)
        return Message(role, text, images, read, _id(at, source.get("tool_call_id")))

    def _content(self, at: int, content: Any) -> tuple[str, tuple[str, ...]]:
        if content is None or isinstance(content, str):
            return content or "", ()
        texts: list[str] = []
        images: list[str] = []
        image = self._style.image["type"]
        for part in content if isinstance(content, list) else [content]:
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            if kind == "text" and isinstance(part.get("text"), str):
                texts.append(part["text"])
            elif kind == image:
                images.append(self._name(at, part))
            else:
                raise Refused(
                    f"message {at} holds a part of type {kind!r}; expected 'text', which has a text, or {image!r}"
                )
        return "\n".join(texts), tuple(images)

    def _name(self, at: int, part: Mapping[str, Any]) -> str:
        if self._style.columns:
            if not self._column:
                raise Refused(f"a picture of message {at} is not named; expected one in 'images' for each")
            return self._column.pop(0)
        named = part.get("image_url")
        url = named.get("url") if isinstance(named, Mapping) else None
        if not isinstance(url, str) or not url:
            raise Refused(f"a picture of message {at} is not named; expected {{'image_url': {{'url': ...}}}}")
        return url

    def _call(self, at: int, call: Any) -> ToolCall:
        function = call.get("function") if isinstance(call, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(name, str) or not name:
            raise Refused(f"a call of message {at} is {call!r}; expected {{'function': {{'name', 'arguments'}}}}")
        args = function.get("arguments")
        if isinstance(args, str):
            args = self._arguments(name, args)
        if not isinstance(args, Mapping):
            raise Refused(f"the arguments of {name!r} in message {at} are {type(args).__name__}; expected an object")
        return ToolCall(id=_id(at, call.get("id")), name=name, args=dict(args))

    def _arguments(self, name: str, text: str) -> Any:
        args, mends = repaired(text) if text.strip() else ({}, ["none, where {} is meant"])
        self._report.repaired += [(self._row, f"arguments of {name!r}: {mend}") for mend in mends]
        return args


def _id(at: int, value: Any) -> str:
    if value == "" or (value is not None and not isinstance(value, str)):
        raise Refused(f"an id or name in message {at} is {value!r}; expected text, or none")
    return value or ""
