"""Requests as people type them: slots filled with words, politeness, typos, case, missing accents and marks."""

import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .phrasings import SLOT, Intent, Language

_BEFORE: Mapping[Language, Sequence[str]] = {
    "en": ("please", "hey,", "hi,", "hello!", "ok,", "okay so", "now", "and", "so", "can you", "could you",
           "would you", "I want you to", "quick one:", "one more thing:", "next,", "then", "hi there,", "also"),
    "es": ("por favor", "oye,", "hola,", "vale,", "bueno,", "ahora", "y", "a ver,", "¿puedes?", "venga,", "mira,",
           "una cosa:", "luego", "además", "porfa", "buenas,", "te pido que"),
}  # fmt: skip
_BEHIND: Mapping[Language, Sequence[str]] = {
    "en": ("please", "thanks", "now", "for me", "asap", "pls", "thank you", "if you can", "today", "ok?", "would you"),
    "es": ("por favor", "gracias", "ahora", "porfa", "si puedes", "ya", "¿vale?", "cuando puedas", "anda"),
}  # fmt: skip
_SYLLABLES = (
    "ba be bi co da do fa fe gra ka ki lo lu ma mi mo na ne no pa pe qui ra re ri sa so ta te to tra va vi zo zu"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Words:
    """Where slots are filled from."""

    lists: Mapping[str, Mapping[Language, Sequence[str]]] = field(default_factory=dict)
    """Slot -> language -> authored values."""
    vocabulary: Mapping[Language, Sequence[str]] = field(default_factory=dict)
    """Single words of the language, for values nobody thought of."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Slot -> the slot whose values it takes."""

    def value(self, slot: str, language: Language, rng: random.Random) -> str:
        """Draw a value for a slot; most of the time from the authored list where there is one."""
        slot = self.kinds.get(slot, slot)
        if slot == "degrees":
            return _degrees(rng)
        if slot == "expression":
            return expression(rng)
        listed = self.lists.get(slot.rstrip("0123456789"), {}).get(language, ())
        if listed and rng.random() < 0.75:
            return rng.choice(listed)
        longest = 3 if slot.startswith(("object", "class", "label")) else 6
        return " ".join(self.word(language, rng) for _ in range(rng.randint(1, longest)))

    def word(self, language: Language, rng: random.Random) -> str:
        """Draw one word: of the language, made of syllables, or of random letters."""
        at = rng.random()
        known = self.vocabulary.get(language, ())
        if known and at < 0.7:
            return rng.choice(known)
        if at < 0.9:
            return "".join(rng.choice(_SYLLABLES.split()) for _ in range(rng.randint(2, 4)))
        return "".join(rng.choice(_LETTERS) for _ in range(rng.randint(3, 8)))


def vocabulary(intents: Sequence[Intent], language: Language) -> tuple[str, ...]:
    """Return the words of four letters and more that phrasings of a language use, sorted."""
    found: set[str] = set()
    for intent in intents:
        for phrasing in intent.pool(language, held_back=False):
            found.update(re.findall(r"[^\W\d_]{4,12}", SLOT.sub(" ", phrasing)))
    return tuple(sorted(word.lower() for word in found))


def expression(rng: random.Random) -> str:
    """Draw an arithmetic expression as people write them, without equals sign."""
    terms = rng.choice((2, 2, 2, 3, 4))
    space = rng.choice(("", "", " "))
    if rng.random() < 0.1:
        return f"{rng.randint(1, 99)}% of {rng.randint(2, 5000)}"
    if rng.random() < 0.06:
        return f"sqrt({rng.randint(2, 9999)})"
    numbers = [_number(rng) for _ in range(terms)]
    written = numbers[0]
    for number in numbers[1:]:
        sign = rng.choice("+-*/*+x^")
        written += f"{space}{sign}{space}{rng.randint(2, 4) if sign == '^' else number}"
    if terms > 2 and rng.random() < 0.4:
        written = f"({written}){space}{rng.choice('*/+-')}{space}{_number(rng)}"
    return written


def _number(rng: random.Random) -> str:
    whole = str(rng.randint(0, 10 ** rng.randint(1, 5)))
    return f"{whole}.{rng.randint(1, 99)}" if rng.random() < 0.15 else whole


def _degrees(rng: random.Random) -> str:
    if rng.random() < 0.1:
        return f"{rng.randint(0, 45)}.{rng.randint(1, 9)}"
    return str(rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 270, rng.randint(1, 359), rng.randint(1, 359))))


@dataclass(frozen=True)
class Request:
    """A request with the values its slots were filled with, as they stand in it."""

    text: str
    """What the user types."""
    values: Mapping[str, str]
    """Slot -> value, letter for letter a part of `text`."""


def draw(phrasing: str, language: Language, words: Words, rng: random.Random, *, noise: bool = True) -> Request:
    """Fill a phrasing's slots and, with `noise`, write it as people do."""
    pieces = SLOT.split(phrasing)
    slots = {i: words.value(piece, language, rng) for i, piece in enumerate(pieces) if i % 2}
    names = {i: pieces[i] for i in slots}
    plain = [slots.get(i, piece) for i, piece in enumerate(pieces)]
    texts = _noisy(list(plain), language, words, rng) if noise else plain
    if not "".join(texts).strip():
        texts = plain
    values = {names[i]: " ".join(texts[i].split()) for i in slots}
    return Request(" ".join("".join(texts).split()), values)


def _noisy(texts: list[str], language: Language, words: Words, rng: random.Random) -> list[str]:
    """Return the pieces with politeness, typos and the rest; odd pieces (slot values) only change case and accents."""
    if rng.random() < 0.12:
        texts = [_typo(t, rng) if i % 2 == 0 else t for i, t in enumerate(texts)]
    if rng.random() < 0.35:
        texts[-1] = texts[-1].rstrip(".!?")
    if rng.random() < 0.3:
        texts[0] = texts[0].lstrip("¿¡")
    if rng.random() < 0.2:
        texts[0] = f"{rng.choice(_BEFORE[language])} {texts[0]}"
    if rng.random() < 0.2:
        texts[-1] = f"{texts[-1]}{rng.choice((' ', ', '))}{rng.choice(_BEHIND[language])}"
    if rng.random() < 0.08:
        aside = " ".join(words.word(language, rng) for _ in range(rng.randint(1, 5)))
        texts = [f"{aside}. {texts[0]}", *texts[1:]] if rng.random() < 0.5 else [*texts[:-1], f"{texts[-1]} {aside}"]
    return _cased(texts, language, rng)


def _cased(texts: list[str], language: Language, rng: random.Random) -> list[str]:
    at = rng.random()
    if at < 0.2:
        texts = [t.lower() for t in texts]
    elif at < 0.22:
        texts = [t.upper() for t in texts]
    elif at < 0.5 and texts[0]:
        texts[0] = texts[0][:1].upper() + texts[0][1:]
    if language == "es" and rng.random() < 0.25:
        texts = [without_accents(t) for t in texts]
    return texts


def without_accents(text: str) -> str:
    """Return the text without accents ("ñ" becomes "n")."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _typo(text: str, rng: random.Random) -> str:
    if len(text) < 5:
        return text
    at = rng.randrange(1, len(text) - 2)
    if not (text[at].isalpha() and text[at + 1].isalpha()):
        return text
    kind = rng.randrange(3)
    middle = (text[at + 1] + text[at], text[at] * 2 + text[at + 1], text[at])[kind]
    return text[:at] + middle + text[at + 2 :]


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return an argument with its slots filled; one that is a number is a number."""
    if isinstance(value, str):
        text = SLOT.sub(lambda m: values.get(m[1], m[0]), value)
        return number(text) if SLOT.fullmatch(value.lstrip("-")) and "degrees" in value else text
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    return value


def number(text: str) -> int | float:
    """Return the number a text says, an int where it is whole."""
    return float(text) if "." in text else int(text)
