"""Filling a region from words through whatever inpainting pipeline of diffusers a checkpoint names.

The model sees the region with some of what is around it, enlarged to its working size: a small region of a large
photo is painted in full detail.
"""

from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation, Weights
from ..regions import bounds
from ..values import Picture
from ._diffusion import SETTINGS, Asked, Painted, Size, paint, scaled
from ._pipelines import FILES, load_pipeline

SURROUNDINGS = 0.5
"""What the model sees around a region, as a share of the region's longer side, on each side of it."""

LEAST_AROUND = 32
"""The least it sees around, in pixels."""


def _load(weights: Weights) -> Any:
    from diffusers import AutoPipelineForInpainting

    return load_pipeline(AutoPipelineForInpainting, weights)


def _fill(image: Picture, hole: np.ndarray, wanted: Asked, ctx: Context) -> tuple[np.ndarray, str]:
    """Return (H, W, 3) uint8, the picture with `hole`, (H, W) bool, painted anew, and how that was done.

    What lies outside the hole is exactly the picture's. `wanted.size` is replaced by the working size.
    """
    from PIL import Image

    rows, columns = around(hole)
    part, inside = image.rgb[rows, columns], hole[rows, columns]
    seen, mask = Image.fromarray(part), Image.fromarray(inside.astype(np.uint8) * 255)

    def inputs(size: Size) -> dict[str, Any]:
        return {
            "image": seen.resize(size, Image.Resampling.LANCZOS),
            "mask_image": mask.resize(size, Image.Resampling.BOX).point(lambda value: 255 if value else 0),
            "strength": ctx.setting("strength"),
            "width": size[0],
            "height": size[1],
        }

    work = wanted._replace(size=scaled(seen.size, ctx.setting("side")))
    painted: Painted = ctx.infer(lambda pipeline: paint(pipeline, work, ctx, inputs))
    fresh = np.asarray(painted.image.resize(seen.size, Image.Resampling.LANCZOS))
    edited: np.ndarray = image.rgb.copy()
    edited[rows, columns][inside] = fresh[inside]
    return edited, painted.note


def around(hole: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns that a region, (H, W) bool, is shown with."""
    x1, y1, x2, y2 = (int(n) for n in bounds(hole))
    edge = max(LEAST_AROUND, round(SURROUNDINGS * max(x2 - x1, y2 - y1)))
    return slice(max(0, y1 - edge), y2 + edge), slice(max(0, x1 - edge), x2 + edge)


INPAINTING = Implementation(
    name="inpainting",
    run=_fill,
    load=_load,
    needs=("torch", "diffusers"),
    checkpoint=Checkpoint(
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        licence="CreativeML OpenRAIL-M",
        size=5_480_000_000,
        files=FILES,
    ),
    settings={**SETTINGS, "strength": 1.0},
)
"""Settings as in `_diffusion.SETTINGS`; `strength` 0-1 is how much of what was in the region is forgotten."""
