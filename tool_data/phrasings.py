"""Authored phrasings: what people type, and the steps each request stands for.

A folder holds TOML files of `[[intents]]`; every slot used in an intent's arguments stands in every phrasing. A
`[[pictures]]` row is an intent for each kind of picture: the same words, other steps.
"""

import json
import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skills.errors import InputError

FOLDER = Path(__file__).parent / "phrasings"
"""The phrasings this repository ships."""

Language = Literal["en", "es"]
"""Languages requests are written in."""

LANGUAGES: tuple[Language, ...] = ("en", "es")
"""Both of them."""

SLOT = re.compile(r"\{(\w+)\}")
"""A slot of a phrasing: "{object}"."""

HELD_BACK = 10
"""One phrasing in this many is never trained on, for measuring."""


@dataclass(frozen=True)
class Call:
    """One step of an intent."""

    skill: str
    """The contract's name of the skill."""
    args: Mapping[str, Any]
    """Arguments; "$1" is what step 1 made, "$mark" what the user drew, "{slot}" is filled."""


@dataclass(frozen=True)
class Intent:
    """A thing people want, and how they say it."""

    steps: tuple[Call, ...]
    """The calls, in order; none for chat without a skill."""
    phrasings: Mapping[Language, tuple[str, ...]]
    """Language -> requests with slots."""
    answer: Mapping[Language, tuple[str, ...]]
    """Language -> answers, where the author gave them."""
    source: str
    """File the intent comes from, "a/crop.toml"."""
    extra: Mapping[str, Any]
    """The intent's other keys."""

    def slots(self) -> set[str]:
        """Return the slots its arguments use."""
        return set(SLOT.findall(json.dumps([dict(step.args) for step in self.steps])))

    def pool(self, language: Language, *, held_back: bool) -> tuple[str, ...]:
        """Return the phrasings of one language that are trained on, or those that are held back."""
        return tuple(p for p in self.phrasings[language] if is_held_back(p) == held_back)


def is_held_back(phrasing: str) -> bool:
    """Return whether a phrasing is one of those kept for measuring; depends on its text alone."""
    return zlib.crc32(phrasing.encode()) % HELD_BACK == 0


def load_intents(folder: Path) -> list[Intent]:
    """Return every intent of a folder's files and its subfolders'.

    Raises InputError that names the file and what is wrong with it.
    """
    intents: list[Intent] = []
    for path in sorted(folder.rglob("*.toml")):
        name = path.relative_to(folder).as_posix()
        rows = read_toml(path)
        intents.extend(_intent(row, name) for row in rows.get("intents", []))
        for row in rows.get("pictures", []):
            intents.extend(
                _intent({**row, "steps": steps, "picture": kind}, name) for kind, steps in row["steps"].items()
            )
    return intents


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content; raises InputError with the place where it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read as TOML: {error}; mend the file") from None


def _intent(row: dict[str, Any], source: str) -> Intent:
    known = {"steps", "en", "es", "answer"}
    intent = Intent(
        steps=tuple(Call(step["skill"], step.get("args", {})) for step in row.get("steps", [])),
        phrasings={language: tuple(row.get(language, ())) for language in LANGUAGES},
        answer=_per_language(row.get("answer", {})),
        source=source,
        extra={key: value for key, value in row.items() if key not in known},
    )
    for problem in problems(intent):
        raise InputError(f"{source}: {problem}")
    return intent


def _per_language(written: Mapping[str, Any]) -> dict[Language, tuple[str, ...]]:
    """Return language -> texts, of one text or a list for each."""
    texts = {language: written.get(language, ()) for language in LANGUAGES}
    return {k: (v,) if isinstance(v, str) else tuple(v) for k, v in texts.items()}


def problems(intent: Intent) -> Iterator[str]:
    """Yield what is wrong with an intent, one line each."""
    used = intent.slots()
    for language, phrasings in intent.phrasings.items():
        for phrasing in phrasings:
            if used - set(SLOT.findall(phrasing)):
                yield f"{phrasing!r} lacks {sorted(used - set(SLOT.findall(phrasing)))}; write each slot once"
            if not phrasing.strip():
                yield f"an empty phrasing among those in {language!r}; remove it"
    if not any(intent.phrasings.values()):
        yield "an intent without phrasings; give `en` or `es`"
