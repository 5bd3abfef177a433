"""What a running skill is given beside its arguments: a way to stop, to report, to draw, to load models."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .errors import Cancelled
from .runtime import Runtime

T = TypeVar("T")


class Cancel:
    """A flag that many threads may set and check; a child also stops when its parent does."""

    def __init__(self, parent: "Cancel | None" = None) -> None:
        """Make a flag that is not set; `parent` stops it too."""
        self._event = threading.Event()
        self._parent = parent

    def set(self) -> None:
        """Ask everything that checks this flag to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """True once `set` was called here or on a parent."""
        return self._event.is_set() or (self._parent is not None and self._parent.cancelled)

    def check(self) -> None:
        """Raise Cancelled once the flag is set."""
        if self.cancelled:
            raise Cancelled

    def child(self) -> "Cancel":
        """Return a flag that stops with this one and can be stopped alone."""
        return Cancel(self)


def _silent(done: int, total: int, text: str) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Context:
    """The run a skill is part of. Never in a schema."""

    cancel: Cancel = field(default_factory=Cancel)
    """`ctx.cancel.check()` raises Cancelled once the user pressed Stop or the deadline passed."""
    progress: Callable[[int, int, str], None] = _silent
    """`ctx.progress(done, total, text)` tells the user how far the work is."""
    seed: int = 0
    """The seed of this call; draw every random number from it."""
    folder: Path = Path("docs")
    """The local folder that `retrieve` searches."""
    runtime: Runtime = field(default_factory=Runtime)
    """Keeps models between calls."""

    def model(self, key: str, load: Callable[[], T]) -> T:
        """Return the model kept under `key`, loading it on first use (one load however many ask)."""
        return self.runtime.model(key, load)
