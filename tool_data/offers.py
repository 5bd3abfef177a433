"""Offers for training: the contract's skills, described otherwise, renamed, withheld, and skills that are made up."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.slots import SLOTS, home_slots
from skills import Param
from skills.registry import CONTRACT, AnySkill

from .fields import Concept, make_up_field
from .others import Other, unable
from .phrasings import Language, read_toml
from .requests import Words


@dataclass(frozen=True)
class Offer:
    """The skills of one training row."""

    skills: tuple[AnySkill, ...]
    """As the planner sees them, in order."""
    slots: tuple[int, ...]
    """The slot of each."""
    contract: Mapping[str, AnySkill]
    """Contract name -> the skill as offered, for those on offer."""
    made_up: tuple[Other, ...] = ()
    """Those of `skills` that no contract knows, with requests for them."""


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


@dataclass(frozen=True)
class Drawer:
    """Draws offers."""

    skills: Sequence[AnySkill]
    """The contract's skills, in the registry's order."""
    describer: Describer
    """Other descriptions of them."""
    others: Mapping[str, Other]
    """Description -> a skill that somebody might add."""
    words: Words
    """Where names and descriptions of made-up skills come from."""
    fields: Sequence[Sequence[Concept]] = ()
    """Word fields that skills are made up from."""

    def exact(self, rng: random.Random, *, added: int = 0, withheld: int = 0) -> Offer:
        """Return the offer that serving shows: every skill as it is, in its home slot; `added` made-up ones behind.

        `withheld` of the contract's skills are left out.
        """
        left_out = {skill.name for skill in rng.sample(list(self.skills), withheld)}
        own = [skill for skill in self.skills if skill.name not in left_out]
        made_up = self._made_up(added, rng)
        offered = [*own, *(other.skill for other in made_up)]
        if not _distinct(offered):
            return self.exact(rng, added=added, withheld=withheld)
        slots = home_slots([skill.name for skill in offered])
        return Offer(tuple(offered), slots, {skill.name: skill for skill in own}, made_up)

    def varied(self, rng: random.Random, *, least: int = 1, most: int = 24) -> Offer:
        """Draw an offer of `least` to `most` skills in random order.

        A skill under its own name has its home slot, as in serving; renamed and made-up ones take any of those behind.
        """
        size = rng.randint(least, most)
        invented = sum(rng.random() < 0.25 for _ in range(size))
        chosen = rng.sample(list(self.skills), min(len(self.skills), max(1, size - invented)))
        contract = {skill.name: self._varied(skill, rng) for skill in chosen}
        made_up = self._made_up(invented, rng)
        offered = [*contract.values(), *(other.skill for other in made_up)]
        if not _distinct(offered):
            return self.varied(rng, least=least, most=most)
        rng.shuffle(offered)
        free = iter(rng.sample(range(len(CONTRACT), SLOTS), SLOTS - len(CONTRACT)))
        slots = [CONTRACT.index(s.name) if s.name in CONTRACT else next(free) for s in offered]
        return Offer(tuple(offered), tuple(slots), contract, made_up)

    def _made_up(self, count: int, rng: random.Random) -> tuple[Other, ...]:
        """Draw skills that no contract knows: authored ones, ones from word fields, and ones of random words."""
        kinds = rng.choices(("authored", "field", "random"), (5, 3, 2), k=count)
        authored = min(kinds.count("authored"), len(self.others))
        drawn = rng.sample(list(self.others.values()), authored)
        named = [o.renamed(_name(self.words, rng)) if rng.random() < 0.3 else o for o in drawn]
        themes = rng.choices(self.fields, k=max(1, kinds.count("field"))) if self.fields else []
        for theme in themes[: kinds.count("field")]:
            chosen = rng.choice(themes) if rng.random() < 0.4 else theme
            named.append(make_up_field(self.words, _name(self.words, rng), chosen, rng))
        return (*named, *(make_up(self.words, rng) for _ in range(count - len(named))))

    def _varied(self, skill: AnySkill, rng: random.Random) -> AnySkill:
        description = self.describer.describe(skill.name, skill.description, rng)
        name = skill.name
        if rng.random() < 0.25:
            keywords = [w for w in self.describer.rows[skill.name]["keywords"] if w.isascii() and " " not in w]
            name = "_".join(rng.sample(keywords, 2)) if rng.random() < 0.4 else _name(self.words, rng)
        return replace(skill, name=name, description=description)


def placed(offer: Offer, skills: Sequence[AnySkill], rng: random.Random) -> Offer:
    """Return an offer with `skills` on it as if the contract knew them: mostly the first of those behind its own.

    A skill of the contract keeps its slot; each new one takes the next free one where the offer is as serving shows it.
    """
    serving = offer.slots == home_slots([skill.name for skill in offer.skills])
    own = sum(slot < len(CONTRACT) for slot in offer.slots) if serving else 0
    at = own if serving and rng.random() < 0.6 else rng.randint(own, len(offer.skills))
    offered = (*offer.skills[:at], *skills, *offer.skills[at:])
    if serving:
        slots = home_slots([skill.name for skill in offered])
    else:
        free = [slot for slot in range(len(CONTRACT), SLOTS) if slot not in offer.slots]
        slots = (*offer.slots[:at], *rng.sample(free, len(skills)), *offer.slots[at:])
    return Offer(offered, slots, {**offer.contract, **{skill.name: skill for skill in skills}}, offer.made_up)


def _distinct(skills: Sequence[AnySkill]) -> bool:
    return len({skill.name for skill in skills}) == len(skills)


def _name(words: Words, rng: random.Random) -> str:
    """Return a name of random words that no skill of the contract has."""
    while True:
        name = "_".join(words.word("en", rng) for _ in range(rng.choice((1, 1, 2))))
        if name not in CONTRACT:
            return name


def make_up(words: Words, rng: random.Random) -> Other:
    """Return a skill of random words; its description is all that tells when to call it, and no request is authored."""
    language: Language = rng.choice(("en", "en", "es"))
    told = [words.word(language, rng) for _ in range(rng.randint(4, 10))]
    joined = rng.choice((", ", " ", " "))
    name = _name(words, rng)
    image = Param(name="image", kind="picture", required=False, filled=True)
    region = Param(name=rng.choice(("regions", "region", "area")), kind="regions", required=True)
    text = Param(name=rng.choice(("query", "words", "what", "name")), kind="words", required=True)
    params: tuple[Param, ...] = rng.choice(((image,), (image, region), (image, text), (text,)))
    return Other(unable(name, joined.join(told).capitalize() + ".", params), {}, {})
