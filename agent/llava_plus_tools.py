"""LLaVA-Plus's tools behind a running planner: their calls as calls of skills, skills' results in their words.

What `api_names` translates exactly is translated so. The rest is served as LLaVA-Plus's own demo did it: a tool that
works on the mask of the turn before gets the newest mask, a composite begins with its first half.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from skills import Boxes, Masks, Number, Picture, Points, Skill, Text
from skills.store import Artifacts

from .api_names import to_api, to_skill
from .trace import Observation, ToolCall

Params = Mapping[str, Any]

SKILLS = {
    "grounding_dino": "detect",
    "grounding_dino+sam": "detect",
    "grounded_sam": "detect",
    "ram+grounding_dino": "tag",
    "blip2+grounding_dino": "caption",
    "sam": "segment",
    "semantic_sam": "segment",
    "seem": "segment_like",
    "openseed": "segment_scene",
    "ram": "tag",
    "blip2": "caption",
    "easyocr": "read_text",
    "ocr": "read_text",
    "retrieval": "retrieve",
    "stable-diffusion": "generate",
    "instruct-pix2pix": "edit",
    "inpainting": "inpaint",
    "controlnet": "generate_from",
}
"""Their tool -> our skill."""

_TEXT = {"type": "string", "minLength": 1}
_UNIT = {"type": "number", "minimum": 0, "maximum": 1}


def _places(count: int) -> dict[str, Any]:
    one = {"type": "array", "items": _UNIT, "minItems": count, "maxItems": count}
    return {"type": "array", "items": one, "minItems": 1}


_PARAMS: dict[str, dict[str, Any]] = {
    "grounding_dino": {"caption": _TEXT},
    "grounding_dino+sam": {"caption": _TEXT},
    "grounded_sam": {"caption": _TEXT},
    "semantic_sam": {"points": _places(2)},
    "stable-diffusion": {"prompt": _TEXT},
    "instruct-pix2pix": {"prompt": _TEXT},
    "inpainting": {"prompt": _TEXT},
    "controlnet": {"prompt": {"type": "object", "properties": {"caption": _TEXT}, "required": ["caption"]}},
}


def schema(skills: Sequence[Skill[..., Any]]) -> dict[str, Any]:
    """Return the JSON schema of `actions`: a list of calls of those tools whose skill is on offer."""
    offered = {skill.name for skill in skills}
    names = [name for name, skill in SKILLS.items() if skill in offered]
    calls = [_call(name, _PARAMS.get(name, {})) for name in names if name != "sam"]
    calls += [_call("sam", {key: _places(n)}) for key, n in (("boxes", 4), ("points", 2)) if "sam" in names]
    return {"type": "array", "items": {"anyOf": calls}} if calls else {"type": "array", "maxItems": 0}


def _call(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return _closed({"API_name": {"const": name}, "API_params": _closed(dict(params))})


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def to_call(name: str, params: Params, artifacts: Artifacts) -> tuple[str, dict[str, Any]]:
    """Return the skill and the arguments of a call of theirs; what is no tool of theirs stays as it is."""
    skill, args, _ = to_skill(name, params)
    if (skill, args) != (name, params) or name not in SKILLS:
        return skill, args
    served = _SERVED.get(SKILLS[name])
    return SKILLS[name], served(params, artifacts) if served else {}


def _detected(params: Params, artifacts: Artifacts) -> dict[str, Any]:
    phrases = str(params.get("caption", "")).replace(",", ".").split(".")
    found: dict[str, Any] = {"objects": [phrase.strip() for phrase in phrases if phrase.strip()]}
    threshold = params.get("box_threshold")
    return found | ({"threshold": threshold} if isinstance(threshold, int | float) else {})


def _pointed(params: Params, artifacts: Artifacts) -> dict[str, Any]:
    """Return the places of a segmentation; points whose label is 0 are excluded."""
    places = params.get("boxes") or params.get("points") or params.get("point") or []
    labels = params.get("point_labels") or [1] * len(places)
    kept = {"regions": [place for place, label in zip(places, labels, strict=False) if label]}
    left = [place for place, label in zip(places, labels, strict=False) if not label]
    return kept | ({"exclude": left} if left else {})


def _newest(artifacts: Artifacts, argument: str) -> dict[str, Any]:
    """Return the newest mask, else the newest boxes, as an argument; nothing where there is neither."""
    places = [name for kind in ("boxes_", "mask_") for name in artifacts.ids() if name.startswith(kind)]
    return {argument: places[-1]} if places else {}


def _inpainted(params: Params, artifacts: Artifacts) -> dict[str, Any]:
    return {**_newest(artifacts, "regions"), "prompt": params.get("prompt", "")}


def _alike(params: Params, artifacts: Artifacts) -> dict[str, Any]:
    return _newest(artifacts, "example")


def _retrieved(params: Params, artifacts: Artifacts) -> dict[str, Any]:
    newest = artifacts.newest_picture()
    return {"image": newest} if newest else {}


def _followed(params: Params, artifacts: Artifacts) -> dict[str, Any]:
    prompt = params.get("prompt", "")
    return {"prompt": prompt.get("caption", "") if isinstance(prompt, Mapping) else prompt, "control": "seg"}


_SERVED: dict[str, Callable[[Params, Artifacts], dict[str, Any]]] = {
    "detect": _detected,
    "segment": _pointed,
    "segment_like": _alike,
    "retrieve": _retrieved,
    "inpaint": _inpainted,
    "generate_from": _followed,
}


def to_action(call: ToolCall) -> dict[str, Any]:
    """Return a call as their action; a skill they have no tool for keeps its name and arguments."""
    args = call.args
    name, params = to_api(call.name, args, {})
    if name == "detect" and isinstance(objects := args.get("objects"), list):
        name, params = "grounding_dino", {"caption": " . ".join(map(str, objects)) + " ."}
    elif name == "segment":
        name, params = to_api(name, {"regions": args.get("regions")}, {})
        name, params = "sam", params if name == "sam" else {}
    elif name == "generate_from":
        name, params = "controlnet", {"prompt": {"caption": args.get("prompt", "")}}
    elif name in ("inpaint", "retrieve", "segment_like"):
        name = next(tool for tool, skill in SKILLS.items() if skill == call.name)
        params = {"prompt": args["prompt"]} if "prompt" in args else {}
    return {"API_name": name, "API_params": params}


def result(tool: str, seen: Observation, artifacts: Artifacts) -> dict[str, Any]:
    """Return what came of a call as their worker would say it; boxes are 0-1 with two decimals."""
    if seen.error is not None:
        return {"message": f"The {tool} failed: {seen.error.message}"}
    for value in (artifacts.value(name) for name in seen.artifacts):
        if isinstance(value, Boxes):
            return _boxes(value, artifacts)
        if isinstance(value, Text):
            return _text(tool, value)
        if isinstance(value, Number):
            return {"text": f"{value.value:g}"}
        if isinstance(value, Picture | Masks | Points):
            break
    return {"message": f"The {tool} has processed the image."}


def _boxes(boxes: Boxes, artifacts: Artifacts) -> dict[str, Any]:
    width, height = artifacts.picture(boxes.frame).size
    return {
        "boxes": normalised(boxes.xyxy, (width, height)),
        "logits": [round(score, 2) for score in boxes.scores],
        "phrases": list(boxes.labels),
        "size": [height, width],
    }


def normalised(places: Sequence[Sequence[float]], size: tuple[int, int]) -> list[list[float]]:
    """Return pixels of a picture of `size` (width, height) as 0-1 with two decimals."""
    return [[round(number / size[i % 2], 2) for i, number in enumerate(place)] for place in places]


def _text(tool: str, text: Text) -> dict[str, Any]:
    lines = [line.text for line in text.lines]
    if SKILLS.get(tool) == "tag":
        return {"tags": ", ".join(lines)}
    if SKILLS.get(tool) == "read_text":
        return {"texts": lines}
    if SKILLS.get(tool) == "retrieve":
        return {"retrieval_results": [{"caption": line} for line in lines]}
    return {"caption": " ".join(lines)}
