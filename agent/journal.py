"""A trace on disk: one JSON line per event (trace, turn, step, end) beside the store of payloads.

Every line is flushed to the disk before the next event is worked on: a crash loses at most the step under way.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from skills import InputError
from skills.store import Artifact

from .trace import Step, Trace, Turn

FILE = "trace.jsonl"
"""The log's name in a trace's folder."""


class Journal:
    """Appends the events of one trace to its log."""

    def __init__(self, folder: Path) -> None:
        """Open the log in `folder`; the folder is made, an old log is continued."""
        self.path = folder / FILE
        self._known: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            heal(self.path)
        except OSError as error:
            raise InputError(f"cannot write to {str(folder)!r}: {error.strerror}; name another folder") from None

    def trace(self, trace: Trace) -> None:
        """Log the head: id and meta."""
        self._write("trace", schema=trace.schema_, id=trace.id, meta=trace.meta.model_dump(mode="json"))

    def turn(self, trace: Trace) -> None:
        """Log the newest turn's request."""
        self._write("turn", turn=trace.turn.model_dump(mode="json"), artifacts=self._new(trace))

    def step(self, trace: Trace) -> None:
        """Log the newest step."""
        self._write(
            "step", at=len(trace.turns), step=trace.turn.steps[-1].model_dump(mode="json"), artifacts=self._new(trace)
        )

    def end(self, trace: Trace) -> None:
        """Log how the newest turn ended."""
        ended = trace.turn.model_dump(mode="json", include={"answer", "citations", "stop_reason", "notes", "feedback"})
        self._write("end", at=len(trace.turns), **ended)

    def whole(self, trace: Trace) -> None:
        """Log a trace that is already complete, event by event."""
        self.trace(trace)
        for number, turn in enumerate(trace.turns):
            head = turn.model_copy(update={"steps": (), "answer": "", "citations": (), "stop_reason": None})
            partial = trace.model_copy(update={"turns": (*trace.turns[:number], head)})
            self.turn(partial)
            for step in turn.steps:
                self.step(partial.with_step(step, trace.artifacts))
            self.end(trace.model_copy(update={"turns": trace.turns[: number + 1]}))

    def _new(self, trace: Trace) -> dict[str, Any]:
        """Return the records of artifacts that are not in the log yet."""
        new = {name: record for name, record in trace.artifacts.items() if name not in self._known}
        self._known.update(new)
        return {name: record.model_dump(mode="json") for name, record in new.items()}

    def _write(self, event: str, **content: Any) -> None:
        append(self.path, {"event": event, **content})


def heal(path: Path) -> None:
    """End a line that a crash cut short, so that the next one starts a line of its own."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")


def append(path: Path, content: Mapping[str, Any]) -> int:
    """Write one line of JSON to the disk before returning the byte it begins at; a full disk leaves no half line."""
    with path.open("a", encoding="utf-8") as file:
        start = file.tell()
        try:
            file.write(json.dumps(content, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, start)
            raise
    return start


@dataclass(frozen=True)
class Loaded:
    """A trace read from disk."""

    trace: Trace
    """What could be read."""
    problems: tuple[str, ...]
    """Lines that could not be, each with its number; the rest was kept."""


def load(path: Path) -> Loaded:
    """Fold a log (or its folder) into its trace.

    A damaged line is reported and left out. Raises InputError where there is no log or no line of it is a trace's head.
    """
    log = path / FILE if path.is_dir() else path
    if not log.is_file():
        raise InputError(f"no trace at {str(path)!r}; expected a folder with {FILE}")
    trace: Trace | None = None
    problems: list[str] = []
    for number, line in enumerate(log.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            trace = _fold(trace, json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            problems.append(f"line {number} of {str(log)!r} could not be read ({_short(error)}); the rest was kept")
    if trace is None:
        raise InputError(f"{str(log)!r} holds no trace; its first line should be the event 'trace'")
    return Loaded(trace, tuple(problems))


def _fold(trace: Trace | None, line: dict[str, Any]) -> Trace:
    event = line.pop("event")
    if event == "trace":
        return Trace.model_validate(line)
    if trace is None:
        raise ValueError(f"event {event!r} before the event 'trace'")
    records = {name: Artifact.model_validate(item) for name, item in line.pop("artifacts", {}).items()}
    known = {**trace.artifacts, **records}
    at = line.pop("at", len(trace.turns))
    while len(trace.turns) < at:
        trace = trace.with_turn(Turn(request="", notes=("the log of this turn's request is damaged",)), known)
    if event == "turn":
        return trace.with_turn(Turn.model_validate(line["turn"]), known)
    if event == "step":
        return trace.with_step(Step.model_validate(line["step"]), known)
    if event == "end":
        kept = Turn.model_validate({**trace.turn.model_dump(), **line})
        return trace.with_end(**{name: getattr(kept, name) for name in line})
    raise ValueError(f"unknown event {event!r}")


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {error}"
