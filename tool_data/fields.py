"""Skills made up from word fields: a description in some words of a theme, requests in others or in Spanish.

A planner learns by them that a request and a line of the offer speak of the same thing though they share no word.
"""

import random
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from skills import InputError, Param

from .others import Other, unable
from .phrasings import LANGUAGES, SLOT, Language, read_toml
from .requests import Words

FOLDER = Path(__file__).parent / "words" / "fields"
"""The word fields: "## theme", then lines "english, words | palabras, españolas"."""

FRAMES = Path(__file__).parent / "frames.toml"
"""Sentences around the words."""

REQUESTS = 4
"""Requests drawn for a made-up skill in each language."""

Concept = Mapping[Language, tuple[str, ...]]
"""Language -> words that mean about the same."""


@lru_cache(maxsize=1)
def load_fields(folder: Path = FOLDER) -> tuple[tuple[Concept, ...], ...]:
    """Return the themes of a folder's files, each a tuple of concepts.

    Raises InputError that names the file and line that is not as it should be.
    """
    themes: list[list[Concept]] = []
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.startswith("## "):
                themes.append([])
            elif line.strip():
                themes[-1].append(_concept(line, f"{path.name}:{number}"))
    return tuple(tuple(theme) for theme in themes if len(theme) > 3)


def _concept(line: str, where: str) -> Concept:
    sides = [tuple(word.strip() for word in side.split(",") if word.strip()) for side in line.split("|")]
    if len(sides) != len(LANGUAGES) or not all(sides):
        raise InputError(f"{where}: {line!r} is no concept; expected 'english, words | palabras, españolas'")
    return dict(zip(LANGUAGES, sides, strict=True))


@lru_cache(maxsize=1)
def _frames() -> Mapping[str, Any]:
    return read_toml(FRAMES)


def make_up_field(words: Words, name: str, theme: Sequence[Concept], rng: random.Random) -> Other:
    """Return a skill about some concepts of a theme, with requests for it."""
    concepts = rng.sample(list(theme), 4)
    told = dict(zip("abcd", (rng.choice(concept["en"]) for concept in concepts), strict=True))
    pattern = rng.choice(_frames()["descriptions"])
    used = [concept for letter, concept in zip("abcd", concepts, strict=True) if f"{{{letter}}}" in pattern]
    description = SLOT.sub(lambda slot: told[slot[1]], pattern)
    image = Param(name="image", kind="picture", required=False, filled=True)
    region = Param(name=rng.choice(("regions", "region", "area")), kind="regions", required=True)
    text = Param(name=rng.choice(("query", "words", "what", "name", "topic")), kind="words", required=True)
    params: tuple[Param, ...] = rng.choice(((image,), (image,), (image, region), (image, text), (text,)))
    kinds: set[str] = {param.kind for param in params}
    said = set(told.values())
    requests = {n: tuple(_request(used, said, n, kinds, rng) for _ in range(REQUESTS)) for n in LANGUAGES}
    values = {
        n: tuple(" ".join(words.word(n, rng) for _ in range(rng.randint(1, 3))) for _ in range(3)) for n in LANGUAGES
    }
    return Other(unable(name, description[:1].upper() + description[1:], params), requests, values)


def _request(
    concepts: Sequence[Concept], said: set[str], language: Language, kinds: set[str], rng: random.Random
) -> str:
    """Return a request in words of the concepts, mostly others than those already `said`."""
    frames = _frames()
    order = rng.sample(list(concepts), len(concepts))

    def word(slot: re.Match[str]) -> str:
        known = order["abc".index(slot[1]) % len(order)][language]
        fresh = [told for told in known if told not in said]
        return rng.choice(fresh if fresh and rng.random() < 0.6 else known)

    text = SLOT.sub(word, rng.choice(frames[language]))
    if "regions" in kinds and rng.random() < 0.6:
        marked = rng.choice(frames[f"marked_{language}"])
        text = f"{text} {marked}" if rng.random() < 0.7 else f"{marked}: {text}"
    if "words" in kinds:
        about = rng.choice(frames[f"about_{language}"])
        text = f"{text.rstrip('?')} {about}" if rng.random() < 0.7 else f"{about.lstrip(':- ')}: {text}"
    return text
