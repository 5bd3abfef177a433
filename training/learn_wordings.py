"""The wordings of requests for a new skill, and which of them are kept for measuring."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from skills.registry import AnySkill
from tool_data.phrasings import LANGUAGES, SLOT, Language
from tool_data.split import tokens

from .learn_arguments import Derived, Underived, derive
from .learn_docstring import framed, phrases, things
from .learn_file import Authored
from .learn_words import bank

HELD_OUT = 4
"""One wording in this many is kept for measuring, in a language that has as many."""

Origin = Literal["example", "docstring", "file"]
"""Where a wording comes from; one that was made of an example is the example's."""


@dataclass(frozen=True)
class Wording:
    """One wording of a request, without what people say before and behind it."""

    text: str
    """The request, with slots."""
    language: Language
    """Its language."""
    args: tuple[tuple[str, object], ...]
    """The call's arguments; "{place}" is what stands there, "$mark" what the user marked."""
    origin: Origin
    """Where it comes from."""
    variants: tuple[str, ...] = ()
    """The same with other verbs; they go where it goes."""
    held_out: bool = False
    """True where it is only measured on."""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same as another one: its words without case, accents, marks and slots' names."""
        return tuple(tokens(SLOT.sub("_", self.text)))


@dataclass(frozen=True)
class Wordings:
    """All wordings for one skill."""

    train: tuple[Wording, ...]
    """Those that are trained on."""
    held_out: tuple[Wording, ...]
    """Those that are only measured on; none of their words in this order is trained on."""
    read: tuple[tuple[str, Derived], ...]
    """(example, its call as its words tell it)."""
    unread: tuple[tuple[str, str], ...]
    """(example that is not used, why)."""


def wordings(skill: AnySkill, authored: Authored) -> Wordings:
    """Return the wordings that a skill's examples, its docstring and files of requests give."""
    read: list[tuple[str, Derived]] = []
    unread: list[tuple[str, str]] = []
    for example in skill.examples:
        try:
            others = [other for other in skill.examples if other != example]
            read.append((example, derive(skill, example, others)))
        except Underived as why:
            unread.append((example, str(why)))
    bases = [
        *_authored(skill, authored),
        *(_wording(found, "example") for _, found in read),
        *(_wording(found, "docstring") for found in phrases(skill)),
    ]
    every = _once(
        [
            *bases,
            *_about(skill, [base for base in bases if not base.held_out and base.text != skill.name.replace("_", " ")]),
        ]
    )
    train, held_out = split(every)
    return Wordings(train, held_out, tuple(read), tuple(unread))


def _authored(skill: AnySkill, authored: Authored) -> Iterator[Wording]:
    for told in authored.requests:
        if told.skill == skill.name:
            args = tuple(told.args.items())
            yield Wording(told.text, told.language, args, "file", _variants(told.text, told.language), told.held_out)


def _wording(found: Derived, origin: Origin) -> Wording:
    language = bank().language(found.text)
    return Wording(found.text, language, tuple(found.args.items()), origin, _variants(found.text, language))


def _variants(text: str, language: Language) -> tuple[str, ...]:
    verb = bank().verb_of(text, language)
    return tuple(f"{other}{text[len(verb) :]}" for other in bank().like(verb, language)) if verb else ()


def _about(skill: AnySkill, bases: Sequence[Wording]) -> Iterator[Wording]:
    """Yield requests about what the wordings are about, in other frames."""
    for base in bases:
        for thing, language in things([(base.text, base.language)]).items():
            if set(SLOT.findall(thing)) == set(SLOT.findall(base.text)):
                for text in framed(skill, thing, language):
                    yield replace(base, text=text, variants=())


def _once(found: Sequence[Wording]) -> list[Wording]:
    """Return wordings without those that were there already; what is only measured on goes first."""
    kept: dict[tuple[str, ...], Wording] = {}
    for wording in sorted(found, key=lambda one: not one.held_out):
        kept.setdefault(wording.key, wording)
    return list(kept.values())


def split(found: Sequence[Wording]) -> tuple[tuple[Wording, ...], tuple[Wording, ...]]:
    """Return (wordings to train on, wordings to measure on).

    Where an author keeps some for measuring, those are it; else one in `HELD_OUT` of each language, told by the hash
    of its words. Variants that are worded as one of those are left out of training.
    """
    kept = [one for one in found if one.held_out]
    for language in LANGUAGES if not kept else ():
        mine = sorted((one for one in found if one.language == language), key=_point)
        kept.extend(mine[: len(mine) // HELD_OUT])
    keys = {one.key for one in kept}
    train = [
        replace(one, variants=tuple(text for text in one.variants if replace(one, text=text).key not in keys))
        for one in found
        if one.key not in keys
    ]
    return tuple(train), tuple(replace(one, variants=()) for one in kept)


def _point(wording: Wording) -> int:
    return zlib.crc32(" ".join(wording.key).encode())
