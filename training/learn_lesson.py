"""A lesson: one new skill with its wordings, from which requests and their calls are drawn."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.slots import SLOTS
from skills import InputError
from skills.registry import CONTRACT, AnySkill, Registry
from tool_data.phrasings import Language
from tool_data.requests import Words, draw

from .learn_docstring import optional
from .learn_file import Authored, read_requests
from .learn_values import NUMERIC, Values, arguments
from .learn_wordings import Wording, Wordings, wordings
from .learn_words import bank


@dataclass(frozen=True)
class Asked:
    """A request for the skill, and the call it stands for."""

    text: str
    """What the user types."""
    args: dict[str, Any]
    """The call's arguments; "$mark" is what the user marked."""
    language: Language
    """Its language."""

    @property
    def marked(self) -> bool:
        """Whether the user marks something."""
        return "$mark" in self.args.values()


@dataclass(frozen=True)
class Lesson:
    """One skill to be learnt."""

    skill: AnySkill
    """The skill."""
    wordings: Wordings
    """How it is asked for."""
    values: Values
    """What its arguments may be."""

    @property
    def sees(self) -> bool:
        """Whether it works on a picture, and so a request for it needs one."""
        return any(p.filled or (p.required and p.kind in ("region", "regions")) for p in self.skill.params)

    def draw(self, language: Language, rng: random.Random) -> Asked:
        """Draw a request to train on, in this language where there is one."""
        every = self.wordings.train
        wording = rng.choice([one for one in every if one.language == language] or every)
        if wording.variants and rng.random() < 0.5:
            wording = replace(wording, text=rng.choice(wording.variants))
        if rng.random() < 0.1:
            wording = self._with_option(wording, rng)
        return self.ask(wording, rng)

    def ask(self, wording: Wording, rng: random.Random) -> Asked:
        """Write a wording as people do, its slots filled."""
        told, args, text = bank(), dict(wording.args), wording.text
        if "$mark" in args.values() and wording.origin != "file":
            text = text.rstrip(".!?") + rng.choice(told.marked[wording.language])
        if wording.variants and rng.random() < 0.15:
            text = f"{rng.choice(told.openings[wording.language])} {text}"
        if rng.random() < 0.12:
            text = f"{text.rstrip('.')}, {rng.choice(told.purposes[wording.language])}"
        request = draw(text, wording.language, self.values, rng)
        return Asked(request.text, arguments(self.skill, args, request.values), wording.language)

    def _with_option(self, wording: Wording, rng: random.Random) -> Wording:
        """Return a wording with an optional argument said behind it, where there is one that it does not say."""
        free = [param for param in optional(self.skill) if param.name not in dict(wording.args)]
        if not free:
            return wording
        param = rng.choice(free)
        said = rng.choice(bank().options[wording.language]).replace("{n}", param.name.replace("_", " "))
        text = wording.text.rstrip(".!?") + said.replace("{p}", f"{{{param.name}}}")
        return replace(wording, text=text, args=(*wording.args, (param.name, f"{{{param.name}}}")))


def read_lessons(files: Sequence[Path], examples: Sequence[Path], words: Words) -> tuple[Lesson, ...]:
    """Return the lessons of files of skills; `examples` are files of requests for them, `words` fill their slots.

    Raises InputError for a file that cannot be used, a skill named like another one, and a skill for which nothing
    tells a whole request.
    """
    known = Registry.load(files)
    skills = [skill for skill in known if skill.source in map(str, files)]
    if len(skills) > (room := SLOTS - len(CONTRACT)):
        raise InputError(f"{len(skills)} skills are in the files; a planner has room for {room}: learn fewer at once")
    authored = read_requests(examples, skills)
    return tuple(_lesson(skill, authored, words) for skill in skills)


def _lesson(skill: AnySkill, authored: Authored, words: Words) -> Lesson:
    found = wordings(skill, authored)
    if not found.train:
        example, why = found.unread[0] if found.unread else (skill.name, "it has no examples")
        raise InputError(
            f"skill {skill.name!r}: no request can be told from its docstring and examples ({example!r}: {why}); "
            "write requests with their calls and name the file with --examples"
        )
    told: dict[str, list[str]] = {name: list(values) for name, values in authored.values.items()}
    for _, derived in found.read:
        for name, value in derived.values.items():
            told.setdefault(name, []).append(value)
    values = Values(words.lists, words.vocabulary, skill=skill, told=told)
    for param in skill.params:
        if param.required and param.kind in NUMERIC:
            values.numbers(param)  # tells now, not while training, that none is known
    return Lesson(skill, found, values)
