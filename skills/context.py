"""What a running skill is given beside its arguments: a way to stop, to report, to draw, to load models."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .errors import Cancelled, InputError, Unavailable
from .implementation import Chosen
from .runtime import Runtime
from .values import Picture

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


@dataclass
class Record:
    """What the run of a call leaves behind beside its values."""

    notes: list[str] = field(default_factory=list)
    """What happened, one line each: a model evicted, moved to the CPU ..."""
    place: str = "@cpu:"
    """Key, device and dtype of the model that ran last: "key@cuda:bfloat16"."""

    @property
    def device(self) -> str:
        """The device of the model that ran last; "cpu" where none ran."""
        return self.place.rpartition("@")[2].rpartition(":")[0]


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

    chosen: Chosen | None = None
    """The implementation that the profile chose for this skill; None for a skill with one way to work."""
    skills: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Every skill by name, for `ctx.call`."""
    record: Record = field(default_factory=Record)
    """What the run leaves behind."""

    def model(self, key: str, load: Callable[[], T]) -> T:
        """Return the model kept under `key`, loading it on first use (one load however many ask)."""
        return self.runtime.model(key, load, self.cancel)

    def run(self, *args: Any) -> Any:
        """Do the work with the implementation the profile chose: its `run(*args, ctx)`."""
        return self._chosen.implementation.run(*args, self)

    def infer(self, run: Callable[[Any], T], part: str = "") -> T:
        """Return `run(model)` with the chosen implementation's model, loaded on first use.

        `part` reaches the loader as `weights.part`; each part is a model of its own.

        It is called under the model's lock, and again where memory ran out (after others were evicted, then on the
        CPU; said in the notes): make inputs for the model's device and dtype inside it. Raises SkillError for a
        checkpoint that cannot be loaded, OutOfMemory where nothing helped.
        """

        def told(model: Any, place: str) -> T:
            self.record.place = place
            return run(model)

        return self.runtime.infer(
            self._chosen.recipe(part), told, note=self.note, wait=self.cancel.check, user=self.cancel
        )

    def embedding(self, picture: Picture, make: Callable[[], T]) -> T:
        """Return what `make` computes of a picture, kept by its content for the model now running; use in `infer`."""
        return self.runtime.embeddings.get(self.record.place, picture, make)

    def setting(self, name: str) -> Any:
        """Return a setting of the chosen implementation: the profile's value, else the default."""
        settings = self._chosen.settings
        if name not in settings:
            raise KeyError(f"{self._chosen.implementation.name!r} declares no setting {name!r}; add it to `settings`")
        return settings[name]

    def note(self, text: str) -> None:
        """Add a line to the observation's notes."""
        self.record.notes.append(text)

    def call(self, name: str, **values: Any) -> Any:
        """Run another skill as part of this call, with its own implementation; raises Unavailable where it cannot."""
        other = self.skills.get(name)
        reason = "no such skill is known" if other is None else other.unavailable()
        if other is None or reason:
            raise Unavailable(f"{name} is needed for this and cannot run here: {reason}")
        return other(**values, ctx=self)

    @property
    def _chosen(self) -> Chosen:
        if self.chosen is None:
            raise InputError("this skill declares no implementations; pass @skill(implementations=[...])")
        return self.chosen
