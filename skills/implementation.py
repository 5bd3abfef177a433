"""Implementations: the models that may stand behind one skill, and the one a profile chose.

A profile's table `[skills.NAME]` names `implementation`, `checkpoint`, `revision`, `sha256`, `licence`, `size`,
`parts`, `device`, `dtype`, and the settings the implementation declares; `choose` turns it into a `Chosen`, which a
skill finds as `ctx.chosen`.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from .checkpoint import Checkpoint, disk_bytes
from .errors import HandeyeError, InputError, SkillError
from .memory import is_out_of_memory
from .runtime import Recipe

DTYPES = ("float32", "bfloat16", "float16")
"""What `dtype` may say."""


def importable(package: str) -> bool:
    """Return whether a package is installed; one that another thread is importing just now has no spec yet."""
    return sys.modules.get(package) is not None or find_spec(package) is not None


_COMMON = ("implementation", "checkpoint", "revision", "sha256", "licence", "size", "device", "dtype", "parts")
_EXAMPLES: Mapping[str, JsonValue] = {"parts": {"NAME": "..."}, "size": 690_000_000}


@dataclass(frozen=True)
class Weights:
    """What a loader is given: where the checkpoint lies and how to load it."""

    path: Path
    """The checkpoint's file or folder on this machine."""
    device: str
    """Where to put it: "cpu", "cuda", "cuda:1", "mps"."""
    dtype: str
    """"float32", "bfloat16" or "float16"; `weights.torch_dtype` is torch's own."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The implementation's settings, defaults filled in."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """File name -> pinned SHA-256 of those files whose hash is known."""
    parts: Mapping[str, Path] = field(default_factory=dict)
    """Name -> where a further checkpoint lies."""
    part: str = ""
    """The part that `ctx.infer(run, part="...")` asked for; "" for the model itself."""

    @property
    def torch_dtype(self) -> Any:
        """The dtype as torch's object."""
        import torch

        return getattr(torch, self.dtype)


@dataclass(frozen=True)
class Implementation:
    """One way to do what a skill does: a model family, or code that needs no model."""

    name: str
    """What `implementation = "..."` in a profile says."""
    run: Callable[..., Any] = field(repr=False)
    """Does the work; called by the skill with its arguments and the context."""
    needs: tuple[str, ...] = ()
    """Packages that must be importable."""
    extra: str = "full"
    """The extra of handeye that brings them: pip install 'handeye[full]'."""
    checkpoint: Checkpoint | None = None
    """The weights used where the profile names none; None where it needs no weights."""
    parts: Mapping[str, Checkpoint] = field(default_factory=dict)
    """Name -> a further checkpoint it needs: a text encoder, one ControlNet for each control."""
    load: Callable[[Weights], Any] | None = field(default=None, repr=False)
    """Loads the model from `Weights`; what it returns is what `ctx.infer` hands on."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Setting -> default: what a profile may set besides. A value must have the default's type."""


@dataclass(frozen=True)
class Chosen:
    """An implementation with the checkpoint and settings a profile gave it."""

    implementation: Implementation
    """What runs."""
    checkpoint: Checkpoint | None = None
    """Its weights; None where it needs none."""
    parts: Mapping[str, Checkpoint] = field(default_factory=dict)
    """Name -> its further checkpoints."""
    device: str = ""
    """Where its model lives; "" lets the runtime decide."""
    dtype: str = ""
    """Its number format; "" lets the runtime decide (bfloat16 on a GPU, float32 on a CPU)."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Every setting of the implementation."""

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Every checkpoint it needs: its own, then its parts'."""
        return (*((self.checkpoint,) if self.checkpoint else ()), *self.parts.values())

    @property
    def key(self) -> str:
        """What tells its model from others: two skills with the same key share one model."""
        where = "+".join(f"{item.id}@{item.revision}" for item in self.checkpoints)
        told = ",".join(f"{name}={value!r}" for name, value in sorted(self.settings.items()))
        return f"{self.implementation.name}:{where}:{told}"

    def recipe(self, part: str = "") -> Recipe:
        """Return how its model (or a part of it) is loaded; raises SkillError where a checkpoint is not here."""
        if self.checkpoint is None or self.implementation.load is None:
            raise InputError(f"implementation {self.implementation.name!r} has no model; give it `checkpoint`, `load`")
        path = _present(self.checkpoint)
        parts = {name: _present(item) for name, item in self.parts.items()}
        weights = Weights(path, "", "", self.settings, self.checkpoint.sha256, parts, part)
        return Recipe(
            key=f"{self.key}:{part}",
            load=lambda device, dtype: self._load(replace(weights, device=device, dtype=dtype)),
            size=disk_bytes(path),
            device=self.device,
            dtype=self.dtype,
        )

    def _load(self, weights: Weights) -> Any:
        """Load the model; what its library raises over a broken checkpoint becomes one line."""
        assert self.implementation.load is not None
        try:
            return self.implementation.load(weights)
        except InputError as error:
            raise SkillError(f"{self.implementation.name} cannot be loaded: {error}") from error
        except HandeyeError:
            raise
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            told = " ".join(str(error).split())[:300]
            raise SkillError(
                f"{str(weights.path)!r} cannot be loaded as {self.implementation.name!r}: {told}; "
                "fetch the checkpoint again or name one of this kind in the profile"
            ) from error

    def unavailable(self, mend: str) -> str:
        """Return why it cannot run here and what mends it, or ""; `mend` is the command that fetches weights."""
        missing = [name for name in self.implementation.needs if not importable(name)]
        if missing:
            return f"package {missing[0]!r} is missing; pip install 'handeye[{self.implementation.extra}]'"
        absent = next((item for item in self.checkpoints if item.path() is None), None)
        if absent is None:
            return ""
        if absent.url or absent.hub:
            return f"checkpoint {(absent.file or absent.id)!r} is not on this machine; {mend}"
        return f"no checkpoint lies at {absent.id!r}; correct the profile"


def _present(checkpoint: Checkpoint) -> Path:
    path = checkpoint.path()
    if path is None:
        raise SkillError(f"checkpoint {checkpoint.id!r} is not on this machine; `handeye doctor` says what fetches it")
    return path


def choose(skill: str, implementations: Sequence[Implementation], table: Mapping[str, JsonValue]) -> Chosen:
    """Return what a profile's table `[skills.NAME]` chooses: the first implementation where it names none.

    Raises InputError that names an unknown implementation or key, a value of the wrong type, or a key that has no
    meaning for the implementation.
    """
    where = f"[skills.{skill}]"
    named = table.get("implementation", implementations[0].name)
    found = next((item for item in implementations if item.name == named), None)
    if found is None:
        names = ", ".join(item.name for item in implementations)
        raise InputError(f"the profile's {where} implementation is {named!r}; expected {names}")
    for key, value in table.items():
        _check(where, found, key, value)
    own = {key: value for key, value in table.items() if key in found.settings}
    return Chosen(
        implementation=found,
        checkpoint=_checkpoint(where, found, table),
        parts=_parts(where, found, table.get("parts", {})),
        device=str(table.get("device", "")),
        dtype=str(table.get("dtype", "")),
        settings={**found.settings, **{key: type(found.settings[key])(value) for key, value in own.items()}},
    )


def _check(where: str, item: Implementation, key: str, value: JsonValue) -> None:
    known = [*_COMMON, *item.settings] if item.checkpoint else ["implementation", *item.settings]
    if key not in known:
        near = get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected {', '.join(known)}"
        raise InputError(f"the profile's {where} sets {key!r}, which {item.name!r} does not have; {hint}")
    if key == "dtype" and value not in DTYPES:
        raise InputError(f"the profile's {where} dtype is {value!r}; expected {', '.join(DTYPES)}")
    example = _EXAMPLES.get(key, "...") if key in _COMMON else item.settings[key]
    kind = type(example)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return
    if type(value) is not kind:
        raise InputError(f"the profile's {where} {key} is {value!r}; expected a value like {example!r}")


def _checkpoint(where: str, item: Implementation, table: Mapping[str, JsonValue]) -> Checkpoint | None:
    """Return the default checkpoint, or the one the table names, of which licence, size and hash are in the table."""
    default = item.checkpoint
    if default is None:
        return None
    named = str(table.get("checkpoint", default.id))
    made = default if named == default.id else Checkpoint(named, files=default.files)
    if "revision" in table:
        made = replace(made, revision=str(table["revision"]))
    if "licence" in table:
        made = replace(made, licence=str(table["licence"]))
    if isinstance(size := table.get("size"), int):
        made = replace(made, size=size)
    if "sha256" in table:
        name = made.file or (Path(named).name if Path(named).is_file() else "")
        if not name:
            raise InputError(f"the profile's {where} sets sha256, which needs a checkpoint that is one file")
        made = replace(made, sha256={name: str(table["sha256"])})
    return made


def _parts(where: str, item: Implementation, named: JsonValue) -> dict[str, Checkpoint]:
    """Return the parts with those the table names, each "id" or "id@revision", in the places of the defaults."""
    assert isinstance(named, dict)
    made = dict(item.parts)
    for name, written in named.items():
        if name not in made or not isinstance(written, str):
            known = ", ".join(made) or "none"
            raise InputError(f"the profile's {where} parts has {name!r} = {written!r}; expected id@revision of {known}")
        found, _, revision = written.partition("@")
        default = made[name]
        made[name] = default if found == default.id else Checkpoint(found, files=default.files)
        made[name] = replace(made[name], revision=revision) if revision else made[name]
    return made
