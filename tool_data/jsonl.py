"""Files of Traces, one a line, read a line at a time: what cannot be read is told with its number."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from agent.trace import Trace
from skills import InputError


@dataclass(frozen=True)
class Line:
    """One line of a file."""

    number: int
    """From 1, blank lines counted."""
    start: int
    """Byte it begins at, for `at`."""
    trace: Trace | None
    """Its Trace, or None where it is none."""
    problem: str = ""
    """Why it is none."""


def lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file that are not blank, with a progress bar where a person watches.

    Raises InputError where there is no such file.
    """
    from tqdm import tqdm

    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}; give a .jsonl file of Traces") from None
    size, start = path.stat().st_size, 0
    with file, tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=None, leave=False) as bar:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _line(line, number, start)
            start += len(line)
            bar.update(len(line))


def _line(line: bytes, number: int, start: int) -> Line:
    try:
        return Line(number, start, Trace.from_json(line))
    except ValidationError as error:
        return Line(number, start, None, _problem(error))


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return f"it is no JSON: {first['msg'].removeprefix('Invalid JSON: ')}; mend or remove it"
    where = ".".join(str(part) for part in first["loc"]) or "the row"
    return f"it is no Trace: {where}: {first['msg']}; `handeye data import` reads other formats"


def at(path: Path, start: int) -> Trace:
    """Return the Trace whose line begins at a byte; raises pydantic.ValidationError where none does."""
    with path.open("rb") as file:
        file.seek(start)
        return Trace.from_json(file.readline())
