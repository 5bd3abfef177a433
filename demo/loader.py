"""The planner, loaded once in a thread for all visitors, so that the page opens at once."""

import threading

from agent import Agent

LOADING = "loading the planner ..."
"""Shown while it loads."""


class Loader:
    """Loads an agent's planner once."""

    def __init__(self, agent: Agent) -> None:
        """Take the agent; nothing is loaded yet."""
        self.agent = agent
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._loaded = False

    def start(self) -> threading.Thread:
        """Start loading, or loading again where it failed before; return the thread that loads."""
        with self._guard:
            if self._thread is None or (self._error is not None and not self._thread.is_alive()):
                self._error = None
                self._thread = threading.Thread(target=self._load, daemon=True)
                self._thread.start()
            return self._thread

    @property
    def loaded(self) -> bool:
        """True once the planner can be used."""
        return self._loaded

    def wait(self) -> None:
        """Wait until the planner is loaded; raises what loading raised."""
        self.start().join()
        if self._error is not None:
            raise self._error

    def _load(self) -> None:
        try:
            self._loaded = self.agent.planner is not None
        except Exception as error:  # noqa: BLE001 - carried to whoever waits
            self._error = error
