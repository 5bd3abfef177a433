"""What `handeye doctor` looks at: one list of findings, each with what mends it."""

import hashlib
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from skills import InputError
from skills.registry import Registry

from .home import home, human, kept, make_home, size_of
from .inventory import AnySkill, fit
from .profile import Profile


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    part: str
    """What: "python", "torch", "package pillow", "skill detect" ..."""
    state: str
    """What was found, or what mends it."""
    ok: bool = True
    """True where it is as it should be."""
    needed: bool = True
    """True where the embedded profile cannot run without it."""


def findings(checkpoint: Path, profile: Profile) -> Iterator[Finding]:
    """Look at everything; `checkpoint` is the embedded planner's folder, `profile` chooses what is behind the skills.

    torch is imported here and nowhere before. Raises InputError where the profile cannot be.
    """
    yield Finding("python", platform.python_version())
    yield from _packages()
    yield _torch()
    yield _checkpoint(checkpoint)
    registry = Registry.load().configured(profile.tables, profile.name)
    for item in registry:
        yield _skill(item, round(profile.memory * 1e9))
    for problem in registry.problems:
        yield Finding("plugin", problem, ok=False, needed=False)
    yield _home()


def _skill(item: AnySkill, budget: int) -> Finding:
    """Say whether a skill is here, what its model takes of the memory, and what mends it."""
    reason, need = item.unavailable(), fit(item, budget)
    if reason:
        return Finding(f"skill {item.name}", f"{need.said}; {reason}" if need.said else reason, ok=False, needed=False)
    state = f"here, {need.said}" if need.said else "here"
    return Finding(f"skill {item.name}", state, ok=need.ok, needed=False)


def _packages() -> Iterator[Finding]:
    """Compare what is installed with the floors that the distribution itself names."""
    try:
        wanted = requires("handeye") or []
    except PackageNotFoundError:
        yield Finding("package handeye", "not installed; pip install -e . in the checkout", ok=False)
        return
    for line in wanted:
        name = re.match(r"[\w.-]+", line)
        if name is not None and "extra ==" not in line:
            yield _package(name[0], line.partition(";")[0].strip())


def _package(name: str, wanted: str) -> Finding:
    """Compare one package with its requirement, e.g. "opencv-python-headless<5,>=4.10"."""
    floor, cap = re.search(r">=([\w.]+)", wanted), re.search(r"<([\w.]+)", wanted)
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(f"package {name}", f"missing; pip install '{wanted}'", ok=False)
    low = floor is not None and _numbers(found) < _numbers(floor[1])
    high = cap is not None and _numbers(found) >= _numbers(cap[1])
    state = f"{found}; pip install '{wanted}'" if low or high else f"{found} ({wanted.removeprefix(name)})"
    return Finding(f"package {name}", state, ok=not (low or high))


def _numbers(written: str) -> tuple[int, ...]:
    """Return a version's leading numbers: "2.15.0+cu130" -> (2, 15, 0)."""
    found = re.match(r"\d+(?:\.\d+)*", written)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _torch() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", f"cannot be imported: {error}; pip install torch", ok=False)
    return Finding("torch", f"{torch.__version__} on {_device(torch)}, {torch.get_num_threads()} threads")


def _device(torch: Any) -> str:
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _checkpoint(folder: Path) -> Finding:
    shards = sorted(folder.glob("*.safetensors"))
    if not shards or not (folder / "config.json").is_file():
        return Finding("planner", f"not at {str(folder)!r}; `make planner` trains it", ok=False)
    digest = hashlib.sha256()
    for shard in shards:
        digest.update(shard.read_bytes())
    size = human(sum(shard.stat().st_size for shard in shards))
    return Finding("planner", f"{folder} ({size}, sha256 {digest.hexdigest()[:12]})")


def _home() -> Finding:
    try:
        make_home()
    except InputError as error:
        return Finding("home", str(error), ok=False, needed=False)
    return Finding("home", f"{home()}: writable, {len(kept())} traces, {human(size_of(home()))}")
