"""Small skills and helpers that the tests of the core share."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent import Agent, Chat, Observation, ScriptedPlanner, ToolCall, Trace, Turn
from agent.executor import Executor
from agent.journal import load
from skills import Boxes, Cancel, Context, Number, Picture, Regions, SkillError, Text, Value, Words, skill
from skills.store import Artifacts, Store


@skill(examples=["find two things"])
def find_two(image: Picture) -> Boxes:
    """Find two boxes, always at the same place."""
    width, height = image.size
    boxes = ((0.0, 0.0, width / 4, height / 4), (width / 2, height / 2, width, height))
    return Boxes(xyxy=boxes, labels=("face", "face"), scores=(0.9, 0.8))


@skill
def say(words: Words, loud: bool = False) -> Text:
    """Give back words as text."""
    return Text.of(words.upper() if loud else words, untrusted=True)


@skill
def paint(image: Picture, regions: Regions, color: float = 0.0) -> Picture:
    """Paint regions in one grey from 0 to 1."""
    array = image.array.copy()
    array[regions.mask(image.size)] = round(color * 255)
    return image.redrawn(array)


@skill
def draw_number(limit: int, seed: int = 0, *, ctx: Context) -> Number:
    """Draw a random number below a limit."""
    return Number(value=int(np.random.default_rng(ctx.seed).integers(limit)))


@skill
def refuse(words: Words) -> Text:
    """Refuse whatever is asked, in words a planner can mend."""
    raise SkillError(f"{words!r} is not possible; ask for something else")


@skill
def broken(image: Picture) -> Text:
    """Fail with a bug, whatever is given."""
    raise ZeroDivisionError("planted")


@skill
def hang(number: int = 0) -> Number:
    """Never return, never look at the cancel flag."""
    threading.Event().wait()
    return Number(value=number)


PROBES = (find_two, say, paint, draw_number, refuse, broken, hang)


def picture(width: int = 40, height: int = 20, grey: int = 100) -> Picture:
    """A plain grey picture."""
    return Picture.from_array(np.full((height, width, 3), grey, dtype=np.uint8))


def scripted(*lines: Any, skills: Sequence[Any] = PROBES, offer: Sequence[str] | None = None, **options: Any) -> Agent:
    """An agent that says these lines; the built-in skills and the probes are on offer."""
    return Agent(ScriptedPlanner(lines), skills=list(skills), offer=offer, **options)


def chatting(*lines: Any, **options: Any) -> Chat:
    return scripted(*lines, **options).chat()


def table(*values: Value) -> Artifacts:
    """A table that holds these values."""
    artifacts = Artifacts(Store())
    for value in values:
        artifacts.add(value)
    return artifacts


def called(name: str, number: int = 1, /, **args: Any) -> ToolCall:
    return ToolCall(id=f"call_{number}", name=name, args=args)


def observed(
    executor: Executor, artifacts: Artifacts, *calls: ToolCall, cancel: Cancel | None = None
) -> list[Observation]:
    """Run calls as one step and return what came of them."""
    trace = Trace(id="t", turns=(Turn(request="do it"),))
    events: Iterator[Any] = executor.run(calls, trace, artifacts, cancel or Cancel())
    return [event for event in events if isinstance(event, Observation)]


def reloaded(folder: Path) -> Trace:
    """Read a trace back from disk; nothing may be damaged."""
    found = load(folder)
    assert found.problems == ()
    return found.trace
