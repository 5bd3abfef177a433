"""Offers for training: the contract's skills, described otherwise, renamed, withheld, and skills that are made up."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.slots import SLOTS, home_slots
from skills import Param, Skill
from skills.registry import CONTRACT
from skills.spec import arguments_model

from .phrasings import Language, read_toml
from .requests import Words

AnySkill = Skill[..., Any]


@dataclass(frozen=True)
class Offer:
    """The skills of one training row."""

    skills: tuple[AnySkill, ...]
    """As the planner sees them, in order."""
    slots: tuple[int, ...]
    """The slot of each."""
    contract: Mapping[str, AnySkill]
    """Contract name -> the skill as offered, for those on offer."""
    made_up: tuple[AnySkill, ...] = ()
    """Those of `skills` that no contract knows."""


@dataclass(frozen=True)
class Describer:
    """Other descriptions of the contract's skills."""

    rows: Mapping[str, Mapping[str, Sequence[str]]]
    """Skill -> "lines" and "keywords"."""

    @classmethod
    def load(cls, path: Path = Path(__file__).parent / "descriptions.toml") -> "Describer":
        """Read `descriptions.toml`."""
        return cls(read_toml(path))

    def describe(self, name: str, known: str, rng: random.Random) -> str:
        """Draw a description: the known one half of the time, else another one or keywords."""
        row = self.rows.get(name)
        at = rng.random()
        if row is None or at < 0.5:
            return known
        if at < 0.75:
            return rng.choice(row["lines"])
        count = min(len(row["keywords"]), rng.randint(5, 9))
        return ", ".join(rng.sample(row["keywords"], count))


def exact(skills: Sequence[AnySkill]) -> Offer:
    """Return the offer that serving shows: every skill as it is, in order, in its home slot."""
    return Offer(tuple(skills), home_slots([s.name for s in skills]), {skill.name: skill for skill in skills})


def draw(
    skills: Sequence[AnySkill],
    describer: Describer,
    words: Words,
    rng: random.Random,
    *,
    least: int = 1,
    most: int = 24,
) -> Offer:
    """Draw an offer of `least` to `most` skills in random order.

    A skill under its own name has its home slot, as in serving; renamed and made-up ones take any of those behind.
    """
    size = rng.randint(least, most)
    invented = sum(rng.random() < 0.2 for _ in range(size))
    chosen = rng.sample(list(skills), min(len(skills), max(1, size - invented)))
    contract = {skill.name: _varied(skill, describer, words, rng) for skill in chosen}
    made_up = tuple(make_up(words, rng) for _ in range(invented))
    offered = [*contract.values(), *made_up]
    if len({skill.name for skill in offered}) < len(offered):
        return draw(skills, describer, words, rng, least=least, most=most)
    rng.shuffle(offered)
    free = iter(rng.sample(range(len(CONTRACT), SLOTS), SLOTS - len(CONTRACT)))
    slots = [CONTRACT.index(s.name) if s.name in CONTRACT else next(free) for s in offered]
    return Offer(tuple(offered), tuple(slots), contract, made_up)


def _varied(skill: AnySkill, describer: Describer, words: Words, rng: random.Random) -> AnySkill:
    description = describer.describe(skill.name, skill.description, rng)
    name = skill.name
    if rng.random() < 0.25:
        keywords = [word for word in describer.rows[skill.name]["keywords"] if word.isascii() and " " not in word]
        name = "_".join(rng.sample(keywords, 2)) if rng.random() < 0.4 else _name(words, rng)
    return replace(skill, name=name, description=description)


def _name(words: Words, rng: random.Random) -> str:
    return "_".join(words.word("en", rng) for _ in range(rng.choice((1, 1, 2))))


def make_up(words: Words, rng: random.Random) -> AnySkill:
    """Return a skill of random words; its description is all that tells when to call it."""
    language: Language = rng.choice(("en", "en", "es"))
    told = [words.word(language, rng) for _ in range(rng.randint(4, 10))]
    joined = rng.choice((", ", " ", " "))
    name = _name(words, rng)
    image = Param(name="image", kind="picture", required=False)
    region = Param(name=rng.choice(("regions", "region", "area")), kind="regions", required=True)
    text = Param(name=rng.choice(("query", "words", "what", "name")), kind="words", required=True)
    params: tuple[Param, ...] = rng.choice(((image,), (image, region), (image, text), (text,)))
    return Skill(
        name=name,
        description=joined.join(told).capitalize() + ".",
        params=params,
        arguments=arguments_model(name, params),
        run=None,
        mend="it is made up",
        source="made up",
    )
