"""The tools of LLaVA-Plus (and MMedAgent's detector) as our skills, where name and arguments have an exact inverse.

| API name (first: the one written by default) | its parameters | skill | its arguments |
|---|---|---|---|
| grounding_dino | caption "cat . dog ." | detect | objects ["cat", "dog"] |
| grounding dino | prompts, image "<imagepath>" | detect | objects, image "img_1" |
| sam | boxes or points, normalised | segment | regions |
| openseed | none | segment_scene | none |
| ram | none | tag | none |
| blip2 | none | caption | none |
| easyocr, ocr | none | read_text | none |
| stable-diffusion, sd | prompt | generate | prompt |
| instruct-pix2pix, ip2p | prompt | edit | instruction |

All else keeps its name and parameters: the composites, thresholds, inpainting (its mask is the turn before's),
controlnet, semantic_sam, seem, retrieval.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]
"""Arguments of a call, ours or theirs."""

JOINS = tuple((between, end) for between in (" . ", ". ", ".", " .") for end in (" .", ".", ""))
"""How captions separate their phrases, and end; the first is the usual one."""


@dataclass(frozen=True)
class Alias:
    """One tool of theirs that is a skill of ours."""

    skill: str
    """Our name."""
    names: tuple[str, ...]
    """Their names; the first is written by default."""
    ours: Callable[[Params], dict[str, Any] | None]
    """Their parameters -> our arguments; None for those without an exact inverse."""
    theirs: Callable[[Params], dict[str, Any] | None]
    """Our arguments -> their parameters, likewise."""


def renamed(old: str, new: str) -> Callable[[Params], dict[str, Any] | None]:
    """Return a function that gives the one text argument another name."""
    return lambda params: {new: params[old]} if set(params) == {old} and isinstance(params[old], str) else None


def _none(params: Params) -> dict[str, Any] | None:
    return None if params else {}


def _regions(params: Params) -> dict[str, Any] | None:
    """Return boxes or points, all within 0-1, as regions."""
    for key, length in (("boxes", 4), ("points", 2)):
        if set(params) == {key} and _normalised(params[key], length):
            return {"regions": params[key]}
    return None


def _boxes(args: Params) -> dict[str, Any] | None:
    for key, length in (("boxes", 4), ("points", 2)):
        if set(args) == {"regions"} and _normalised(args["regions"], length):
            return {key: args["regions"]}
    return None


def _normalised(places: Any, length: int) -> bool:
    return (
        isinstance(places, list)
        and bool(places)
        and all(isinstance(place, list) and len(place) == length for place in places)
        and all(type(number) in (int, float) and 0 <= number <= 1 for place in places for number in place)
    )


def _objects(params: Params) -> dict[str, Any] | None:
    caption = params.get("caption")
    if set(params) != {"caption"} or not isinstance(caption, str):
        return None
    objects = [phrase.strip() for phrase in caption.removesuffix(".").split(".")]
    return {"objects": objects} if all(objects) else None


def _caption(args: Params) -> dict[str, Any] | None:
    objects = _phrases(args) if set(args) == {"objects"} else None
    plain = objects and all(phrase == phrase.strip() and phrase and "." not in phrase for phrase in objects)
    return {"caption": " . ".join(objects) + " ."} if objects and plain else None


def _phrases(args: Params) -> list[str] | None:
    objects = args.get("objects")
    texts = isinstance(objects, list) and bool(objects) and all(isinstance(phrase, str) for phrase in objects)
    return objects if texts else None


def _prompts(params: Params) -> dict[str, Any] | None:
    objects = _phrases({"objects": params.get("prompts")})
    if objects is None or (set(params) != {"prompts"} and params.get("image") != "<imagepath>"):
        return None
    return ({"image": "img_1"} if "image" in params else {}) | {"objects": objects}


def _imagepath(args: Params) -> dict[str, Any] | None:
    objects = _phrases(args)
    if objects is None or (set(args) != {"objects"} and args.get("image") != "img_1"):
        return None
    return ({"image": "<imagepath>"} if "image" in args else {}) | {"prompts": objects}


ALIASES = (
    Alias("detect", ("grounding_dino",), _objects, _caption),
    Alias("detect", ("grounding dino",), _prompts, _imagepath),
    Alias("segment", ("sam",), _regions, _boxes),
    Alias("segment_scene", ("openseed",), _none, _none),
    Alias("tag", ("ram",), _none, _none),
    Alias("caption", ("blip2",), _none, _none),
    Alias("read_text", ("easyocr", "ocr"), _none, _none),
    Alias("generate", ("stable-diffusion", "sd"), renamed("prompt", "prompt"), renamed("prompt", "prompt")),
    Alias("edit", ("instruct-pix2pix", "ip2p"), renamed("prompt", "instruction"), renamed("instruction", "prompt")),
)
"""The table above."""


def to_skill(name: str, params: Params) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return our name, our arguments and what `to_api` needs beside them to give the same call back."""
    for alias in ALIASES:
        args = alias.ours(params) if name in alias.names else None
        if args is None:
            continue
        ways: list[dict[str, Any]] = [{}, {"name": name}]
        ways += [{"join": list(join)} for join in JOINS] if "objects" in args else []
        for kept in ways:
            if json.dumps(to_api(alias.skill, args, kept)) == json.dumps((name, params)):
                return alias.skill, args, kept
    return name, dict(params), {}


def to_api(skill: str, args: Params, kept: Params) -> tuple[str, dict[str, Any]]:
    """Return their name and parameters for a call of ours; one that is no tool of theirs stays as it is."""
    for alias in ALIASES:
        name = kept.get("name", alias.names[0])
        params = alias.theirs(args) if alias.skill == skill and name in alias.names else None
        if params is not None and "join" in kept:
            between, end = kept["join"]
            params = {"caption": between.join(args["objects"]) + end}
        if params is not None:
            return name, params
    return skill, dict(args)
