"""What the embedded `generate` paints: nouns, colours and grounds, the pairs held out, captions in both languages."""

import hashlib
import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tool_data.phrasings import Language, read_toml
from tool_data.pictograms import Colour

TEXTS = Path(__file__).parent / "generate_words.toml"
"""Nouns, colours, grounds and frames."""

HELD_OUT = 200
"""Pairs of colour and noun that training never draws."""

COLOURLESS = 0.1
"""Share of captions that leave the colour out."""

SPANISH = 0.25
"""Share of captions in Spanish."""

Pair = tuple[str, str]
"""A colour and a noun."""


@dataclass(frozen=True)
class Shown:
    """What a picture shows: `count` equal things on a ground."""

    noun: str
    """CLDR short name of the pictogram."""
    colour: str
    """One of `colours()`."""
    count: int = 1
    """How many, 1 to 3."""
    ground: str = ""
    """One of `grounds()`, empty for one without a name."""


@cache
def _texts() -> Mapping[str, Any]:
    return read_toml(TEXTS)


def nouns() -> tuple[str, ...]:
    """Return the nouns, CLDR short names."""
    return tuple(_texts()["nouns"])


@cache
def colours() -> Mapping[str, Colour]:
    """Return colour -> RGB."""
    return {name: tuple(told["rgb"]) for name, told in _texts()["colours"].items()}


@cache
def grounds() -> Mapping[str, tuple[Colour, Colour]]:
    """Return ground -> its colours at the darkest and the lightest."""
    return {name: (tuple(told["dark"]), tuple(told["light"])) for name, told in _texts()["grounds"].items()}


@cache
def held_out() -> frozenset[Pair]:
    """Return the HELD_OUT pairs that come first by SHA-256; they depend on the words alone."""
    pairs = itertools.product(colours(), nouns())
    ranked = sorted(pairs, key=lambda pair: hashlib.sha256(" ".join(pair).encode()).digest())
    return frozenset(ranked[:HELD_OUT])


@cache
def trained_on() -> tuple[Pair, ...]:
    """Return every other pair, sorted."""
    return tuple(sorted(set(itertools.product(colours(), nouns())) - held_out()))


def caption(shown: Shown, language: Language, *, colour: bool = True, ground: bool = True) -> str:
    """Return the plain caption: "two blue stars on grass"; `colour` and `ground` leave theirs out where they are false.

    A ground without a name is never told.
    """
    texts = _texts()
    one, several, *_ = texts["nouns"][shown.noun]
    if language == "en":
        words = [shown.colour if colour else "", one if shown.count == 1 else several]
    else:
        *_, one, several, gender = texts["nouns"][shown.noun]
        agreeing = (gender == "f") + 2 * (shown.count > 1)
        told = texts["colours"][shown.colour]["es"][agreeing]
        words = [one if shown.count == 1 else several, told if colour else ""]
    thing = " ".join(filter(None, words))
    ending = texts["grounds"][shown.ground][language] if ground and shown.ground else ""
    return " ".join(filter(None, (_number(shown, language, thing), thing, ending)))


def _number(shown: Shown, language: Language, thing: str) -> str:
    told: str = _texts()["counts"][language][shown.count - 1]
    if shown.count > 1:
        return told
    if language == "es":
        return "una" if _texts()["nouns"][shown.noun][-1] == "f" else told
    return "an" if thing[0] in "aeiou" else told


def request(shown: Shown, rng: random.Random) -> str:
    """Draw a caption as people may type it: either language, with or without colour, ground and a frame."""
    language: Language = "es" if rng.random() < SPANISH else "en"
    plain = caption(shown, language, colour=rng.random() >= COLOURLESS, ground=rng.random() < 0.7)
    frame: str = rng.choice(_texts()["frames"][language])
    return frame.format(plain)
