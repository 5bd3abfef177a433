"""Profiles: TOML files that say which planner plans, how long a call may take and what is on offer."""

import os
import tomllib
from pathlib import Path

from pydantic import ConfigDict, Field, JsonValue, ValidationError

from skills import InputError
from skills.values import Frozen

NAMES = ("embedded", "laptop", "full", "drawn")
"""The profiles that come with the checkout; the first is the default and needs no file."""

FOLDER = Path(__file__).parents[1] / "profiles"
"""Where they lie."""


class SkillSetting(Frozen):
    """The table `[skills.NAME]`; every key but `offer` goes to the skill, which knows those it has."""

    model_config = ConfigDict(extra="allow")

    offer: bool = True
    """False keeps the skill from the planner unless `--offer` names it."""

    @property
    def table(self) -> dict[str, JsonValue]:
        """What is meant for the skill: implementation, checkpoint, revision, and its implementation's settings."""
        return dict(self.__pydantic_extra__ or {})


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
    memory: float = Field(default=0.0, ge=0)
    """GB that the skills' models may take on each device; 0 for a share of what the device has."""
    skills: dict[str, SkillSetting] = Field(default_factory=dict)
    """Settings by skill."""
    name: str = Field(default="", exclude=True)
    """What `--profile` named it, "" for the default; set by `read_profile`."""

    @property
    def tables(self) -> dict[str, dict[str, JsonValue]]:
        """The tables `[skills.NAME]` without `offer`."""
        return {name: setting.table for name, setting in self.skills.items()}


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
    update: dict[str, object] = {"name": "" if where == NAMES[0] else where}
    if folder.is_dir():
        update["planner"] = str(folder)
    update["skills"] = {name: _placed(setting, path.parent) for name, setting in profile.skills.items()}
    return profile.model_copy(update=update)


def _placed(setting: SkillSetting, folder: Path) -> SkillSetting:
    """Return the setting with a checkpoint's path relative to the profile made whole, where something lies there."""
    checkpoint = setting.table.get("checkpoint")
    if not isinstance(checkpoint, str) or not (folder / checkpoint).exists():
        return setting
    return SkillSetting(
        **{"offer": setting.offer, **setting.table, "checkpoint": os.path.normpath(folder / checkpoint)}
    )


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
    known = [name for name in Profile.model_fields if name != "name"]
    return f"unknown key {key!r}; expected {', '.join(known)}"
