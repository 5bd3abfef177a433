"""Models between calls: loaded on first use, once, whoever asks; reloaded after a call was abandoned."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Runtime:
    """Keeps loaded models by key. Safe to use from many threads."""

    def __init__(self) -> None:
        """Make an empty runtime."""
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._models: dict[str, Any] = {}

    def model(self, key: str, load: Callable[[], T]) -> T:
        """Return the model under `key`; the first caller loads it while others wait for that one load."""
        with self._guard:
            if key in self._models:
                return cast(T, self._models[key])
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            with self._guard:
                if key in self._models:
                    return cast(T, self._models[key])
            model = load()
            with self._guard:
                if self._locks.get(key) is lock:
                    self._models[key] = model
            return model

    def lock(self, key: str) -> threading.Lock:
        """Return the lock that serialises a model which two threads may not run at once."""
        with self._guard:
            return self._locks.setdefault(f"run:{key}", threading.Lock())

    def abandon(self) -> None:
        """Forget every model and lock: a call that never returned may hold one, the next caller loads anew."""
        with self._guard:
            self._models.clear()
            self._locks.clear()

    def keys(self) -> tuple[str, ...]:
        """Return the keys of the loaded models."""
        with self._guard:
            return tuple(self._models)
