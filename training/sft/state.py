"""Checkpoints of a run, enough to go on bit for bit: written at the end of a step, each whole or not at all."""

import json
import random
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skills import InputError

KEPT = 2
"""Checkpoints kept, the newest."""

_NAME = re.compile(r"step-(\d+)")
_STATE, _WEIGHTS, _OPTIMISER = "state.json", "weights.safetensors", "optimiser.pt"


def folders(out: Path) -> list[Path]:
    """Return the checkpoints of a run, oldest first."""
    found = [path for path in (out / "checkpoints").glob("step-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def random_state() -> dict[str, Any]:
    """Return the states of Python's, NumPy's and torch's random numbers."""
    import torch

    _, keys, place, *gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (torch.from_numpy(np.asarray(keys, dtype=np.int64)), place, *gauss),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Set what `random_state` returned."""
    import torch

    random.setstate(state["python"])
    keys, *rest = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


class Saving:
    """Writes one checkpoint; every process takes part, the first one with the weights."""

    def __init__(self, out: Path, step: int) -> None:
        """Name the checkpoint of `step` finished steps."""
        self.folder = out / "checkpoints" / f"step-{step:06d}"
        self._part = self.folder.with_name(f".{self.folder.name}.part")

    def begin(self) -> None:
        """Make an empty folder; the first process alone calls it."""
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(parents=True)

    def own(self, rank: int) -> None:
        """Write what is a process's own."""
        import torch

        torch.save(random_state(), self._part / f"random-{rank}.pt")

    def end(self, weights: Mapping[str, Any], optimiser: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Write what all share, give the checkpoint its name, and delete the oldest; the first process alone."""
        import torch
        from safetensors.torch import save_file

        save_file({name: value.contiguous() for name, value in weights.items()}, self._part / _WEIGHTS)
        torch.save(dict(optimiser), self._part / _OPTIMISER)
        (self._part / _STATE).write_text(json.dumps(dict(told), indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._part.rename(self.folder)
        for old in folders(self.folder.parent.parent)[:-KEPT]:
            shutil.rmtree(old)


def told(out: Path) -> tuple[Path, dict[str, Any]]:
    """Return the newest checkpoint of a run and what it says of it; raises InputError where there is none."""
    found = folders(out)
    if not found:
        raise InputError(f"{str(out)!r} holds no checkpoint to go on from; leave out --resume")
    state: dict[str, Any] = json.loads((found[-1] / _STATE).read_text(encoding="utf-8"))
    return found[-1], state


def check(saved: Mapping[str, Any], now: Mapping[str, Any], out: Path) -> None:
    """Raise InputError where a run is to go on with another recipe, other data or other processes."""
    changed = [key for key in now if saved.get(key) != now[key]]
    for key in changed:
        was, new = saved.get(key), now[key]
        if isinstance(was, dict) and isinstance(new, dict):
            inner = next(name for name in {**was, **new} if was.get(name) != new.get(name))
            key, was, new = f"{key}.{inner}", was.get(inner), new.get(inner)
        raise InputError(
            f"the run in {str(out)!r} began with {key} {was!r}, now it is {new!r}; "
            "go on as it began, or name another --out"
        )


def load(folder: Path, rank: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the weights, the optimiser's state and a process's random state of a checkpoint."""
    import torch
    from safetensors.torch import load_file

    optimiser = torch.load(folder / _OPTIMISER, map_location="cpu", weights_only=True)
    drawn = torch.load(folder / f"random-{rank}.pt", weights_only=True)
    return load_file(folder / _WEIGHTS), optimiser, drawn
