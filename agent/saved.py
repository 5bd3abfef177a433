"""Traces as files for people: a folder with trace.jsonl and every value by its id; and finding a trace again."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from skills import InputError
from skills.store import Artifact, Artifacts, Store

from .home import kept, trace_folder
from .journal import FILE, Journal, load
from .trace import Trace

_ID = re.compile(r"(img|boxes|mask|text|points|num)_[1-9]\d*")


def file_name(artifact_id: str, record: Artifact) -> str:
    """Return the name of a value's file: "img_2.png", "boxes_1.json".

    Raises InputError for an id that no trace of ours holds.
    """
    if not _ID.fullmatch(artifact_id):
        raise InputError(f"{artifact_id!r} is no id of a value; the trace was made by something else")
    return f"{artifact_id}.{'png' if record.media_type == 'image/png' else 'json'}"


def prepare(folder: Path) -> None:
    """Make sure a folder can be written to, before a turn is run for it; raises InputError where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"cannot save to {str(folder)!r}: {error.strerror}; name another folder") from None


def save(folder: Path, trace: Trace, artifacts: Artifacts) -> dict[str, Path]:
    """Write trace.jsonl and one file a value; return id -> file. An earlier trace in the folder is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    written = {}
    for name, record in trace.artifacts.items():
        written[name] = folder / file_name(name, record)
        written[name].write_bytes(artifacts.store.payload(record.sha256))
    Journal(folder).whole(trace)
    return written


def _clear(folder: Path) -> None:
    """Remove the files of an earlier trace, so that what is left belongs to the new one."""
    log = folder / FILE
    if not log.exists():
        return
    try:
        records = load(folder).trace.artifacts
    except InputError:
        records = {}
    for name, record in records.items():
        (folder / file_name(name, record)).unlink(missing_ok=True)
    log.unlink()


class SavedStore(Store):
    """The values that `save` wrote, found by their hash."""

    def __init__(self, folder: Path, records: Mapping[str, Artifact]) -> None:
        """Open a folder that holds the values of `records`."""
        super().__init__(folder)
        self._names = {record.sha256: file_name(name, record) for name, record in records.items()}

    def path(self, digest: str) -> Path:
        """Return where a payload lies."""
        return super().path(self._names.get(digest, digest))


@dataclass(frozen=True)
class Opened:
    """A trace found again."""

    trace: Trace
    """The trace."""
    store: Store
    """Its values."""
    problems: tuple[str, ...] = ()
    """Lines that could not be read; the rest was kept."""


def open_trace(where: str) -> Opened:
    """Open a trace: a folder, a trace.jsonl, a batch's output (FILE.jsonl or FILE.jsonl#ROW) or an id under home.

    Raises InputError where there is none, or several and none was named.
    """
    path, row = Path(where), ""
    if not path.exists() and "#" in where:
        name, _, row = where.rpartition("#")
        path = Path(name)
    if path.is_dir():
        return _from_log(path)
    if path.is_file():
        return _from_rows(path, row) if _is_rows(path) else _from_log(path)
    if re.fullmatch(r"\w[\w.-]*", where) and trace_folder(where).is_dir():
        return _from_log(trace_folder(where))
    newest = ", ".join(item.id for item in kept()[-3:])
    raise InputError(
        f"no trace at {where!r}; expected a folder with {FILE}, a batch's output or the id of a kept trace"
        + (f" (the newest: {newest})" if newest else "")
    )


def _from_log(path: Path) -> Opened:
    loaded = load(path)
    folder = path if path.is_dir() else path.parent
    return Opened(loaded.trace, _store(folder, folder / "store", loaded.trace), loaded.problems)


def _is_rows(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline()
    return b'"schema"' in first and b'"event"' not in first[:20]


def _from_rows(path: Path, row: str) -> Opened:
    rows, problems = read_rows(path)
    chosen = [trace for trace in rows if trace.id == row] if row else rows
    if len(chosen) != 1:
        ids = ", ".join(trace.id for trace in rows[:5])
        what = f"no row {row!r}" if row else f"{len(rows)} rows"
        raise InputError(f"{str(path)!r} holds {what}; name one as {path.name}#ROW, e.g. of {ids}")
    return Opened(chosen[0], _store(path.parent, store_of(path), chosen[0]), tuple(problems))


def read_rows(path: Path) -> tuple[list[Trace], list[str]]:
    """Read a batch's output: its traces, and a line about each one that is damaged."""
    rows: list[Trace] = []
    problems: list[str] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(Trace.from_json(line))
        except (ValidationError, json.JSONDecodeError):
            problems.append(f"line {number} of {str(path)!r} is no trace; the rest was kept")
    return rows, problems


def store_of(path: Path) -> Path:
    """Return the folder of the values of a batch's output: OUT.jsonl -> OUT.store."""
    return path.with_suffix(".store")


def _store(folder: Path, payloads: Path, trace: Trace) -> Store:
    """Return the first of a trace's own store, files by id, and what is kept at home under its id."""
    if payloads.is_dir():
        return Store(payloads)
    if any((folder / file_name(name, record)).is_file() for name, record in trace.artifacts.items()):
        return SavedStore(folder, trace.artifacts)
    at_home = trace_folder(trace.id) / "store" if re.fullmatch(r"\w[\w.-]*", trace.id) else payloads
    return Store(at_home)
