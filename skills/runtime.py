"""Models between calls: loaded on first use, measured, evicted least recently used first, one lock each.

Where memory runs out a call climbs down a ladder: the other models are evicted and it tries again, then its model
moves to the CPU; every step is noted. A model that an abandoned call may still hold is forgotten with its lock, and
the next caller loads it anew.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from .errors import OutOfMemory
from .kept import Kept
from .memory import best_device, best_dtype, in_megabytes, is_out_of_memory, model_bytes, release, room

T = TypeVar("T")

Note = Callable[[str], None]

POLL = 0.05
"""Seconds between looks at the cancel flag while a model is in use elsewhere."""


@dataclass(frozen=True)
class Recipe:
    """How to load one model, wherever it goes."""

    key: str
    """What tells it from others; what stands before its first ":" is its name in notes."""
    load: Callable[[str, str], Any]
    """Loads it: `load(device, dtype)`."""
    size: int = 0
    """Bytes of its weights on disk; what a model without torch modules is taken to need."""
    device: str = ""
    """Where it goes; "" for the best device here."""
    dtype: str = ""
    """Its number format; "" for bfloat16 on a GPU and float32 elsewhere."""


@dataclass
class _Entry:
    """One model: its lock is held while it loads and while it runs."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    loaded: bool = False
    model: Any = None
    size: int = 0
    device: str = "cpu"

    def keep(self, model: Any, size: int, device: str) -> None:
        self.model, self.size, self.device, self.loaded = model, size, device, True


class _Step(NamedTuple):
    """One rung of the ladder."""

    device: str
    dtype: str
    alone: bool = False
    told: str = ""


class Runtime:
    """Keeps loaded models by key. Safe to use from many threads."""

    def __init__(self, budget: int = 0, *, embeddings: Kept | None = None) -> None:
        """Make an empty runtime; `budget` is bytes of models on each device, 0 for a share of what the device has."""
        self.budget = budget
        self.embeddings = Kept() if embeddings is None else embeddings  # an empty one is false
        self._guard = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._users: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()

    def model(self, key: str, load: Callable[[], T], user: Any = None) -> T:
        """Return the model under `key`; the first caller loads it while others wait for that one load."""
        entry = self._entry(key, user)
        if not entry.loaded:
            with entry.lock:
                if not entry.loaded:
                    model = load()
                    entry.keep(model, model_bytes(model), "cpu")
        return cast(T, entry.model)

    def lock(self, key: str) -> threading.Lock:
        """Return the lock of the model under `key`, for one that two threads may not run at once."""
        return self._entry(key, None).lock

    def infer(
        self,
        recipe: Recipe,
        run: Callable[[Any, str], T],
        *,
        note: Note = lambda text: None,
        wait: Callable[[], None] = lambda: None,
        user: Any = None,
    ) -> T:
        """Return `run(model, place)`, called under the model's lock; `place` ends in "@device:dtype".

        `note` is told every step down the ladder; `wait` is called while the model is in use elsewhere and may raise;
        `user` is who may `abandon` it. Raises OutOfMemory where even the CPU has no room.
        """
        problem = ""
        steps = _ladder(recipe)
        while steps:
            step = steps.pop(0)
            if problem:
                note(f"{_name(recipe.key)}: {problem}; {step.told}")
            place = f"{recipe.key}@{step.device}:{step.dtype}"
            try:
                with self._held(place, user, wait) as entry:
                    if step.alone:
                        self.embeddings.clear()
                        self._evict(place, step.device, 0, note)
                    if not entry.loaded:
                        self._load(place, entry, recipe, step, note)
                    return run(entry.model, place)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                problem = str(error).split("\n", 1)[0][:200] or "memory ran out"
                too_large = isinstance(error, _TooLarge)
            if too_large:
                steps = [other for other in steps if other.device != step.device]
            if all(other.device != step.device for other in steps):
                self._forget(place)
        raise OutOfMemory(f"{problem}; try a smaller picture (crop it first) or a smaller checkpoint")

    def abandon(self, user: Any = None) -> None:
        """Forget the models that `user` has asked for (all where it is None): a call that never returned may hold one.

        The next caller loads them anew, under a new lock.
        """
        with self._guard:
            keys = list(self._entries) if user is None else self._users.pop(user, set())
            for key in keys:
                self._entries.pop(key, None)

    def keys(self) -> tuple[str, ...]:
        """Return the keys of the loaded models, least recently used first."""
        with self._guard:
            return tuple(key for key, entry in self._entries.items() if entry.loaded)

    def used(self, device: str) -> int:
        """Return the bytes of the loaded models on a device."""
        with self._guard:
            return sum(entry.size for entry in self._entries.values() if entry.loaded and entry.device == device)

    def _entry(self, key: str, user: Any) -> _Entry:
        with self._guard:
            if user is not None:
                self._users.setdefault(user, set()).add(key)
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            return entry

    @contextmanager
    def _held(self, key: str, user: Any, wait: Callable[[], None]) -> Iterator[_Entry]:
        """Hold the lock of the entry under `key` that is current once the lock is there."""
        while True:
            entry = self._entry(key, user)
            if entry.lock.acquire(timeout=POLL):
                if self._entry(key, user) is entry:
                    break
                entry.lock.release()
            wait()
        try:
            yield entry
        finally:
            entry.lock.release()

    def _load(self, key: str, entry: _Entry, recipe: Recipe, step: _Step, note: Note) -> None:
        limit = self.budget or room(step.device)
        self._evict(key, step.device, limit - recipe.size, note)
        model = recipe.load(step.device, step.dtype)
        size = model_bytes(model) or recipe.size
        if size > limit:
            raise _TooLarge(
                f"the model takes {in_megabytes(size)}, more than the {in_megabytes(limit)} "
                f"that models may take on {step.device}"
            )
        self._evict(key, step.device, limit - size, note)
        entry.keep(model, size, step.device)

    def _evict(self, key: str, device: str, limit: int, note: Note) -> None:
        """Evict models on a device, least recently used first, until the others take at most `limit` bytes.

        One that somebody runs stays.
        """
        while self.used(device) > max(0, limit) and (other := self._idle(key, device)) is not None:
            note(f"{_name(other[0])} was evicted from {device} ({in_megabytes(other[1])})")
        release()

    def _idle(self, key: str, device: str) -> tuple[str, int] | None:
        """Take out the least recently used other model on a device that nobody runs; return its key and bytes."""
        with self._guard:
            for other, entry in self._entries.items():
                if other != key and entry.size and entry.device == device and not entry.lock.locked():
                    del self._entries[other]
                    return other, entry.size
        return None

    def _forget(self, key: str) -> None:
        with self._guard:
            self._entries.pop(key, None)
        release()


class _TooLarge(OutOfMemory):
    """A model larger than all that models may take on a device."""


def _ladder(recipe: Recipe) -> list[_Step]:
    device = recipe.device or best_device()
    dtype = recipe.dtype or best_dtype(device)
    steps = [_Step(device, dtype), _Step(device, dtype, True, "trying again with every other model evicted")]
    return steps if device == "cpu" else [*steps, _Step("cpu", "float32", False, "moving to the CPU")]


def _name(key: str) -> str:
    return key.partition(":")[0]
