"""How fast requests go out: evenly spaced over all threads, held back where the server asks for it."""

import threading
import time


class Stopped(Exception):
    """The run is ending; nothing new is begun."""


class Pace:
    """Spaces requests of many threads evenly, so many a minute."""

    def __init__(self, per_minute: float, stop: threading.Event) -> None:
        """Let `per_minute` requests begin in a minute; `stop` ends every wait."""
        self._gap, self._stop = 60.0 / per_minute, stop
        self._next = 0.0
        self._guard = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may begin; raises Stopped once the run is ending."""
        with self._guard:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap
        self.sleep(at - now)

    def hold(self, seconds: float) -> None:
        """Let nobody begin for some seconds, for the server asked so."""
        with self._guard:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait; raises Stopped once the run is ending."""
        if self._stop.wait(max(0.0, seconds)):
            raise Stopped
