"""Passages of a folder's text files by BM25, the text search of `retrieve`.

Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond" (2009), in the package bm25s.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..context import Context
from ..errors import SkillError
from ..implementation import Implementation
from ..values import Line, Picture, Text
from ._folder import files_of, place
from ._passages import SUFFIXES, Passage, passages_of

LARGEST = 2_000_000
"""Bytes of the largest file that is searched."""

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


def _search(query: str | None, image: Picture | None, k: int, ctx: Context) -> Text:
    """Return the best passages; raises SkillError for a folder without text and for a search without words."""
    if query is None or not query.strip():
        asked = "a picture alone needs a picture index" if image else "nothing is asked"
        raise SkillError(f"{asked}; give a query in words")
    words = words_of(query)
    if not words:
        raise SkillError(f"{query!r} holds no word to search for; name what is sought")
    files = text_files(ctx.folder)
    if not files:
        kinds = ", ".join(SUFFIXES)
        raise SkillError(
            f"the folder {str(ctx.folder)!r} holds no text to search ({kinds}); name another with --folder DIR"
        )
    return Text(lines=passages(files, words, k, ctx), untrusted=True)


def text_files(folder: Path) -> list[Path]:
    """Return the files that are searched, by name; raises SkillError where there is no such folder."""
    return files_of(folder, SUFFIXES, LARGEST)


def passages(files: list[Path], words: list[str], k: int, ctx: Context) -> tuple[Line, ...]:
    """Return at most `k` lines "docs/x.md: passage" of files in `ctx.folder`, best first; none where no word occurs.

    The index is kept until a file changes.
    """
    stamp = "\n".join(f"{path}|{path.stat().st_mtime_ns}|{path.stat().st_size}" for path in files)
    key = hashlib.sha256(stamp.encode()).hexdigest()[:16]
    index = ctx.model(f"retrieve:{ctx.folder}:{key}", lambda: _indexed(ctx.folder, files))
    return tuple(Line(text=f"{found.place}: {found.text}") for found in _best(index, words, k))


def _indexed(folder: Path, files: list[Path]) -> _Index:
    import bm25s

    passages: list[Passage] = []
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        passages += passages_of(text, place(folder, path), path.suffix.lower())
    tokens = [words_of(f"{passage.title} {passage.text}") for passage in passages]
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


def words_of(text: str) -> list[str]:
    """Split text into words: lower case, accents folded, common words dropped, plural s cut."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    words = [word for word in re.findall(r"\w+", plain) if word not in COMMON]
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words]


BM25 = Implementation(name="bm25", run=_search)
