"""What a recipe is given, and what recipes share: prompts with our own examples, replies read, the picture's record."""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from agent import Agent
from agent.trace import Meta, Origin, PlannerOutput, Step, Trace, Turn
from skills import InputError, Picture
from skills.pictures import read_picture
from skills.store import Artifact, Artifacts, Store

from .formats.base import Refused, picture
from .phrasings import read_toml
from .teach_client import Message
from .teach_source import Source
from .teach_teacher import Teacher

_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?```\s*", re.DOTALL)
_TOLD = re.compile(r"\b(captions?|bounding box(?:es)?|coordinates?|standard answer)\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[(?:insert|your|placeholder|image|name)\b[^\]]*\]", re.IGNORECASE)


@dataclass(frozen=True)
class School:
    """What all lessons of a run share."""

    agent: Agent
    """Runs the calls; its planner is told what to say (`teach_skills.Tutor`)."""
    store: Store
    """Where payloads go."""
    folder: Path
    """What pictures' names are relative to."""
    labels: Sequence[str] = ()
    """Every label of every source, for what is not in a picture."""
    seed: int = 0
    """What is drawn is drawn from it and the row's name."""


@dataclass(frozen=True)
class Lesson:
    """One row to be made."""

    name: str
    """Its trace's id: recipe, number and source."""
    recipe: str
    """The recipe's name."""
    source: Source
    """What is known of its picture."""
    teacher: Teacher = field(repr=False)
    """Whom to ask."""
    school: School = field(repr=False)
    """What it shares with the others."""

    version: int = 1
    """Which of the rows that this recipe makes of this source, from 1."""

    @property
    def rng(self) -> random.Random:
        """A new generator that draws the same for the same row."""
        return random.Random(f"{self.school.seed}-{self.name}")

    def asked(self, prompt: str, task: str = "") -> list[Message]:
        """Return the messages of a prompt by its name in `teach_seeds.toml`: instructions, examples, this source."""
        seed = seeds()[prompt]
        messages: list[Message] = [{"role": "system", "content": seed["system"]}]
        for example in seed.get("examples", ()):
            messages.append({"role": "user", "content": _joined(example["told"], example.get("task", ""))})
            messages.append({"role": "assistant", "content": example["reply"]})
        other = f"\n(Version {self.version}: ask for something else than comes to mind first.)" * (self.version > 1)
        return [*messages, {"role": "user", "content": _joined(self.known(), task) + other}]

    def known(self) -> str:
        """Return what is told of the picture; raises Refused where that is nothing."""
        made = f"The picture was generated from: {self.source.prompt}" if self.source.prompt else ""
        told = "\n".join(part for part in (self.source.told(), made) if part)
        if not told:
            raise Refused("the source says nothing of its picture; expected 'captions', 'boxes' or 'texts'")
        return told

    def picture(self) -> Picture | None:
        """Return the picture where its file is there, else None; raises Refused where that cannot be read."""
        path = self.school.folder / self.source.image
        if not path.is_file():
            return None
        try:
            return read_picture(path)[0]
        except (InputError, OSError) as error:
            raise Refused(str(error)) from None

    @property
    def meta(self) -> Meta:
        """Where the row comes from."""
        extra: dict[str, Any] = {"recipe": self.recipe, "source": self.source.id}
        model = self.teacher.endpoint.model
        return Meta(planner="teacher", checkpoint=model, origin=Origin(format="teach", row=self.name, extra=extra))

    def talk(self, turns: Sequence[tuple[str, PlannerOutput]]) -> Trace:
        """Return a chat without calls; its picture is shown with the first question."""
        artifacts, shown = Artifacts(self.school.store), self.picture()
        if shown is not None:
            artifacts.add(shown)
        records: dict[str, Artifact] = artifacts.records or {"img_1": picture(self.source.image)}
        made = [
            Turn(
                request=request,
                images=() if at else ("img_1",),
                steps=(Step(output=output),),
                answer=output.answer or "",
                stop_reason="answered",
            )
            for at, (request, output) in enumerate(turns)
        ]
        return Trace(id=self.name, turns=tuple(made), artifacts=records, meta=self.meta)


Recipe = Callable[[Lesson], Trace]
"""Makes a row; raises Refused, and what `Teacher.ask` raises."""


@cache
def seeds() -> Mapping[str, Any]:
    """Return what a teacher is told, by prompt."""
    return read_toml(Path(__file__).with_name("teach_seeds.toml"))


def _joined(told: str, task: str) -> str:
    return f"{told}\n\n{task}" if task else told


def json_of(text: str) -> Mapping[str, Any]:
    """Return the JSON object that a reply is, with a fence around it or without; raises Refused."""
    fenced = _FENCE.fullmatch(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the reply is no JSON ({str(error)[:60]}): {text[:60]!r}; expected one object") from None
    if not isinstance(found, Mapping):
        raise Refused(f"the reply is {type(found).__name__}; expected a JSON object")
    return found


def listed(found: Mapping[str, Any], key: str, least: int, most: int) -> Sequence[Mapping[str, Any]]:
    """Return the objects of a list; raises Refused where it is none, too short or too long."""
    items = found.get(key)
    if not isinstance(items, list) or not least <= len(items) <= most:
        raise Refused(f"{key!r} of the reply is {str(items)[:60]!r}; expected a list of {least} to {most}")
    if not all(isinstance(item, Mapping) for item in items):
        raise Refused(f"{key!r} of the reply holds something else than objects")
    return items


def text_of(found: Mapping[str, Any], key: str) -> str:
    """Return a text of a reply that is not empty; raises Refused."""
    text = found.get(key)
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"{key!r} of the reply is {str(text)[:60]!r}; expected a text that is not empty")
    return text.strip()


def seen(text: str, source: Source) -> str:
    """Return words about a picture; raises Refused where they speak of what was told, or hold a placeholder."""
    if not text.strip():
        raise Refused("the reply is empty; expected words about the picture")
    told = source.told().casefold()
    for found in _TOLD.finditer(text):
        if found[0].casefold() not in told.partition("\n")[2]:
            raise Refused(f"the reply speaks of {found[0]!r}, which nobody sees who looks at the picture")
    if blank := _PLACEHOLDER.search(text):
        raise Refused(f"the reply holds the placeholder {blank[0]!r}; expected the words themselves")
    return text.strip()
