"""TACO's actions as our skills, where name and arguments have an exact inverse; the table stands in `taco`."""

import re
from collections.abc import Mapping
from typing import Any

SKILLS: dict[str, tuple[str, dict[str, str]]] = {
    "OCR": ("read_text", {"image": "image"}),
    "GetObjects": ("tag", {"image": "image"}),
    "DetectFaces": ("find_faces", {"image": "image"}),
    "LocalizeObjects": ("detect", {"image": "image", "objects": "objects"}),
    "Crop": ("crop", {"image": "image", "bbox": "region"}),
    "Calculate": ("calculate", {"expression": "expression"}),
}
"""Action -> (skill, name of an argument there -> here)."""

_ACTIONS = {
    skill: (action, {ours: theirs for theirs, ours in names.items()}) for action, (skill, names) in SKILLS.items()
}
_THEIRS = re.compile(r"image-(0|[1-9][0-9]*)")
_OURS = re.compile(r"img_([1-9][0-9]*)")


def to_skill(action: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return our name and arguments for an action; one without an exact inverse stays as it is."""
    return _renamed(action, arguments, SKILLS)


def to_action(skill: str, args: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return TACO's name and arguments for a call; one without an exact inverse stays as it is."""
    return _renamed(skill, args, _ACTIONS)


def number_of(image: Any) -> int | None:
    """Return the number in "image-1", or None where it names no picture so."""
    found = _THEIRS.fullmatch(image) if isinstance(image, str) else None
    return int(found[1]) if found else None


def _renamed(
    name: str, values: Mapping[str, Any], table: Mapping[str, tuple[str, dict[str, str]]]
) -> tuple[str, dict[str, Any]]:
    other, names = table.get(name, ("", {}))
    if not names or set(values) != set(names) or not all(_fits(names[key], value) for key, value in values.items()):
        return name, dict(values)
    return other, {names[key]: _image(value) if key == "image" else value for key, value in values.items()}


def _fits(argument: str, value: Any) -> bool:
    if argument == "image":
        return isinstance(value, str) and _image(value) != value
    if argument == "objects":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if argument in ("bbox", "region"):
        return isinstance(value, list) and len(value) == 4 and all(_share(number) for number in value)
    return isinstance(value, str)


def _share(number: Any) -> bool:
    return type(number) in (int, float) and 0 <= number <= 1


def _image(name: str) -> str:
    """Return the other name of a picture: image-0 for img_1 and the reverse."""
    if theirs := _THEIRS.fullmatch(name):
        return f"img_{int(theirs[1]) + 1}"
    ours = _OURS.fullmatch(name)
    return f"image-{int(ours[1]) - 1}" if ours else name
