"""What chats are worded with: answers, chat without a skill, and the words that fill slots."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .phrasings import LANGUAGES, Language, is_held_back, read_toml
from .requests import Words

Answers = Mapping[str, Mapping[Language, Sequence[str]]]
"""Key -> language -> answers; "$boxes" stands for the turn's newest boxes, "$error" for the failed call's."""

Talk = Mapping[Language, Mapping[str, Sequence[str]]]
"""Language -> answer -> the requests that need no skill and are answered so."""

PLACE = re.compile(r"\$([a-z]+)")
"""A place in an answer that an id is put into."""

_LISTS = {
    "object": "objects",
    "class": "classes",
    "prompt": "prompts",
    "instruction": "instructions",
    "query": "queries",
}


def load_answers(*paths: Path) -> Answers:
    """Read answer files; keys are "blur", "find_faces+blur", "detect.empty", "chain.detect.empty", "error.failed"."""
    found: dict[str, Mapping[Language, Sequence[str]]] = {}
    for path in paths:
        for name, row in read_toml(path).items():
            if name == "chain":
                found.update(
                    {f"{a}+{b}": _both(texts, "done_") for a, rest in row.items() for b, texts in rest.items()}
                )
            elif name == "chain_empty":
                found.update({f"chain.{skill}.empty": _both(texts, "") for skill, texts in row.items()})
            elif isinstance(row, Mapping):
                kinds = {key.rpartition("_")[0] for key in row}
                found.update({_key(name, kind): _both(row, f"{kind}_") for kind in kinds})
    return found


def _key(name: str, kind: str) -> str:
    return name if kind == "done" else f"{name}.{kind}"


def _both(row: Mapping[str, Any], prefix: str) -> dict[Language, Sequence[str]]:
    return {language: tuple(row[f"{prefix}{language}"]) for language in LANGUAGES}


def load_talk(folder: Path, *, held_back: bool) -> Talk:
    """Read every `no_tool.toml` below a folder, all of it but the requests kept for measuring, or only those."""
    found: dict[Language, dict[str, list[str]]] = {language: {} for language in LANGUAGES}
    for row in [row for path in sorted(folder.rglob("no_tool.toml")) for row in read_toml(path)["intents"]]:
        for language in LANGUAGES:
            requests = [text for text in row[language] if is_held_back(text) == held_back]
            for answer in row[f"answer_{language}"] if requests else ():
                found[language].setdefault(answer, []).extend(requests)
    return found


def load_words(paths: Sequence[Path], vocabulary: Mapping[Language, Sequence[str]]) -> Words:
    """Read the words that fill slots; `vocabulary` are single words for values nobody thought of."""
    files = [read_toml(path) for path in paths]
    return Words(
        {
            slot: {n: tuple(value for lists in files for value in lists[f"{plural}_{n}"]) for n in LANGUAGES}
            for slot, plural in _LISTS.items()
        },
        vocabulary,
    )
