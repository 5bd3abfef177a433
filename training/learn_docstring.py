"""Requests told by a skill's docstring and name: imperatives, and questions about what the skill is about."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from skills import Param
from skills.registry import AnySkill
from tool_data.phrasings import Language
from tool_data.returned import FOUND, returned

from .learn_arguments import Derived
from .learn_values import NUMERIC, OPEN
from .learn_words import bank, is_clause

_COORDINATED = re.compile(r"^(\w+) (?:and|or|y|o) (\w+) (.+)$")
_DETERMINER = re.compile(r"^(?:the|a|an|all|any|some|every|this|these|your)\s+", re.IGNORECASE)
_SPANISH = re.compile(r"^(?:todos|todas)\s+", re.IGNORECASE)
_ASKED = (
    re.compile(r"^(?:what is|what's|whats|how is|how's) (?:the )?(.+?)\??$", re.IGNORECASE),
    re.compile(r"^¿?(?:cuál es|cual es|qué es|cuánto es) (.+?)\??$", re.IGNORECASE),
    re.compile(r"^(?:where are|where is|where's) (?:the )?(.+?)\??$", re.IGNORECASE),
    re.compile(r"^¿?(?:dónde está|dónde están|donde esta|hay) (.+?)\??$", re.IGNORECASE),
)
_NO_THING = re.compile(r"\W*\{|(?:and|or|y|o|for|of|para|de|with|con|to|a)\b|[^\w¿]", re.IGNORECASE)
"""How begins what stands behind a verb and is no thing: with a value, another verb, a preposition, a mark."""

LONGEST = 9
"""Words of the longest thing that is put into other frames."""


WAYS = 2
"""Required arguments that are said in every way there is; further ones in one way each, else wordings explode."""


@dataclass(frozen=True)
class Phrase:
    """A request that begins with a verb."""

    verb: str
    """The verb."""
    thing: str
    """The rest: "red things", "the weather of {place}"."""

    def __str__(self) -> str:
        return f"{self.verb} {self.thing}"


def phrases(skill: AnySkill) -> list[Derived]:
    """Return the imperatives that a skill's docstring and name are, with their calls.

    An argument the docstring names ("of a place") stands there, another required one behind it. None where a required
    argument is a flag.
    """
    told = re.split(r"(?<=\w)[.!;](?:\s|$)|[(\n]", skill.description, maxsplit=1)[0].strip()
    told = re.sub(r"[{}]", "", told)  # a word in braces would be taken for a slot
    if not told or any(p.required and p.kind == "flag" for p in skill.params):
        return []
    language = bank().language(told)
    first, _, rest = told.partition(" ")
    match = _COORDINATED.match(told)
    pairs = [Phrase(match[1], match[3]), Phrase(match[2], match[3])] if match else []
    single = [Phrase(first, rest)] if rest else []
    texts = dict.fromkeys([*(str(phrase) for phrase in (*single, *pairs)), skill.name.replace("_", " ")])
    return [found for text in texts for found in _complete(skill, text.lower(), language)]


def _complete(skill: AnySkill, text: str, language: Language) -> Iterator[Derived]:
    """Yield a text with a slot for every required argument."""
    args: dict[str, object] = {}
    for param in skill.params:
        if not param.required or param.kind == "picture":
            continue
        if param.kind in ("region", "regions"):
            args[param.name] = "$mark"
            continue
        slot = f"{{{param.name}}}"
        args[param.name] = [slot] if param.kind == "list" else slot
        text = _mentioned(param, text)
    lacking = [p for p in skill.params if p.required and p.name in args and f"{{{p.name}}}" not in text]
    lacking = [p for p in lacking if p.kind not in ("region", "regions")]
    for said in _with_values(text, lacking, language, WAYS):
        yield Derived(said, args, {})


def _mentioned(param: Param, text: str) -> str:
    """Return a text with the first word that names an argument replaced by its slot."""
    names = {param.name.replace("_", " "), *bank().listed(param.name).get("names", ())}
    each = "|".join(sorted((re.escape(name) for name in names), key=len, reverse=True))
    words = rf"(?:\b(?:a|an|the|some|any|this|given|another|other|one|un|una|el|la|otro|otra)\s+)?\b(?:{each})s?\b"
    return re.sub(words, f"{{{param.name}}}", text, count=1)


def _with_values(text: str, lacking: Sequence[Param], language: Language, every: int) -> Iterator[str]:
    """Yield a text with the arguments it lacks said behind it: the first `every` of them in each way there is."""
    if not lacking:
        yield text
        return
    param, *more = lacking
    ways = bank().values[language] if param.kind in OPEN else bank().options[language]
    for way in ways if every else ways[:1]:
        name = param.name.replace("_", " ")
        said = way.replace("{p}", f"{{{param.name}}}").replace("{n}", name)
        whole = said.replace("{c}", text) if "{c}" in said else text + said
        yield from _with_values(whole, more, language, max(0, every - 1))


def things(texts: Sequence[tuple[str, Language]]) -> Mapping[str, Language]:
    """Return what requests are about -> their language: what stands behind a verb or behind "what is"."""
    found: dict[str, Language] = {}
    for text, language in texts:
        bare = text.strip(" .!?¿¡")
        verb = bank().verb_of(bare, language)
        asked = next((match for pattern in _ASKED if (match := pattern.match(bare))), None)
        thing = bare[len(verb) :].strip() if verb else asked[1] if asked else ""
        thing = (_DETERMINER if language == "en" else _SPANISH).sub("", thing)
        if thing and not _NO_THING.match(thing) and len(thing.split()) <= LONGEST:
            found.setdefault(thing, language)
    return found


def framed(skill: AnySkill, thing: str, language: Language) -> list[str]:
    """Return requests about a thing or a clause, as they fit what the skill returns."""
    if is_clause(thing):
        ways = bank().clauses[language]
    else:
        kinds = returned(skill)
        kind = "found" if set(kinds) & set(FOUND) else "made" if "picture" in kinds else "told"
        ways = bank().frames[kind][language]
    return [way.replace("{o}", thing) for way in ways]


def optional(skill: AnySkill) -> list[Param]:
    """Return the optional arguments that may be said behind a request: numbers and choices."""
    return [p for p in skill.params if not p.required and p.kind in (*NUMERIC, "choice")]
