"""The registry: built-in skills, installed plugins and files given at run time."""

import importlib
import importlib.util
import pkgutil
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from .errors import InputError
from .spec import Skill

ENTRY_POINTS = "handeye.skills"
"""The entry-point group an installed package offers skills under: a module, or one skill."""

AnySkill = Skill[..., Any]

CONTRACT = (
    "read_text", "read_code", "find_faces", "detect", "segment", "segment_scene", "segment_like", "tag", "caption",
    "retrieve", "generate", "generate_from", "edit", "inpaint", "erase", "blur", "crop", "cut_out", "annotate",
    "rotate", "adjust", "estimate_depth", "moderate", "calculate",
)  # fmt: skip
"""The names of the contract, in its order; their data and checkpoints rely on them."""


class Registry:
    """Every skill by name; plugins may not take a name that is taken."""

    def __init__(self, skills: Iterable[AnySkill], problems: Sequence[str] = ()) -> None:
        """Make a registry of skills; `problems` are plugins that could not be loaded, one line each.

        Raises InputError where two skills share a name.
        """
        self._skills: dict[str, AnySkill] = {}
        self.problems = tuple(problems)
        for item in skills:
            self._add(item)

    @classmethod
    def load(cls, files: Sequence[Path] = ()) -> "Registry":
        """Load built-ins, entry points and `files`.

        A broken entry point, or one whose name is taken, is a problem that is reported; a broken file is an
        InputError, for a person named it.
        """
        built = [item for name in _builtin_modules() for item in skills_of(importlib.import_module(name))]
        plugins, problems = _entry_points()
        registry = cls(sorted(built, key=lambda s: _rank(s.name)))
        for item in plugins:
            try:
                registry._add(item)
            except InputError as error:
                problems.append(f"plugin {item.source!r} is left out: {error}")
        registry.problems = tuple(problems)
        for path in files:
            for item in load_file(path):
                registry._add(item)
        return registry

    def configured(self, tables: Mapping[str, Mapping[str, Any]], profile: str = "") -> "Registry":
        """Return the registry with what a profile's tables `[skills.NAME]` say; `profile` is its name or file.

        Raises InputError for a table of no skill, and where a skill cannot be as its table says.
        """
        for name in tables:
            if name not in self:
                near = get_close_matches(name, self._skills, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "`handeye skills` lists them"
                raise InputError(f"the profile sets [skills.{name}], which is no skill; {hint}")
        made = [item.using(**tables[item.name]) if item.name in tables else item for item in self]
        if profile:
            pull = f" --profile {profile}"
            made = [replace(s, mend=s.mend + pull) if s.mend == f"handeye pull {s.name}" else s for s in made]
        return Registry(made, self.problems)

    def _add(self, item: AnySkill) -> None:
        taken = self._skills.get(item.name)
        if taken is not None:
            raise InputError(f"two skills are named {item.name!r} ({taken.source} and {item.source}); rename one")
        self._skills[item.name] = item

    def __iter__(self) -> Any:
        return iter(self._skills.values())

    def __contains__(self, name: object) -> bool:
        return name in self._skills

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, built-ins first, in the contract's order."""
        return tuple(self._skills)

    def get(self, name: str) -> AnySkill:
        """Return a skill; raises InputError that names the nearest ones where there is none."""
        if name not in self._skills:
            near = get_close_matches(name, self._skills, n=3) or list(self._skills)
            raise InputError(f"no skill is named {name!r}; did you mean {', '.join(near)}?")
        return self._skills[name]

    def offer(self, names: Sequence[str] | None = None) -> tuple[AnySkill, ...]:
        """Return the skills on offer: all, or those named, in the order named."""
        if names is None:
            return tuple(self._skills.values())
        return tuple(self.get(name) for name in dict.fromkeys(names))


def _rank(name: str) -> int:
    return CONTRACT.index(name) if name in CONTRACT else len(CONTRACT)


def _builtin_modules() -> list[str]:
    from . import builtin

    return [f"{builtin.__name__}.{info.name}" for info in pkgutil.iter_modules(builtin.__path__)]


def skills_of(module: types.ModuleType) -> list[AnySkill]:
    """Return the skills a module defines, in order (not those it imported)."""
    found = {id(item): item for item in vars(module).values() if isinstance(item, Skill)}.values()
    return [s for s in found if getattr(s.run, "__module__", module.__name__) == module.__name__]


def _entry_points() -> tuple[list[AnySkill], list[str]]:
    found: list[AnySkill] = []
    problems: list[str] = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            loaded = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's package must not stop the program
            problems.append(f"plugin {point.value!r} cannot be loaded: {type(error).__name__}: {error}")
            continue
        items = [loaded] if isinstance(loaded, Skill) else []
        if isinstance(loaded, types.ModuleType):
            items = skills_of(loaded)
        if not items:
            problems.append(f"plugin {point.value!r} holds no skill; expected a module with @skill, or one skill")
        found.extend(replace(item, source=point.value) for item in items)
    return found, problems


def load_file(path: Path) -> list[AnySkill]:
    """Import a Python file and return the skills it defines.

    Raises InputError where it is missing, raises at import, or defines none.
    """
    if not path.is_file():
        raise InputError(f"no skill file at {str(path)!r}; `handeye new-skill NAME` writes one")
    name = f"handeye_skill_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{str(path)!r} is no Python file; expected NAME.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error}") from error
    except (Exception, SystemExit) as error:
        raise InputError(f"{str(path)!r} cannot be imported: {type(error).__name__}: {error}") from error
    found = [replace(item, source=str(path)) for item in skills_of(module)]
    if not found:
        raise InputError(f"{str(path)!r} defines no skill; decorate a function with @skill")
    return found
