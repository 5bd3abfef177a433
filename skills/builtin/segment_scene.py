"""The skill `segment_scene`: a mask for each class in a picture, and the picture coloured by them."""

import colorsys
import re
from collections.abc import Sequence

import numpy as np

from ..context import Context
from ..errors import SkillError
from ..masks import Rle
from ..spec import SkillResult, skill
from ..values import Masks, Picture
from ._segment_scene_mask2former import MASK2FORMER, Scene

TINT = 0.6
"""Share of a class's colour in the coloured view."""

Wanted = list[tuple[str, tuple[int, ...]]]
"""Labels, each with the indexes of the classes it means."""


@skill(examples=["split the scene into its parts"], implementations=[MASK2FORMER])
def segment_scene(image: Picture, classes: list[str] | None = None, *, ctx: Context) -> SkillResult:
    """Label every region of a scene: sky, road, wall, ground.

    Returns Masks in pixels of the picture, one a class, labelled, largest first, scores 0-1 (the mean share of the
    class among all); then a Picture of the same frame with the classes coloured, a view. `classes` keeps those named,
    labelled in the caller's words; what is not in the picture is said in the note. Raises SkillError for a class that
    the model does not know.
    """
    asked = list(dict.fromkeys(" ".join(item.split()) for item in classes or () if item.strip()))
    if classes is not None and not asked:
        raise SkillError("no class is named; leave `classes` out for the whole scene, or say e.g. classes=['sky']")
    scene: Scene = ctx.run(image)
    share = np.bincount(scene.classes.ravel(), minlength=len(scene.names)) / scene.classes.size
    wanted = _asked(asked, scene.names) if asked else _all(scene.names, share, ctx.setting("least"))
    sizes = {label: sum(float(share[i]) for i in indexes) for label, indexes in wanted}
    found = sorted((item for item in wanted if sizes[item[0]]), key=lambda item: -sizes[item[0]])
    index = _enlarged(scene.classes, image.size)
    masks = Masks(
        rle=tuple(Rle.encode(np.isin(index, indexes)) for _, indexes in found),
        labels=tuple(label for label, _ in found),
        scores=tuple(round(float(scene.sure[np.isin(scene.classes, indexes)].mean()), 4) for _, indexes in found),
        frame=image.frame,
    )
    return SkillResult(values=(masks, _coloured(image, index, found)), note=_note(asked, sizes, share, len(found)))


def _asked(asked: Sequence[str], names: Sequence[str]) -> Wanted:
    """Return the classes that each of the words asked for means; raises SkillError where one means none."""
    wanted = [(item, _known(item, names)) for item in asked]
    unknown = [item for item, indexes in wanted if not indexes]
    if unknown:
        known = ", ".join(names[:12]) + (f" ... ({len(names)} in all)" if len(names) > 12 else "")
        raise SkillError(f"this model does not know {unknown[0]!r}; it knows {known}; `detect` finds other things")
    return wanted


def _known(item: str, names: Sequence[str]) -> tuple[int, ...]:
    """Return the classes that the last words of "the blue sky" mean; "wall" is also "wall-brick" and "wall, panel"."""
    words = item.lower().split()
    for start in range(len(words)):
        phrase = " ".join(words[start:])
        forms = {phrase, f"{phrase}s", phrase.removesuffix("s"), phrase.removesuffix("es")}
        found = tuple(i for i, name in enumerate(names) if forms & _synonyms(name))
        if found:
            return found
    return ()


def _synonyms(name: str) -> set[str]:
    """Return the words for a class: "wall-other-merged" is "wall" too, "door; double door" is either."""
    parts = [part.strip() for part in re.split(r"[,;/]", name.lower())]
    return {name.lower(), *parts, *(part.partition("-")[0] for part in parts)}


def _all(names: Sequence[str], share: np.ndarray, least: float) -> Wanted:
    """Return every class that takes at least the share `least` of the picture."""
    return [(name, (i,)) for i, name in enumerate(names) if share[i] and share[i] >= least]


def _enlarged(index: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return class indexes (H, W) for a picture of `size` (width, height)."""
    import cv2

    return np.asarray(cv2.resize(index, size, interpolation=cv2.INTER_NEAREST)).reshape(size[::-1])


def _coloured(image: Picture, index: np.ndarray, found: Wanted) -> Picture:
    """Return the picture with the classes found tinted; a class has the same colour in every picture."""
    made = image.rgb.copy()
    for _, indexes in found:
        hue = indexes[0] * 0.618034 % 1  # the golden ratio keeps neighbours apart
        colour = np.array(colorsys.hsv_to_rgb(hue, 0.75, 1.0)) * 255
        inside = np.isin(index, indexes)
        made[inside] = (made[inside] * (1 - TINT) + colour * TINT).astype(np.uint8)
    return Picture.from_array(made, frame=image.frame, view=True)


def _note(asked: Sequence[str], sizes: dict[str, float], share: np.ndarray, found: int) -> str:
    absent = [item for item in asked if not sizes[item]]
    if absent:
        return "not in this picture: " + ", ".join(repr(item) for item in absent)
    small = 0 if asked else int((share > 0).sum()) - found
    return f"{small} smaller classes are left out" if small else ""
