"""Values for the arguments of a new skill, as users would write them in a request."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.trial import admits
from skills import InputError, Param
from skills.registry import AnySkill
from tool_data.phrasings import SLOT, Language
from tool_data.requests import Words, expression, number

from .learn_words import bank

OPEN = ("text", "words", "list", "expression")
"""Kinds of arguments that take the user's own words."""

NUMERIC = ("number", "integer")
"""Kinds of arguments that take a number."""

_INTEGERS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 45, 50, 60, 80, 90, 100, 120, 180, 200, 256, 300, 400, 512)
_NUMBERS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, *_INTEGERS)


@dataclass(frozen=True, kw_only=True)
class Values(Words):
    """Fills the slots of requests for one skill; a slot has the name of its argument."""

    skill: AnySkill
    """The skill."""
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Argument -> values its author gave."""

    def value(self, slot: str, language: Language, rng: random.Random) -> str:
        """Draw a value: one the schema admits; for the user's own words one of the author's, a listed one or any."""
        param = param_of(self.skill, slot)
        if param.kind == "choice":
            return shown(rng.choice(param.choices))
        if param.kind in NUMERIC:
            return str(rng.choice(self.numbers(param)))
        if param.kind == "expression":
            return expression(rng)
        at = rng.random()
        if at < 0.2 and self.told.get(param.name):
            return rng.choice(self.told[param.name])
        if at < 0.55 and (listed := bank().listed(param.name).get(language)):
            return str(rng.choice(listed))
        if at < 0.75:
            every = [value for told in self.lists.values() for value in told[language]]
            return rng.choice(every)
        return " ".join(self.word(language, rng) for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 5))))

    def numbers(self, param: Param) -> list[int | float]:
        """Return the numbers that an argument admits and that are of its default's size, the default left out."""
        candidates = _INTEGERS if param.kind == "integer" else _NUMBERS
        default = param.default if isinstance(param.default, int | float) else None
        most = float("inf") if default is None else 1 if 0 < default <= 1 and param.kind == "number" else 20 * default
        found = [n for n in candidates if n != default and n <= most and admits(self.skill, param.name, n)]
        return found or ([default] if default is not None else self._limits(param))

    def _limits(self, param: Param) -> list[int | float]:
        """Return the limits of an argument that it admits itself; raises InputError where none is known."""
        told = self.skill.arguments.model_json_schema()["properties"][param.name]
        steps = {"minimum": 0, "exclusiveMinimum": 1, "maximum": 0, "exclusiveMaximum": -1}
        limits = [told[key] + step for key, step in steps.items() if key in told]
        found = [n for n in limits if admits(self.skill, param.name, n)]
        if not found:
            raise InputError(
                f"skill {self.skill.name!r}: no number is known that {param.name!r} admits; give it a default, or "
                "requests with their calls in a file for --examples"
            )
        return found


def param_of(skill: AnySkill, slot: str) -> Param:
    """Return the argument a slot stands for; one of several of a list is numbered ("objects71")."""
    found = skill.param(slot) or skill.param(slot.rstrip("0123456789"))
    assert found is not None, f"{skill.name} has no argument {slot!r}"
    return found


def shown(choice: str) -> str:
    """Return a choice as people write it: "top_left" is "top left"."""
    return re.sub(r"[_-]+", " ", choice)


def arguments(skill: AnySkill, args: Mapping[str, Any], written: Mapping[str, str]) -> dict[str, Any]:
    """Return a call's arguments with the slots in them replaced by what a request says, as the schema wants it.

    `written` is slot -> what stands in the request; other values ("$mark", authored ones) stay.
    """
    return {name: _argument(skill, value, written) for name, value in args.items()}


def _argument(skill: AnySkill, value: Any, written: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_argument(skill, item, written) for item in value]
    slot = SLOT.fullmatch(value) if isinstance(value, str) else None
    if slot is None:
        return value
    param, text = param_of(skill, slot[1]), written[slot[1]]
    if param.kind == "choice":
        return next(choice for choice in param.choices if shown(choice).casefold() == text.casefold())
    return number(text) if param.kind in NUMERIC else text
