"""The skill `retrieve`: text search over a local folder with BM25.

Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond" (2009), in the package bm25s.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..context import Context
from ..errors import SkillError
from ..spec import Words, skill
from ..values import Line, Picture, Text
from ._passages import SUFFIXES, Passage, passages_of

LARGEST, MOST_FILES = 2_000_000, 5_000
"""Bytes of the largest file that is searched, and how many files are."""

_COMMON = (
    "a an and are as at be by can do does for from how i in is it its me my of on or our that the this to was "
    "what when where which who why will with you your about there "
    "al como con cual cuando de del donde el ella en entre es esta este hay la las lo los mas me mi no o para pero "
    "por que quien se si sin sobre su sus un una uno unos y yo"
)
COMMON = frozenset(_COMMON.split())
"""Words that say nothing about what is sought, English and Spanish, accents folded."""


@dataclass(frozen=True)
class _Index:
    """A folder's passages and their BM25 weights."""

    passages: tuple[Passage, ...]
    """(N,) in the order of the files' names."""
    weights: Any
    """bm25s.BM25 over them; None where no passage has a word."""


@skill(examples=["what do the notes say about the warranty?", "look up the opening hours"])
def retrieve(
    query: Words | None = None,
    image: Picture | None = None,
    k: Annotated[int, Field(ge=1, le=20)] = 3,
    *,
    ctx: Context,
) -> Text:
    """Search local documents for passages about a query: facts, notes, manuals.

    Returns at most `k` lines "docs/x.md: passage", best first; none where no word of the query occurs. Searched are
    the text files of `ctx.folder`; upper case, accents and plural s do not matter. Raises SkillError for a folder
    that is missing or holds no text, and for a search without words.
    """
    if query is None or not query.strip():
        asked = "a picture alone needs a picture index" if image else "nothing is asked"
        raise SkillError(f"{asked}; give a query in words")
    words = _words(query)
    if not words:
        raise SkillError(f"{query!r} holds no word to search for; name what is sought")
    files = _files(ctx.folder)
    stamp = "\n".join(f"{path}|{path.stat().st_mtime_ns}|{path.stat().st_size}" for path in files)
    key = hashlib.sha256(stamp.encode()).hexdigest()[:16]
    index = ctx.model(f"retrieve:{ctx.folder}:{key}", lambda: _indexed(ctx.folder, files))
    found = _best(index, words, k)
    return Text(lines=tuple(Line(text=f"{p.place}: {p.text}") for p in found), untrusted=True)


def _files(folder: Path) -> list[Path]:
    """Return the folder's text files by name; hidden ones and links that lead outside are left out."""
    if not folder.is_dir():
        raise SkillError(f"there is no folder {str(folder)!r} to search; name one with --folder DIR")
    root = folder.resolve()
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and path.resolve().is_relative_to(root)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.stat().st_size <= LARGEST
    ]
    if not files:
        kinds = ", ".join(SUFFIXES)
        raise SkillError(
            f"the folder {str(folder)!r} holds no text to search ({kinds}); name another with --folder DIR"
        )
    return files[:MOST_FILES]


def _indexed(folder: Path, files: list[Path]) -> _Index:
    import bm25s

    passages: list[Passage] = []
    for path in files:
        place = f"{folder.resolve().name}/{path.relative_to(folder).as_posix()}"
        text = path.read_text(encoding="utf-8", errors="replace")
        passages += passages_of(text, place, path.suffix.lower())
    tokens = [_words(f"{passage.title} {passage.text}") for passage in passages]
    if not any(tokens):
        return _Index(tuple(passages), None)
    weights = bm25s.BM25()
    weights.index(tokens, show_progress=False)
    return _Index(tuple(passages), weights)


def _best(index: _Index, words: list[str], k: int) -> list[Passage]:
    """Return the passages that hold a word of the query, best first."""
    if index.weights is None:
        return []
    known = [word for word in words if word in index.weights.vocab_dict]
    if not known:
        return []
    scores = index.weights.get_scores(known)
    order = sorted(range(len(index.passages)), key=lambda n: (-scores[n], n))
    return [index.passages[n] for n in order[:k] if scores[n] > 0]


def _words(text: str) -> list[str]:
    """Split text into words: lower case, accents folded, common words dropped, plural s cut."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    words = [word for word in re.findall(r"\w+", plain) if word not in COMMON]
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words]
