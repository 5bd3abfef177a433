"""A teacher's draft of a chat with calls: what is asked and called, checked against the skills before anything runs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agent.trace import ToolCall
from skills.registry import AnySkill

from .formats.base import Refused
from .teach_lesson import json_of, listed, text_of

TURNS, STEPS, CALLS = 4, 3, 4
"""What a draft may have at most: turns, steps of a turn, calls of a step."""


@dataclass(frozen=True)
class Pass:
    """One step of a turn."""

    thought: str
    """Why."""
    calls: tuple[ToolCall, ...]
    """What is called."""


@dataclass(frozen=True)
class Turn:
    """One request."""

    request: str
    """What the person writes."""
    steps: tuple[Pass, ...]
    """What is called for it; empty where it needs no skill."""


Draft = tuple[Turn, ...]
"""A chat without its answers."""


def calls_of(draft: Draft) -> list[ToolCall]:
    """Return every call, in order."""
    return [call for turn in draft for step in turn.steps for call in step.calls]


def read_draft(text: str, skills: Mapping[str, AnySkill]) -> Draft:
    """Return the draft that a reply is; raises Refused for nonsense, with what was expected."""
    turns: list[Turn] = []
    numbers = iter(range(1, TURNS * STEPS * CALLS + 1))
    for found in listed(json_of(text), "turns", 1, TURNS):
        steps = found.get("steps")
        if not isinstance(steps, list):
            raise Refused(f"'steps' is {str(steps)[:60]!r}; expected a list, empty for a turn without calls")
        passes = tuple(_pass(step, skills, numbers) for step in listed(found, "steps", 0, STEPS))
        turns.append(Turn(text_of(found, "request"), passes))
        _check_words(turns, skills)
    return tuple(turns)


def _pass(found: Mapping[str, Any], skills: Mapping[str, AnySkill], numbers: Iterator[int]) -> Pass:
    calls = tuple(_call(call, skills, next(numbers)) for call in listed(found, "calls", 1, CALLS))
    return Pass(text_of(found, "thought"), calls)


def _call(found: Mapping[str, Any], skills: Mapping[str, AnySkill], number: int) -> ToolCall:
    name, args = found.get("name"), found.get("args", {})
    if not isinstance(name, str) or name not in skills:
        raise Refused(f"a call names {str(name)[:40]!r}, which is no skill here; expected one of {', '.join(skills)}")
    if not isinstance(args, Mapping):
        raise Refused(f"the arguments of {name!r} are {str(args)[:60]!r}; expected an object")
    skill = skills[name]
    try:
        skill.arguments.model_validate(dict(args))
        return ToolCall(id=f"call_{number}", name=name, args=dict(args))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the arguments"
        raise Refused(f"the call of {name!r} has {where!r}: {first['msg']}; expected {skill.signature}") from None


def _check_words(turns: Sequence[Turn], skills: Mapping[str, AnySkill]) -> None:
    """Raise Refused where words of the newest turn's calls stand in no request: such an argument is copied."""
    said = " ".join(" ".join(turn.request for turn in turns).split())
    for step in turns[-1].steps:
        for call in step.calls:
            for words in _words(call, skills[call.name]):
                if not re.search(rf"(?<!\w){re.escape(' '.join(words.split()))}(?!\w)", said):
                    raise Refused(
                        f"{call.name!r} is given {words[:60]!r}, which stands in no request; words are copied from it "
                        "letter by letter"
                    )


def _words(call: ToolCall, skill: AnySkill) -> Iterator[str]:
    for param in skill.params:
        value = call.args.get(param.name)
        if param.kind == "words" and isinstance(value, str):
            yield value
        elif param.name == "objects" and isinstance(value, list):
            yield from (str(item) for item in value)
