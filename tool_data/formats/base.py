"""What every format has in common: rows read one at a time, a report of what was mended or refused."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.trace import Trace
from skills import InputError
from skills.store import HASH, Artifact

from ..checks.row import SIMULATED, is_simulated

Row = Mapping[str, Any]
"""One row of a data set, as JSON."""

CHUNK = 1 << 16
"""Characters of a JSON array read at a time."""


class Refused(ValueError):
    """A row that cannot be a Trace; its text says why and what was expected."""


@dataclass
class Report:
    """What became of a source's rows, in the order they were read."""

    read: int = 0
    """Rows read."""
    kept: int = 0
    """Rows that became a Trace."""
    repaired: list[tuple[str, str]] = field(default_factory=list)
    """(row, what was mended), one for each mend."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(row, why it was left out)."""

    def __str__(self) -> str:
        """Return the counts in one line."""
        mended = len({row for row, _ in self.repaired})
        return f"{self.read} rows read, {self.kept} kept ({mended} of them repaired), {len(self.refused)} refused"


@dataclass(frozen=True)
class Format:
    """One format: how a row becomes a Trace and, where it can, a Trace a row."""

    name: str
    """What `handeye data import` and `export` call it."""
    to_trace: Callable[[Row, str, Report], Trace]
    """(row, its name, the report that mends are noted in) -> Trace; raises Refused."""
    from_trace: Callable[[Trace], Row] | None = None
    """Trace -> row; raises Refused where the format cannot hold the trace. None: it is read only."""
    losses: tuple[str, ...] = ()
    """What a row of it cannot hold of a Trace, one line each."""
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None
    """How an object is read, as json's `object_pairs_hook`, where one may hold a key twice."""
    own: bool = False
    """True for our own Traces: they say themselves who made them, and defaults may be left out of a row."""


def read(path: Path, form: Format, report: Report) -> Iterator[Trace]:
    """Yield the Traces of a file in a format, one row in memory at a time.

    What is refused stands in `report`; nothing else is lost. Raises InputError for a file that is missing or whose
    JSON breaks off (the rows before the break are yielded first).
    """
    for number, row in enumerate(rows(path, form.pairs), start=1):
        name = f"{path.stem}-{number}"
        report.read += 1
        try:
            if not isinstance(row, Mapping):
                raise Refused(f"a row is a JSON object, this is {type(row).__name__}")
            trace = take(form, row, name, report)
        except Refused as refused:
            report.refused.append((name, str(refused)))
            continue
        report.kept += 1
        yield trace


def take(form: Format, row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row, held to its word: it can be saved, and gives back the row it was made of.

    Mends are noted in `report`. Raises Refused where the row is not of the format, could not be saved as JSON or, with
    nothing mended, would not be written back as it is.
    """
    noted = Report()
    try:
        trace = _marked(form, row, name, noted)
        trace.to_json()
        text = json.dumps(row, allow_nan=False)
        same = form.own or bool(noted.repaired) or json.dumps(written(form, trace), allow_nan=False) == text
    except Refused:
        raise
    except (ValueError, RecursionError) as error:
        raise Refused(
            "the row cannot be saved as a Trace; expected finite numbers, whole characters and few levels "
            f"({type(error).__name__}: {str(error)[:80]!r})"
        ) from None
    if not same:
        raise Refused("the row would not be written back as it is; expected no more than the keys of its format")
    report.repaired += noted.repaired
    return trace


def _marked(form: Format, row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row, simulated where the row says so."""
    if form.own or row.get(SIMULATED) is not True:
        return form.to_trace(row, name, report)
    rest = (form.pairs or dict)([(key, value) for key, value in row.items() if key != SIMULATED])
    trace = form.to_trace(rest, name, report)
    return trace.model_copy(update={"meta": trace.meta.model_copy(update={"planner": SIMULATED})})


def written(form: Format, trace: Trace) -> Row:
    """Return the row of a trace; one that is simulated says `"simulated": true` behind everything else.

    Raises Refused where the format cannot hold the trace.
    """
    if form.from_trace is None:
        raise Refused(f"the format {form.name!r} is only read; export another")
    row = form.from_trace(trace)
    if form.own or not is_simulated(trace):
        return row
    found: Row = (form.pairs or dict)([*row.items(), (SIMULATED, True)])
    return found


def rows(path: Path, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Iterator[Any]:
    """Yield the rows of a JSON-lines file, of a JSON array or of a parquet file, without reading it whole.

    `pairs` makes an object of its keys and values (`Format.pairs`). Raises InputError where there is no such file or
    the JSON breaks off, and says where.
    """
    if path.suffix == ".parquet":
        from .parquet import rows as parquet_rows

        yield from parquet_rows(path)
        return
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.read(1)
            while first.isspace():
                first = file.read(1)
            file.seek(0)
            decoder = json.JSONDecoder(object_pairs_hook=pairs)
            yield from _array(file, path, decoder) if first == "[" else _lines(file, path, decoder)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}; give a .json or .jsonl file") from None


def _lines(file: Any, path: Path, decoder: json.JSONDecoder) -> Iterator[Any]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield decoder.decode(line)
            except ValueError as error:
                raise InputError(f"line {number} of {str(path)!r} is no JSON: {error}; mend or remove it") from None


def _array(file: Any, path: Path, decoder: json.JSONDecoder) -> Iterator[Any]:
    """Yield the items of one JSON array; the text read ahead is never more than the longest item and a chunk."""
    text, count = file.read(CHUNK).lstrip()[1:], 0
    while True:
        text = text.lstrip(" \t\r\n,")
        if text.startswith("]"):
            if (text[1:] + file.read(CHUNK)).strip():
                raise InputError(
                    f"{str(path)!r} goes on after its list ended ({count} rows); expected one list, or a row a line"
                )
            return
        try:
            item, end = decoder.raw_decode(text)
            if end == len(text):
                raise ValueError("the item may go on")
        except ValueError as error:
            more = file.read(max(CHUNK, len(text)))
            if not more:
                raise InputError(f"{str(path)!r} breaks off after {count} rows: {error}; fetch it again") from None
            text += more
            continue
        yield item
        count += 1
        text = text[end:]


CITATIONS = (
    "citations: an answer is written as the user read it (`Turn.answer`), not as the planner wrote it ([text_1])"
)
"""What no format but our own holds, for `Format.losses`."""


def picture(path: str, name: str = "img_1") -> Artifact:
    """Return the record of a picture that a row names: by a SHA-256 where it lies in a store, else by its path."""
    if HASH.fullmatch(path):
        return Artifact(kind="picture", sha256=path, media_type="image/png", frame=name)
    return Artifact(kind="picture", sha256="", media_type="", frame=name, path=path)


def path_of(record: Artifact) -> str:
    """Return what a row names a picture by: its path in a data set, or the SHA-256 it lies in a store under."""
    return record.path or record.sha256
