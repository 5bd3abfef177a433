"""Arguments of a skill as people type them: `k=v` on the command line."""

import json
import re
from collections.abc import Sequence

from pydantic import JsonValue

from skills import InputError, Param
from skills.spec import Skill

_PLAIN = ("text", "words", "expression", "choice", "picture")
_NUMBERS = re.compile(r"\s*-?[\d.]+(?:e-?\d+)?(?:\s*,\s*-?[\d.]+(?:e-?\d+)?)+\s*")


def read_arguments(written: Sequence[str], skill: Skill[..., JsonValue]) -> dict[str, JsonValue]:
    """Return the arguments of "k=v" items as a planner would write them; raises InputError where one has no "="."""
    args: dict[str, JsonValue] = {}
    for item in written:
        name, found, text = item.partition("=")
        if not found or not name:
            raise InputError(f"argument {item!r} is no k=v; {skill.name} takes {skill.signature}")
        args[name] = read_value(text, skill.param(name))
    return args


def read_value(text: str, param: Param | None) -> JsonValue:
    """Return one value: words as they stand, regions as "0.1,0.2,0.5,0.6", lists as "a,b", else JSON or a string."""
    kind = param.kind if param else "text"
    if param is not None and kind in _PLAIN:
        return text
    if kind in ("region", "regions") and _NUMBERS.fullmatch(text):
        return [float(number) for number in text.split(",")]
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return [part.strip() for part in text.split(",")] if kind == "list" else text
    return [text] if kind == "list" and not isinstance(value, list) else value
