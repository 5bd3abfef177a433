"""Checking a skill as `handeye check` does: what it says about itself, and one run on a made-up picture."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue, ValidationError

from skills import Cancel, Param, Picture, Skill
from skills.registry import Registry

from .agent import Agent
from .planners.single import SingleCall
from .turns import Bug, relay

MOST_WORDS = 30
"""Words a description may have: it is one line of every prompt."""

DEADLINE = 30.0
"""Seconds the trial may take."""

_CANDIDATES: dict[str, tuple[JsonValue, ...]] = {
    "region": ([0.25, 0.25, 0.75, 0.75],),
    "regions": ([0.25, 0.25, 0.75, 0.75],),
    "text": ("red", "a red square on grey", "1"),
    "words": ("red", "a red square on grey", "1"),
    "expression": ("1 + 2",),
    "number": (0.5, 1.0, 2.0, 10.0, 100.0, -1.0),
    "integer": (1, 2, 8, 64, 512, -1),
    "flag": (True,),
    "list": (["red"], ["red", "grey"]),
}
"""What is tried for an argument of a kind, the first that its limits admit."""


@dataclass(frozen=True)
class Checked:
    """What came of checking one skill."""

    problems: tuple[str, ...]
    """What is wrong, each one line; empty where it is fine."""
    tried: str
    """The call that was made, or why none was."""
    described: str = ""
    """What a planner reads about the result."""


def picture() -> Picture:
    """Return the picture of a trial: 160 x 120, grey, a red square at x 30-80, y 20-70, a white bar below."""
    array = np.full((120, 160, 3), 128, dtype=np.uint8)
    array[20:70, 30:80] = (220, 30, 30)
    array[90:100, 20:140] = 255
    return Picture.from_array(array)


def static_problems(item: Skill[..., Any], built_in: Registry) -> list[str]:
    """Return what is wrong with a skill's own words, each one line."""
    found = []
    if item.name != item.name.lower():
        found.append(f"the name {item.name!r} has capitals; write it in lower case")
    if item.name in built_in:
        found.append(f"the name {item.name!r} is taken ({built_in.get(item.name).source}); choose another")
    if (words := len(item.description.split())) > MOST_WORDS:
        found.append(f"the docstring's first paragraph has {words} words; at most {MOST_WORDS} fit a prompt's line")
    if not item.examples:
        found.append("no examples; give requests that call for it: @skill(examples=[...])")
    properties = item.schema.get("properties", {})
    found += [f"argument {p.name!r} is missing from the schema" for p in item.params if p.name not in properties]
    return found


def made_up(item: Skill[..., Any]) -> dict[str, JsonValue] | str:
    """Return arguments for a trial, or the name of the one that nothing could be made up for."""
    args: dict[str, JsonValue] = {}
    for param in item.params:
        if not param.required:
            continue
        value = _candidate(item, param)
        if value is None:
            return param.name
        args[param.name] = value
    return args


def _candidate(item: Skill[..., Any], param: Param) -> JsonValue:
    """Return the first candidate that the argument's own limits admit, None where there is none."""
    candidates = param.choices or _CANDIDATES.get(param.kind, ())
    return next((value for value in candidates if admits(item, param.name, value)), None)


def admits(item: Skill[..., Any], name: str, value: JsonValue) -> bool:
    """Return whether an argument's own limits admit a value."""
    try:
        item.arguments.model_validate({name: value})
    except ValidationError as error:
        return all(wrong["loc"][:1] != (name,) for wrong in error.errors())
    return True


def check(item: Skill[..., Any], built_in: Registry) -> Checked:
    """Check one skill and try it once; raises Stopped and OSError as a turn does."""
    problems = static_problems(item, built_in)
    if reason := item.unavailable():
        return Checked(tuple(problems), f"not tried: {reason}")
    if item.effects:
        return Checked(tuple(problems), f"not tried: it declares effects={item.effects!r}")
    args = made_up(item)
    if isinstance(args, str):
        return Checked(tuple(problems), f"not tried: nothing could be made up for the argument {args!r}")
    broken, tried, described = _try(item, args)
    return Checked((*problems, *broken), tried, described)


def _try(item: Skill[..., Any], args: dict[str, JsonValue]) -> tuple[list[str], str, str]:
    """Run the skill once; return (problems, what was tried, what came of it)."""
    planner = SingleCall()
    planner.skill, planner.args = item.name, args
    written = ", ".join(f"{name}={value!r}" for name, value in args.items())
    tried = f"tried {item.name}({written}) on a picture of 160x120"
    agent = Agent(planner, deadline=DEADLINE)
    agent.registry = Registry([item])
    agent.offer = agent.registry.offer()
    cancel = Cancel()
    chat = agent.chat()
    try:
        for _event in relay(lambda: chat.stream(f"try {item.name}", [picture()], cancel=cancel), cancel):
            pass
    except Bug as bug:
        return [_located(bug, item)], tried, ""
    seen = chat.trace.turn.steps[0].observations[0]
    if seen.error is not None and seen.error.type in ("deadline", "bad_arguments"):
        return [f"the trial failed: {seen.error.message}"], tried, ""
    return [], tried, seen.content


def _located(bug: Bug, item: Skill[..., Any]) -> str:
    """Return a bug in one line, with the line of the skill's file it came from."""
    frames = traceback.extract_tb(bug.__cause__.__traceback__ if bug.__cause__ else None)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == Path(item.source).absolute()]
    return f"it raised {bug}" + (f" (line {lines[-1]})" if lines else "")
