"""What a skill's function says it returns, for simulating calls to skills that no contract knows."""

import types
import typing
from typing import Any

from skills import Boxes, Masks, Number, Picture, Points, Skill, Text

KINDS: dict[object, str] = {
    Picture: "picture", Boxes: "boxes", Masks: "masks", Points: "points", Text: "text", Number: "number",
}  # fmt: skip
"""Value class -> its kind."""

FOUND = ("boxes", "masks", "points")
"""Kinds of values that may hold nothing."""


def returned(skill: Skill[..., Any]) -> tuple[str, ...]:
    """Return the kinds of the values a skill's function is annotated to return, in order; () where it does not say."""
    if skill.run is None:
        return ()
    return _kinds(typing.get_type_hints(skill.run).get("return"))


def _kinds(hint: object) -> tuple[str, ...]:
    inner = [part for part in typing.get_args(hint) if part is not type(None)]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return tuple(KINDS[part] for part in inner if part in KINDS)
    if origin in (typing.Union, types.UnionType):
        return _kinds(inner[0])
    return (KINDS[hint],) if hint in KINDS else ()
