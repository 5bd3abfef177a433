"""What guides a picture made from another: its edges, its depth, or its parts in the colours of ADE20K.

Edges: Canny, "A computational approach to edge detection" (1986), in OpenCV's implementation. Depth and parts come
from the skills `estimate_depth` and `segment_scene`, with the implementations the profile chose for those.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np

from ..context import Context
from ..errors import SkillError
from ..spec import SkillResult
from ..values import Masks, Picture
from ._ade20k import colour_of
from ._diffusion import Size

if TYPE_CHECKING:
    from PIL.Image import Image

Control = Literal["canny", "depth", "seg"]

V = TypeVar("V", Picture, Masks)


class Guide(NamedTuple):
    """What guides the new picture."""

    draw: Callable[[Size], "Image"]
    """Draws it, RGB, at a size."""
    note: str = ""
    """What a reader must know of it."""


def guide(control: Control, image: Picture, ctx: Context) -> Guide:
    """Return what `control` takes from a picture.

    Raises Unavailable where depth or parts need a skill that cannot run here, and SkillError where the picture has no
    parts that a ControlNet knows.
    """
    return {"canny": _edges, "depth": _depth, "seg": _parts}[control](image, ctx)


def _edges(image: Picture, ctx: Context) -> Guide:
    """Draw edges white on black; thresholds are the settings `canny_low` and `canny_high`."""
    thresholds = ctx.setting("canny_low"), ctx.setting("canny_high")

    def draw(size: Size) -> "Image":
        from PIL import Image

        return Image.fromarray(_canny(image, size, *thresholds)).convert("RGB")

    empty = not _canny(image, image.size, *thresholds).any()
    return Guide(draw, "no edges were found in the picture, so nothing guides this one" if empty else "")


def _canny(image: Picture, size: Size, low: int, high: int) -> np.ndarray:
    """Return the edges of a picture scaled to `size`, (H, W) uint8, 255 on an edge."""
    import cv2

    how = cv2.INTER_AREA if size[0] < image.size[0] else cv2.INTER_LINEAR
    work = cv2.resize(np.ascontiguousarray(image.rgb), size, interpolation=how)
    return np.asarray(cv2.Canny(cv2.cvtColor(work, cv2.COLOR_RGB2GRAY), low, high))


def _depth(image: Picture, ctx: Context) -> Guide:
    """Take the picture that `estimate_depth` makes, as grey: what is nearer is brighter."""
    from PIL import Image

    view = _made(ctx.call("estimate_depth", image=image), Picture).image.convert("L")
    return Guide(lambda size: view.resize(size, Image.Resampling.BILINEAR).convert("RGB"))


def _parts(image: Picture, ctx: Context) -> Guide:
    """Draw the masks of `segment_scene` in the colours of ADE20K, small ones over large ones, on black."""
    from PIL import Image

    masks = _made(ctx.call("segment_scene", image=image), Masks)
    if not len(masks):
        raise SkillError("no parts were found in the picture; use control 'canny' or 'depth'")
    labels = masks.labels or ("",) * len(masks)
    unknown = sorted({label for label in labels if colour_of(label) is None})
    if len(unknown) == len(set(labels)):
        raise SkillError(
            f"none of {', '.join(map(repr, unknown[:5]))} is a class of ADE20K, which the ControlNet was trained on; "
            "use control 'canny' or 'depth'"
        )
    drawn = np.zeros((image.size[1], image.size[0], 3), dtype=np.uint8)
    areas = masks.array
    for index in np.argsort([-area.sum() for area in areas], kind="stable"):
        if (colour := colour_of(labels[index])) is not None:
            drawn[areas[index]] = colour
    left = f"no class of ADE20K, left black: {', '.join(map(repr, unknown[:5]))}" if unknown else ""
    return Guide(lambda size: Image.fromarray(drawn).resize(size, Image.Resampling.NEAREST), left)


def _made(result: Any, kind: type[V]) -> V:
    """Return the first value of a kind that another skill made."""
    values = result.values if isinstance(result, SkillResult) else result
    return next(value for value in (values if isinstance(values, tuple) else (values,)) if isinstance(value, kind))
