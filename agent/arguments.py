"""Arguments: from what a planner wrote to what a skill receives, checked and resolved."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue, ValidationError

from skills import BadArguments, BadRegion, Picture, Region, Regions, Skill
from skills.errors import nearest
from skills.regions import frames_of, resolve
from skills.store import Artifacts


@dataclass(frozen=True)
class Bound:
    """Arguments ready to run."""

    values: dict[str, Any]
    """Name -> what the function receives."""
    args: dict[str, JsonValue]
    """Name -> the same for the trace: ids, numbers, words; defaults filled in."""
    notes: tuple[str, ...] = ()
    """What was mended or chosen, each one line."""
    key: tuple[str, ...] = field(default=())
    """Equal for calls that must give equal results: arguments with hashes for ids."""


def bind(skill: Skill[..., Any], written: Mapping[str, JsonValue], artifacts: Artifacts) -> Bound:
    """Check and resolve the arguments of one call.

    Raises BadArguments (naming what is wrong, expected and known) or BadRegion.
    """
    checked = _check(skill, written)
    notes = [*_mended(written, checked)]
    values: dict[str, Any] = {}
    args: dict[str, JsonValue] = {}
    picture: Picture | None = None
    for param in skill.params:
        if param.kind != "picture":
            continue
        name = checked.get(param.name) or (_default_picture(skill, checked, artifacts) if param.filled else None)
        if name is None and param.filled:
            raise BadArguments(f"{skill.name} needs a picture and there is none; ask the user for one")
        if name is not None:
            values[param.name] = found = _picture(name, artifacts)
            picture = picture or found
            args[param.name] = name
    for param in skill.params:
        if param.kind == "picture":
            continue
        if (value := checked.get(param.name)) is None:
            if param.name != "seed" and isinstance(param.default, str | int | float):
                args[param.name] = param.default
            continue
        args[param.name] = value
        values[param.name] = _resolved(skill, param.name, value, picture, artifacts)
    key = tuple(f"{n}={_keyed(v)}" for n, v in sorted(values.items()))
    return Bound(values, args, tuple(notes), (skill.name, *key))


def _check(skill: Skill[..., Any], written: Mapping[str, JsonValue]) -> dict[str, Any]:
    try:
        model = skill.arguments.model_validate(dict(written))
    except ValidationError as error:
        raise BadArguments(f"{skill.name}: {_complaint(skill, error)}; expected {skill.signature}") from None
    return model.model_dump(mode="json", exclude_none=True)


def _complaint(skill: Skill[..., Any], error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False, include_context=False):
        name = str(item["loc"][0]) if item["loc"] else "the arguments"
        if item["type"] == "extra_forbidden":
            hint = nearest(name, [p.name for p in skill.params], "")
            line = f"no argument {name[:40]!r}" + (f", {hint}" if hint else "")
        elif item["type"] == "missing":
            line = f"argument {name!r} is missing"
        else:
            line = f"argument {name!r}: {item['msg']}, got {str(item['input'])[:60]!r}"
        if line not in lines:
            lines.append(line)
    return "; ".join(lines[:3])


def _mended(written: Mapping[str, JsonValue], checked: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {written[name]!r} was read as {value!r}"
        for name, value in checked.items()
        if name in written and written[name] != value and not isinstance(value, list | tuple)
    ]


def _default_picture(skill: Skill[..., Any], checked: Mapping[str, Any], artifacts: Artifacts) -> str | None:
    for param in skill.params:
        if param.kind in ("region", "regions") and param.name in checked:
            frames = frames_of(checked[param.name], artifacts)
            if len(frames) > 1:
                raise BadRegion(f"the regions lie in different frames ({', '.join(frames)}); use those of one picture")
            if frames:
                return artifacts.newest_picture(frames[0]) or frames[0]
    return artifacts.newest_picture()


def _picture(name: str, artifacts: Artifacts) -> Picture:
    try:
        return artifacts.picture(name)
    except KeyError:
        known = [i for i in artifacts.ids() if i.startswith("img_")]
        raise BadArguments(f"there is no picture {name!r}; there is {', '.join(known) or 'none yet'}") from None


def _resolved(skill: Skill[..., Any], name: str, value: Any, picture: Picture | None, artifacts: Artifacts) -> object:
    param = skill.param(name)
    assert param is not None
    if param.kind not in ("region", "regions"):
        return value
    if picture is None:
        raise BadRegion(f"{skill.name} needs a picture for its region; ask the user for one")
    regions = resolve(value, picture, artifacts)
    if param.kind == "regions":
        return regions
    if len(regions) != 1:
        raise BadRegion(f"{skill.name} takes one region, {value!r} holds {len(regions)}; name one, e.g. '{value}[0]'")
    return regions.items[0]


def _keyed(value: object) -> str:
    if isinstance(value, Picture):
        return hashlib.sha256(value.pixels).hexdigest() + f"{value.size}{value.frame}"
    if isinstance(value, Region | Regions):
        return value.model_dump_json()
    return repr(value)
