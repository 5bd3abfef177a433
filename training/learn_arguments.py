"""Which words of an example are arguments: a choice, a number, the one span in the user's own words.

An example is a request without its call. What the schema and the other examples tell is enough for one open argument;
what they do not tell is never guessed: `Underived` says why, and `--examples FILE` takes requests with their calls.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skills import Param
from skills.registry import AnySkill
from tool_data.phrasings import LANGUAGES, SLOT
from tool_data.split import tokens

from .learn_values import NUMERIC, OPEN, shown
from .learn_words import bank

_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:[.,]\d+)?(?![\w]|[.,]\d)")
_QUOTED = re.compile(r"[\"“«']([^\"“”«»']+)[\"”»'](?!\w)")
_EXPRESSION = re.compile(r"[\d(][\d\s.,+\-*/^()%x×÷]*[\d)%]")
_BEFORE = re.compile(
    r"(?:\b(?:in|into|for|about|of|to|on|called|named|with|at|from|en|de|del|para|sobre|a|al|con|por|llamad[oa])\b|:)\s+",
    re.I,
)
_BEHIND = re.compile(r"(?:\s*[,(]?\s*\b(?:in|into|to|as|with|en|a|al|como|con|de)?\s*\{\w+\}\)?)+\s*[.!?]*$", re.I)
_ENDS = re.compile(r"^[\s,.;:!?¿¡]+|[\s,.;:!?]+$|,?\s*\b(?:please|thanks|por favor|gracias)\b[\s.!?]*$", re.I)

_SEVERAL = re.compile(r",|\b(?:and|or|y|e|o|u)\b", re.I)
"""What stands between the items of a list."""

LONGEST = 10
"""Words of the longest span that is taken for an argument."""


class Underived(ValueError):
    """An example whose call cannot be told from its words; the message is the reason."""


@dataclass(frozen=True)
class Derived:
    """An example with its call."""

    text: str
    """The request with a slot for every value: "the weather in {place}"."""
    args: Mapping[str, object]
    """The call's arguments; "{place}" is what stands there, "$mark" what the user marked."""
    values: Mapping[str, str]
    """Slot -> the example's own value."""


def derive(skill: AnySkill, example: str, siblings: Sequence[str] = ()) -> Derived:
    """Return an example with its call; `siblings` are the skill's other examples. Raises Underived."""
    if not tokens(example):
        raise Underived("it holds no word")
    if SLOT.search(example):
        raise Underived("it holds a word in braces")
    reading = _Reading(example)
    for param in skill.params:
        if param.kind == "choice":
            reading.choice(param)
    numeric = [p for p in skill.params if p.kind in NUMERIC]
    wanted = [p for p in numeric if p.required] or numeric
    if len(wanted) == 1:
        reading.number(wanted[0])
    words = [p for p in skill.params if p.kind in OPEN]
    for param in words:
        reading.listed(param)
    missing = [p for p in words if p.required and p.name not in reading.args]
    if len(missing) > 1:
        raise Underived(f"which words are {missing[0].name!r} and which {missing[1].name!r} is not told")
    if missing:
        reading.span(missing[0], skill, siblings)
    return _with_marks(skill, reading)


def _with_marks(skill: AnySkill, reading: "_Reading") -> Derived:
    regions = [p for p in skill.params if p.kind in ("region", "regions") and p.required]
    if len(regions) > 1:
        raise Underived("it needs two regions, and a user marks one")
    args = {**reading.args, **{p.name: "$mark" for p in regions}}
    for param in skill.params:
        if param.required and param.name not in args:
            raise Underived(f"its words do not tell {param.name!r}")
    return Derived(reading.text, args, reading.values)


class _Reading:
    """An example while its values are replaced by slots."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.args: dict[str, object] = {}
        self.values: dict[str, str] = {}

    def _put(self, param: Param, begin: int, end: int) -> None:
        if param.kind == "list" and _SEVERAL.search(self.text[begin:end]):
            raise Underived(f"where each of the several values of {param.name!r} ends is not told")
        slot = f"{{{param.name}}}"
        self.values[param.name] = self.text[begin:end]
        self.text = self.text[:begin] + slot + self.text[end:]
        self.args[param.name] = [slot] if param.kind == "list" else slot

    def choice(self, param: Param) -> None:
        found = [
            match
            for choice in sorted(param.choices, key=len, reverse=True)
            if (match := _word(shown(choice), self.text)) is not None
        ]
        if len(found) == 1:
            self._put(param, *found[0].span())

    def number(self, param: Param) -> None:
        found = list(_NUMBER.finditer(self.text))
        if len(found) == 1:
            self._put(param, *found[0].span())

    def listed(self, param: Param) -> None:
        """Take a value of the argument's own list, where one stands in the text."""
        row = bank().listed(param.name)
        values = sorted({v for language in LANGUAGES for v in row.get(language, ())}, key=len, reverse=True)
        found = next((match for value in values if (match := _word(value, self.text)) is not None), None)
        if found is not None:
            self._put(param, *found.span())

    def span(self, param: Param, skill: AnySkill, siblings: Sequence[str]) -> None:
        found = _expression(self.text) if param.kind == "expression" else _span(self.text, skill, siblings)
        if found is None:
            raise Underived(f"which of its words are {param.name!r} is not told; put them in quotes")
        self._put(param, *found)


def _word(value: str, text: str) -> re.Match[str] | None:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE)


def _expression(text: str) -> tuple[int, int] | None:
    match = _EXPRESSION.search(text)
    return match.span() if match else None


def _span(text: str, skill: AnySkill, siblings: Sequence[str]) -> tuple[int, int] | None:
    """Return where the words of the one open argument stand: in quotes, where examples differ, behind a preposition.

    Else, where the request begins with a verb of the skill's name or description, all that stands behind the verb.
    """
    if quoted := _QUOTED.search(text):
        return quoted.span(1)
    end = behind.start() if (behind := _BEHIND.search(text)) else len(text)
    begin = _differing(text, siblings)
    if begin is None:
        match = _BEFORE.search(text[:end])
        verbs = {*tokens(skill.name.replace("_", " ")), *tokens(skill.description)}
        first = text.split()[0]
        if match is not None:
            begin = match.end()
        elif set(tokens(first)) <= verbs or bank().verb_of(text, bank().language(text)):
            begin = len(first)
    return None if begin is None else _trimmed(text, begin, end)


def _differing(text: str, siblings: Sequence[str]) -> int | None:
    """Return where this example begins to differ from the one it shares two words or more with at the beginning."""
    words = text.split()
    shared = max((_shared(words, other.split()) for other in siblings), default=0)
    if shared < 2 or shared >= len(words):
        return None
    return len(" ".join(words[:shared]))


def _shared(words: Sequence[str], others: Sequence[str]) -> int:
    equal = [a.lower() == b.lower() for a, b in zip(words, others, strict=False)]
    return equal.index(False) if False in equal else 0


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int] | None:
    """Return the span without the marks and the politeness at its ends; None where it is empty, too long or a slot."""
    span = text[begin:end]
    while (match := _ENDS.search(span)) is not None:
        if match.start() == 0:
            begin += match.end()
            span = span[match.end() :]
        else:
            span = span[: match.start()]
    fits = span and len(span.split()) <= LONGEST and not SLOT.search(span)
    return (begin, begin + len(span)) if fits else None
