"""What a mix leaves out: rows like a held-out request, rows that are there already, rows that would leak."""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from agent.saved import store_of
from agent.trace import Trace
from skills.store import Store

from .contamination import Heldout
from .jsonl import lines
from .looks import Looks
from .recipe import Duplicates, Recipe, Source
from .similar import Similar, counted, hashed, sequences
from .split import pictures_of, splits_of, tokens

SAMPLE = 1000
"""Rows of each source that are read ahead to tell common words."""

_NUMBERED = "img boxes mask text points num call"


@dataclass
class Screened:
    """The rows of one source, those that are kept and why the others are not."""

    source: Source
    """The source."""
    path: Path
    """Its file."""
    read: int = 0
    """Lines read."""
    kept: "array[int]" = field(default_factory=lambda: array("Q"))
    """Where the kept rows begin, in bytes."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Why a row was left out -> rows."""
    damaged: list[int] = field(default_factory=list)
    """Numbers of lines that are no Trace."""


class Seen:
    """Rows kept so far, searched for one that a new row repeats."""

    def __init__(self, rules: Duplicates, sample: Iterable[Trace] = ()) -> None:
        """Start empty; `sample` are rows like those to come, by which rare words are told from common ones."""
        self._rules = rules
        common = counted(item for trace in sample for item in _both(trace, pictures_of(trace)))
        self._by_text = Similar(rules.text or 1.0, common)
        self._by_both = Similar(rules.text_on_same_picture or 1.0, common)
        self._pictures: Counter[str] = Counter()
        self._looks = Looks(rules.picture_bits) if rules.picture_bits is not None else None

    def repeated(self, trace: Trace, store: Store) -> str:
        """Return which rule says that a row is there already, or ""; a row that is not is kept in mind.

        `store` holds the row's payloads.
        """
        rules, pictures = self._rules, pictures_of(trace)
        if self._looks is not None:
            pictures = tuple(dict.fromkeys(self._looks.name(picture, store) for picture in pictures))
        by_text, by_both = _both(trace, pictures)
        if rules.text is not None and self._by_text.near(by_text) is not None:
            return "near-duplicate text"
        if rules.text_on_same_picture is not None and self._by_both.near(by_both) is not None:
            return "near-duplicate text on the same picture"
        if rules.rows_per_picture is not None and any(self._pictures[p] >= rules.rows_per_picture for p in pictures):
            return "more rows with one picture than allowed"
        if rules.text is not None:
            self._by_text.add(by_text)
        if rules.text_on_same_picture is not None:
            self._by_both.add(by_both)
        self._pictures.update(pictures if rules.rows_per_picture is not None else ())
        return ""


def _both(trace: Trace, pictures: Sequence[str]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the word sequences of a row, and the same each with the row's pictures."""
    said, named = sequences(text_of(trace)), "\n".join(sorted(pictures))
    return hashed(said), hashed(f"{named}\t{item}" for item in said)


def text_of(trace: Trace) -> list[str]:
    """Return the words of a row: requests, calls with their arguments, answers; ids without their numbers."""
    said: list[str] = []
    for turn in trace.turns:
        calls = [call for step in turn.steps for call in step.output.calls]
        written = (f"{call.name} {json.dumps(call.args, ensure_ascii=False)}" for call in calls)
        answer = next((s.output.answer for s in reversed(turn.steps) if s.output.answer is not None), turn.answer)
        for part in (turn.request, *written, answer):
            said.extend(_numberless(token) for token in tokens(part))
    return said


def _numberless(token: str) -> str:
    name, _, number = token.rpartition("_")
    return name if number.isdigit() and name in _NUMBERED.split() else token


def screen(recipe: Recipe, folder: Path) -> tuple[list[Screened], int]:
    """Read every source once; return what of each is kept, and how many held-out requests there are.

    The same rows are kept whatever the weights and seeds are: of two that are alike the first of the recipe's first
    source stays. A row is in memory only while it is read. Raises InputError.
    """
    heldout = Heldout([folder / name for name in recipe.heldout.files], recipe.heldout.limit)
    seen = Seen(recipe.duplicates, _sample([folder / source.file for source in recipe.sources]))
    found = []
    for source in recipe.sources:
        screened = Screened(source, folder / source.file)
        store = Store(store_of(screened.path))
        for line in lines(screened.path):
            screened.read += 1
            why = _why(line.trace, heldout, seen, recipe.splits, store)
            if why:
                screened.left_out[why] += 1
            else:
                screened.kept.append(line.start)
            if line.trace is None:
                screened.damaged.append(line.number)
        found.append(screened)
    return found, heldout.count


def _sample(paths: Iterable[Path]) -> Iterator[Trace]:
    for path in paths:
        yield from (line.trace for line in islice(lines(path), SAMPLE) if line.trace is not None)


def _why(trace: Trace | None, heldout: Heldout, seen: Seen, splits: Mapping[str, float], store: Store) -> str:
    """Return why a row is left out, or ""."""
    if trace is None:
        return "no Trace"
    if heldout.holds(trace):
        return "near a held-out request"
    if splits and len(splits_of(trace, splits)) > 1:
        return "pictures of different splits"
    return seen.repeated(trace, store)
