"""What requests for a new skill are worded with, read from `learn.toml`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tool_data.language import language_of
from tool_data.phrasings import LANGUAGES, Language, read_toml
from tool_data.split import tokens

Texts = Mapping[Language, Sequence[str]]
"""Language -> texts."""

_CLAUSE = re.compile(
    r"(what|where|which|who|whose|how|when|whether|if|qué|que|dónde|cuál|quién|cómo|cuánt\w+|si)\b", re.I
)


@dataclass(frozen=True)
class Bank:
    """The words of `learn.toml`."""

    frames: Mapping[str, Texts]
    """"found", "told" or "made" -> requests about "{o}", a thing."""
    clauses: Texts
    """Requests about "{o}", a clause."""
    values: Texts
    """A request "{c}" with a value "{p}" that it does not mention."""
    options: Texts
    """What is said behind a request of an optional argument "{n}" with the value "{p}"."""
    marked: Texts
    """What is said behind a request about what the user marked."""
    openings: Texts
    """What is said before an imperative."""
    purposes: Texts
    """What is said behind a request."""
    verbs: Mapping[Language, Sequence[Sequence[str]]]
    """Verbs that ask for the same, together."""
    lists: Sequence[Mapping[str, Any]]
    """Values of arguments: "names" of arguments, "en" and "es"."""

    def listed(self, name: str) -> Mapping[str, Any]:
        """Return the list for an argument of that name ("names", "en", "es"), empty where there is none."""
        return next((row for row in self.lists if name.lower() in row["names"]), {})

    def language(self, text: str) -> Language:
        """Return the language of a request; where its words do not tell, that of its verb, else English."""
        found = language_of(text)
        if found in LANGUAGES:
            return "es" if found == "es" else "en"
        first = (tokens(text) or [""])[0]
        spanish = {tokens(verb)[0] for group in self.verbs["es"] for verb in group}
        return "es" if first in spanish else "en"

    def verb_of(self, text: str, language: Language) -> str:
        """Return the known verb a request begins with, or ""."""
        known = {verb for group in self.verbs[language] for verb in group}
        fitting = [verb for verb in known if text.lower().startswith(f"{verb} ")]
        return text[: max(map(len, fitting))] if fitting else ""

    def like(self, verb: str, language: Language) -> tuple[str, ...]:
        """Return the other verbs that ask for the same, sorted: of the groups a verb heads, else of all it is in."""
        held = [group for group in self.verbs[language] if verb.lower() in group]
        headed = [group for group in held if group[0] == verb.lower()]
        return tuple(sorted({other for group in headed or held for other in group} - {verb.lower()}))


def is_clause(thing: str) -> bool:
    """Return whether what a request is about is a clause ("what is red") rather than a thing ("red things")."""
    return _CLAUSE.match(thing) is not None


@lru_cache(maxsize=1)
def bank(path: Path = Path(__file__).parent / "learn.toml") -> Bank:
    """Read the words; raises InputError where the file cannot be read."""
    told = read_toml(path)
    return Bank(**told)
