"""Profiles: TOML files that say which planner plans, how long a call may take and what is on offer."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from skills import InputError
from skills.errors import nearest
from skills.values import Frozen

NAMES = ("embedded", "laptop", "full")
"""The profiles that come with the checkout; the first is the default and needs no file."""

FOLDER = Path(__file__).parents[1] / "profiles"
"""Where they lie."""


class SkillSetting(Frozen):
    """The table `[skills.NAME]`."""

    offer: bool = True
    """False keeps the skill from the planner unless `--offer` names it."""


class Profile(Frozen):
    """One profile; every key has a default."""

    planner: str = Field(default="embedded", min_length=1)
    """"embedded", a checkpoint's folder (relative to the profile's file, where it lies there) or a hub id."""
    deadline: float = Field(default=120.0, gt=0)
    """Seconds one call may take."""
    max_steps: int = Field(default=8, ge=1)
    """Passes of the planner in one turn."""
    seed: int = 0
    """The seed every random choice is drawn from."""
    skills: dict[str, SkillSetting] = Field(default_factory=dict)
    """Settings by skill."""

    def check(self, names: Iterable[str]) -> None:
        """Check the skills it sets against those registered; raises InputError for one that is not."""
        known = list(names)
        for name in self.skills:
            if name not in known:
                hint = nearest(name, known, "`handeye skills` lists them")
                raise InputError(f"the profile sets [skills.{name}], which is no skill; {hint}")


def read_profile(where: str) -> Profile:
    """Read a profile by name or from a TOML file; raises InputError that names what is wrong in it."""
    path = _find(where)
    if path is None:
        return Profile()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"profile {where!r} cannot be read: {error.strerror}; expected a TOML file") from None
    except ValueError as error:
        raise InputError(f"profile {str(path)!r} is no TOML: {error}") from None
    try:
        profile = Profile.model_validate(data)
    except ValidationError as error:
        raise InputError(f"profile {str(path)!r}: {_complaint(error)}") from None
    folder = path.parent / profile.planner
    return profile.model_copy(update={"planner": str(folder)}) if folder.is_dir() else profile


def _find(where: str) -> Path | None:
    named = FOLDER / f"{where}.toml"
    if where in NAMES and (named.is_file() or where == NAMES[0]):
        return named if named.is_file() else None
    if where in NAMES:
        raise InputError(f"profile {where!r} lies in profiles/ of a checkout, which this is not; give its FILE.toml")
    path = Path(where)
    if not path.exists():
        raise InputError(f"no profile is named {where!r}; expected {', '.join(NAMES)} or a FILE.toml")
    return path


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{key!r}: {first['msg']}, got {first['input']!r}"
    known = list((SkillSetting if key.startswith("skills.") else Profile).model_fields)
    return f"unknown key {key!r}; expected {', '.join(known)}"
