"""The texts in TACO's messages: the JSON of an assistant, the wrapping of an observation."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .base import Refused
from .repair import repaired

CAUTION = (
    "\nThe OBSERVATION can be incomplete or incorrect, so please be critical and decide how to make use of it. If "
    "you've gathered sufficient information to answer the question, call Terminate with the final answer. Now, please "
    "generate the response for the next step."
)
"""Ends every observation."""

WRAPPING = ["OBSERVATION:\n", CAUTION]
"""What stands before and behind an observation."""

IDLE = "{'message': 'No action has been provided. Proceed to the next step.'}"
"""What a message without an action is told."""

TERMINATE = "Terminate"
"""The action that holds the answer."""

STYLES: dict[str, Callable[[Any], str]] = {
    "spaced": json.dumps,
    "compact": lambda value: json.dumps(value, separators=(",", ":")),
    "spaced utf-8": lambda value: json.dumps(value, ensure_ascii=False),
    "compact utf-8": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
}
"""How the JSON of an assistant's messages is written; the first is TACO's own."""

_FENCED = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)
_FAILED = re.compile(r"""\{'message': ["']Execution failed with """)
_DRAWN = re.compile(r"'image': '(?:[^']*/)?image-(0|[1-9][0-9]*)\b")


class Message(NamedTuple):
    """What one assistant's message says."""

    thought: str
    """Why."""
    name: str = ""
    """The action; "" where there is none."""
    arguments: dict[str, Any] = {}  # noqa: RUF012  (a NamedTuple's defaults are class attributes)
    """Its arguments."""


def read_message(text: str) -> tuple[Message, list[str]]:
    """Return what an assistant's message says and a line for each mend; raises Refused."""
    fenced = _FENCED.fullmatch(text)
    value, mends = repaired(fenced[1] if fenced else text)
    mends = ["a ```json fence taken off", *mends] if fenced else mends
    if not isinstance(value, Mapping) or not isinstance(value.get("actions"), list):
        raise Refused('it is no {"thought": text, "actions": [{"name", "arguments"}]}')
    thought, actions = value.get("thought", ""), value["actions"]
    if not isinstance(thought, str):
        raise Refused(f"its thought is {thought!r}; expected text")
    if len(actions) > 1:
        raise Refused(f"it has {len(actions)} actions, of which TACO runs the first alone; expected one")
    if not actions:
        return Message(thought), mends
    action = actions[0]
    name, arguments = (action.get("name"), action.get("arguments")) if isinstance(action, Mapping) else (None, None)
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        raise Refused(f'its action is {action!r}; expected {{"name": text, "arguments": {{...}}}}')
    if name == TERMINATE:
        arguments = _answer(arguments, mends)
    return Message(thought, name, arguments), mends


def _answer(arguments: dict[str, Any], mends: list[str]) -> dict[str, Any]:
    answer = arguments.get("answer")
    if type(answer) in (int, float) and len(arguments) == 1:
        mends.append(f"the answer {answer!r} is a number, made text")
        return {"answer": json.dumps(answer)}
    if not isinstance(answer, str) or len(arguments) != 1:
        raise Refused(f'{TERMINATE} has the arguments {arguments!r}; expected {{"answer": text}}')
    return arguments


def write_message(message: Message, style: str = "spaced") -> str:
    """Return an assistant's message as JSON text."""
    actions = [{"name": message.name, "arguments": message.arguments}] if message.name else []
    return STYLES[style]({"thought": message.thought, "actions": actions})


def written_as(texts: Mapping[str, tuple[str, Message]]) -> dict[str, Any]:
    """Return how messages were written where not in TACO's own style.

    {"json": the style that most are in, "texts": number -> the text of one in none of them}.
    """
    odd: dict[str, dict[str, str]] = {
        style: {at: text for at, (text, message) in texts.items() if write_message(message, style) != text}
        for style in STYLES
    }
    best = min(odd, key=lambda style: len(odd[style]))
    usual = best == next(iter(STYLES))
    return ({} if usual else {"json": best}) | ({"texts": odd[best]} if odd[best] else {})


def unwrap(text: str) -> tuple[str, list[str]]:
    """Return an observation without its wrapping, and what of the wrapping there was."""
    head, tail = WRAPPING
    body = text.removeprefix(head)
    inner = body.removesuffix(tail)
    return inner, ["" if body == text else head, "" if inner == body else tail]


def is_error(observation: str) -> bool:
    """Return whether an observation tells of an action that failed."""
    return bool(_FAILED.match(observation))


def drawn(observation: str) -> Sequence[int]:
    """Return the numbers of the pictures that an observation says were made: 1 for image-1."""
    return [int(number) for number in _DRAWN.findall(observation)]
