"""A turn as a command runs it: in a thread of its own, so that Ctrl-C is heard whatever hangs."""

import errno
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from skills import Cancel, InputError

from .events import Event, TurnEnded

GRACE = 3.0
"""Seconds a turn has to end by itself after Ctrl-C."""

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


class Stopped(Exception):
    """The user pressed Ctrl-C; the trace holds what was done until then."""


class Bug(Exception):
    """A bug in a skill or planner ended the turn; it is this error's cause."""


@contextmanager
def interruptible() -> Iterator[Cancel]:
    """Give a Cancel that the first Ctrl-C sets; a second ends the process at once."""
    cancel = Cancel()

    def stop(signum: int, frame: FrameType | None) -> None:
        if cancel.cancelled:
            os._exit(130)
        cancel.set()

    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


def relay(start: Callable[[], Iterator[Event]], cancel: Cancel) -> Iterator[Event]:
    """Run a turn in a daemon thread and yield its events here.

    Raises Stopped once `cancel` is set and the turn has ended or `GRACE` seconds went by, Bug where a skill or a
    planner broke, OSError where the disk is full, and InputError as the turn does.
    """
    events: queue.Queue[Event | BaseException | None] = queue.Queue()

    def work() -> None:
        try:
            for event in start():
                events.put(event)
            events.put(None)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            events.put(error)

    threading.Thread(target=work, name="turn", daemon=True).start()
    broken = False
    for item in _until_stopped(events, cancel):
        if isinstance(item, BaseException):
            if _expected(item, broken):
                raise item
            raise Bug(f"{type(item).__name__}: {item}") from item
        broken = isinstance(item, TurnEnded) and item.trace.turn.stop_reason is None
        yield item
    if cancel.cancelled:
        raise Stopped


def _until_stopped(
    events: "queue.Queue[Event | BaseException | None]", cancel: Cancel
) -> Iterator[Event | BaseException]:
    """Yield what comes until None; raises Stopped where it does not come in time after Ctrl-C."""
    until: float | None = None
    while True:
        if cancel.cancelled:
            until = until or time.monotonic() + GRACE
            if time.monotonic() > until:
                raise Stopped
        try:
            item = events.get(timeout=0.05)
        except queue.Empty:
            continue
        if item is None:
            return
        yield item


def _expected(error: BaseException, broken: bool) -> bool:
    """Return whether an error is the input's or the disk's rather than a bug; `broken` after a turn that broke."""
    return isinstance(error, InputError) or (isinstance(error, OSError) and (not broken or error.errno in _DISK))
