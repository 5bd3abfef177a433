"""One visitor's chat: a worker thread answers, a generator tells what to show and ends soon after Stop."""

import logging
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from agent import Chat, StepEnded, Trace, TurnEnded
from agent.events import Event
from skills import Cancel, InputError, Picture
from skills.pictures import read_picture

from .files import Files
from .loader import LOADING, Loader
from .marking import Mark, Marking
from .view import Message, Running, messages

POLL = 0.1
"""Seconds between two updates; Stop is seen after at most this."""

GRACE = 1.5
"""Seconds a stopped turn has to end by itself before the page goes on without it."""

_LOG = logging.getLogger("handeye.demo")

Told: TypeAlias = "queue.Queue[Event | Exception | None]"
"""What a worker tells: events, the exception that ended it, None at its end."""


@dataclass(frozen=True)
class Shown:
    """What the page shows now."""

    messages: list[Message]
    """The whole chat."""
    running: bool
    """True while the turn goes on."""
    refill: tuple[str, tuple[Path, ...]] | None = None
    """Text and picture files to put back into the box, where the request could not be taken."""


@dataclass(frozen=True)
class Sent:
    """A request as it came."""

    text: str
    """What was written."""
    paths: tuple[Path, ...] = ()
    """The picture files, as uploaded."""
    names: tuple[str, ...] = ()
    """The names they are shown by (Files.keep)."""
    mark: Mark = ()
    """What was marked on the newest picture."""


class Session:
    """One visitor: a chat, its files, the mark drawn, and the turn under way."""

    def __init__(self, loader: Loader, root: Path) -> None:
        """Start a chat with files in a new folder of `root` whose name nobody can guess."""
        self.folder = root / f"handeye-{secrets.token_hex(16)}"
        self.folder.mkdir(parents=True)
        self.chat = Chat(loader.agent, folder=self.folder / "trace")
        self.marking = Marking()
        self.running = False
        self._files = Files(self.folder, self.chat.artifacts)
        self._loader = loader
        self._trace: Trace = self.chat.trace
        self._uploads: set[Path] = set()
        self._cancel = Cancel()
        self._thread: threading.Thread | None = None

    def stop(self) -> None:
        """Ask the turn under way to stop."""
        self._cancel.set()

    def close(self) -> None:
        """Stop, and delete the visitor's files and what was uploaded."""
        self.stop()
        for path in self._uploads:
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, name: str) -> Path | None:
        """Return the PNG that shows an artifact or a picture being sent; None where there is nothing to show."""
        return self._files.path(name, self._trace)

    @property
    def drawing(self) -> Path | None:
        """The PNG of the picture offered for marking with the mark on it; None before there is a picture."""
        drawn = self.marking.drawn
        return None if drawn is None else self._files.drawing(drawn)

    def look(self, paths: Sequence[Path]) -> None:
        """Offer the newest picture for marking: the last of `paths` that can be read, else the chat's newest."""
        if self.running:
            return
        for path in reversed(paths):
            read, _ = _read([path])
            if read:
                self.marking.show(str(path), read[0][1])
                return
        if newest := self.chat.artifacts.newest_picture():
            self.marking.show(newest, self.chat.artifacts.picture(newest))

    def ask(self, text: str, paths: Sequence[Path] = ()) -> Iterator[Shown]:
        """Answer a request, yielding what to show often enough for Stop to be seen; the last one is not running.

        Never raises for what a person gave: the chat says what was wrong and the request is put back. Closing the
        generator stops the turn.
        """
        if self.running:
            line = "the last request is still being worked on; press Stop first"
            yield self._shown(Running(text, line=line, failed=True), (text, tuple(paths)))
            return
        self.running, self._cancel = True, Cancel()
        try:
            yield from self._turn(text, paths)
        finally:
            self.running = False
            self.stop()

    def _turn(self, text: str, paths: Sequence[Path]) -> Iterator[Shown]:
        self._uploads.update(paths)
        read, wrong = _read(paths)
        if not text.strip():
            wrong.append('the request is empty; say what to do, e.g. "what does it say?"')
        wrong += self._misplaced(read)
        good = tuple(path for path, _ in read)
        if wrong:
            self.running = False
            yield self._shown(Running(text, line="\n".join(wrong), failed=True), (text, good))
            return
        sent = Sent(text, good, tuple(self._files.keep(picture) for _, picture in read), self.marking.clear())
        running = Running(text, sent.names)
        while self._thread is not None and self._thread.is_alive():
            running.line = "waiting for the stopped turn to end ..."
            yield self._shown(running)
            time.sleep(POLL)
        self._trace = self.chat.trace
        running.line = "" if self._loader.loaded else LOADING
        told = self._start(sent)
        yield self._shown(running)
        for _ in self._follow(told, running, sent):
            yield self._shown(running)
        refused = running.failed and bool(running.request)
        self.marking.mark = sent.mark if refused else self.marking.mark
        self.running = False
        yield self._shown(running, (text, good) if refused else None)

    def _shown(self, running: Running, refill: tuple[str, tuple[Path, ...]] | None = None) -> Shown:
        return Shown(messages(self._trace, running), self.running, refill)

    def _misplaced(self, read: Sequence[tuple[Path, Picture]]) -> list[str]:
        newest = str(read[-1][0]) if read else self.chat.artifacts.newest_picture()
        if not self.marking.mark or self.marking.key == newest:
            return []
        self.marking.clear()
        return ["the mark lies on another picture than the newest; mark the place again"]

    def _start(self, sent: Sent) -> Told:
        told: Told = queue.Queue()
        cancel = self._cancel

        def work() -> None:
            try:
                self._loader.wait()
                files = [path.read_bytes() for path in sent.paths]
                for event in self.chat.stream(sent.text, files, region=sent.mark or None, cancel=cancel):
                    told.put(event)
            except Exception as error:  # noqa: BLE001 - carried to the page
                told.put(error)
            told.put(None)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        return told

    def _follow(self, told: Told, running: Running, sent: Sent) -> Iterator[None]:
        """Take in what the worker tells; yield after each change, at most every POLL seconds."""
        left = GRACE
        while left > 0:
            time.sleep(POLL)
            items = [told.get() for _ in range(told.qsize())]
            for item in items:
                self._take(item, running, sent)
            if None in items:
                return
            left -= POLL if self._cancel.cancelled else 0
            if items:
                yield
        running.line = "■ stopped; what was under way ends in the background"

    def _take(self, item: Event | Exception | None, running: Running, sent: Sent) -> None:
        if isinstance(item, Exception):
            self._failed(item, running)
        elif item is not None:
            if isinstance(item, StepEnded | TurnEnded):
                self._trace = item.trace
                for name, artifact_id in zip(sent.names, item.trace.turn.images, strict=True):
                    self._files.rename(name, artifact_id)
            running.take(item)

    def _failed(self, error: Exception, running: Running) -> None:
        """Say why a turn could not start; one that a bug ended says so itself, in its notes."""
        if not isinstance(error, InputError):
            _LOG.error("a turn was ended by a bug", exc_info=error)
        if running.request:
            running.line, running.failed = _line(error), True


def _line(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"something broke: {type(error).__name__}: {error}"


def _read(paths: Sequence[Path]) -> tuple[list[tuple[Path, Picture]], list[str]]:
    """Return (path, picture) of every picture that can be read, and a line for each that cannot."""
    read: list[tuple[Path, Picture]] = []
    wrong: list[str] = []
    for path in paths:
        try:
            read.append((path, read_picture(path.read_bytes(), path.name)[0]))
        except (InputError, OSError) as error:
            wrong.append(str(error))
    return read, wrong
