"""What skills would find in a drawn scene, told by its truth; for skills whose checkpoint is not here."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skills import Boxes, Line, Masks, Picture, SkillResult, Text
from skills.masks import Rle
from skills.regions import Region

from .boards import in_words
from .phrasings import LANGUAGES, Language
from .pictograms import in_language
from .requests import without_accents
from .scenes import Scene, Thing
from .teach_truth import same_thing

NEAREST, GROUND = 255, 40
"""Grey levels of the nearest thing and of the ground behind all."""


def told(skill: str, arguments: Mapping[str, Any], scene: Scene) -> SkillResult | None:
    """Return what a skill of the contract would find in a scene; None where its truth does not say.

    `arguments` are as the skill receives them: pictures, regions in pixels.
    """
    answer = _TOLD.get(skill)
    return answer(arguments, scene) if answer else None


def is_called(thing: Thing, words: str) -> bool:
    """Return whether words name a thing, in English or Spanish, with its colour or without."""
    asked = without_accents(words.casefold())
    return any(same_thing(without_accents(name.casefold()), asked) for name in names(thing))


def names(thing: Thing) -> list[str]:
    """Return what a thing is called: its noun in both languages, and with its colour where it has one name for it."""
    return [name for language in LANGUAGES for name in named(thing, language)]


def named(thing: Thing, language: Language) -> list[str]:
    """Return what a language calls a thing."""
    if not thing.style:
        return [in_words(thing.noun, colour, language) for colour in ("", thing.colour)]
    coloured = [f"{thing.colour} {thing.noun}"] if thing.colour and language == "en" else []
    return [in_language(thing.noun, language), *coloured]


def _detect(arguments: Mapping[str, Any], scene: Scene) -> SkillResult:
    asked: Sequence[str] = list(dict.fromkeys(" ".join(item.split()) for item in arguments["objects"] if item.strip()))
    found = [(thing.box, words) for words in asked for thing in scene.things if is_called(thing, words)]
    absent = [repr(words) for words in asked if not any(words == label for _, label in found)]
    note = f"nothing found for {', '.join(absent)}" if absent else ""
    boxes = Boxes(
        xyxy=tuple(box for box, _ in found),
        labels=tuple(label for _, label in found),
        scores=(1.0,) * len(found),
        frame=arguments["image"].frame,
    )
    return SkillResult(values=(boxes,), note=note)


def _masks(things: Sequence[Thing], image: Picture, label: str = "") -> Masks:
    return Masks(
        rle=tuple(Rle.encode(ink(thing, image.size)) for thing in things),
        labels=tuple(label or thing.noun for thing in things),
        scores=(1.0,) * len(things),
        frame=image.frame,
    )


def ink(thing: Thing, size: tuple[int, int]) -> np.ndarray:
    """Return a thing's ink as a mask, (H, W) bool, for a picture of `size` (width, height)."""
    from PIL import Image

    canvas = Image.new("L", size)
    with Image.open(io.BytesIO(thing.alpha)) as alpha:
        canvas.paste(alpha, (int(thing.box[0]), int(thing.box[1])))
    mask: np.ndarray = np.asarray(canvas) > 127
    return mask


def _segment_scene(arguments: Mapping[str, Any], scene: Scene) -> SkillResult:
    image: Picture = arguments["image"]
    asked: Sequence[str] | None = arguments.get("classes")
    kept = [t for t in scene.things if asked is None or any(is_called(t, words) for words in asked)]
    view = image.rgb.copy()
    for number, thing in enumerate(kept):
        view[ink(thing, image.size)] = ((number * 97) % 256, (number * 151 + 80) % 256, 255 - (number * 60) % 256)
    return SkillResult(
        values=(_masks(kept, image), Picture.from_array(view, frame=image.frame, view=True)),
        note="" if kept else "nothing found of what was named",
    )


def _segment_like(arguments: Mapping[str, Any], scene: Scene) -> SkillResult:
    example: Region = arguments["example"]
    meant = max(scene.things, key=lambda thing: _shared(thing, example), default=None)
    if meant is None or not _shared(meant, example):
        return SkillResult(values=(Masks(frame=arguments["image"].frame),), note="nothing alike found")
    alike = [thing for thing in scene.things if (thing.noun, thing.colour) == (meant.noun, meant.colour)]
    return SkillResult(values=(_masks(alike, arguments["image"], example.label),))


def _shared(thing: Thing, region: Region) -> float:
    """Return the pixels that a thing's box shares with a region's."""
    (x1, y1, x2, y2), (a1, b1, a2, b2) = thing.box, region.box
    return max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))


def _tag(arguments: Mapping[str, Any], scene: Scene) -> SkillResult:
    tags = [thing.noun for thing in scene.things] + ["writing"] * bool(scene.lines) + ["QR code"] * bool(scene.codes)
    lines = tuple(Line(text=word, score=1.0) for word in dict.fromkeys(tags))
    return SkillResult(values=(Text(lines=lines, frame=arguments["image"].frame),))


def _caption(arguments: Mapping[str, Any], scene: Scene) -> SkillResult:
    region: Region | None = arguments.get("region")
    things = [thing for thing in scene.things if region is None or _shared(thing, region)]
    said = [_a(" ".join(part for part in (thing.colour, thing.noun) if part)) for thing in things]
    said += [f"a sign that says {scene.lines[0].text}"] if scene.lines and region is None else []
    said += ["a QR code"] if scene.codes and region is None else []
    text = " and ".join(part for part in (", ".join(said[:-1]), said[-1] if said else "a plain surface") if part)
    line = Line(text=text, box=None if region is None else region.box)
    return SkillResult(values=(Text(lines=(line,), frame=arguments["image"].frame, untrusted=True),))


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _estimate_depth(arguments: Mapping[str, Any], scene: Scene) -> SkillResult:
    image: Picture = arguments["image"]
    grey = np.full((image.size[1], image.size[0], 3), GROUND, dtype=np.uint8)
    for level, thing in zip(np.linspace(90, NEAREST, max(1, len(scene.things))), scene.things, strict=False):
        grey[ink(thing, image.size)] = round(level)
    note = "white is near, black is far; distances have no unit"
    return SkillResult(values=(Picture.from_array(grey, frame=image.frame, view=True),), note=note)


def _moderate(arguments: Mapping[str, Any], _scene: Scene) -> SkillResult:
    line = Line(text="safe: unsafe content 0.00, counts from 0.5", score=1.0)
    return SkillResult(values=(Text(lines=(line,), frame=arguments["image"].frame),))


_TOLD: Mapping[str, Callable[[Mapping[str, Any], Scene], SkillResult]] = {
    "detect": _detect,
    "segment_scene": _segment_scene,
    "segment_like": _segment_like,
    "tag": _tag,
    "caption": _caption,
    "estimate_depth": _estimate_depth,
    "moderate": _moderate,
}
