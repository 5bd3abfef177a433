"""The skill `blur`: make regions unrecognisable, and touch nothing else."""

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from ..errors import SkillError
from ..regions import Region, Regions
from ..spec import skill
from ..values import Picture

WEAKEST, STRONGEST = 0.02, 0.24
"""The Gaussian's radius at strength 0 and 1, as shares of the region's size (geometric mean of its sides)."""


@skill(examples=["blur the faces", "pixelate the number plate", "hide the name on the badge"])
def blur(
    image: Picture,
    regions: Regions,
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5,
) -> Picture:
    """Blur, pixelate or hide regions, e.g. faces or number plates.

    The radius grows with the size of each region, so that a face of any size is unrecognisable at the default.
    Pixels outside the regions and all transparency stay exactly as they were; the result keeps the frame. Raises
    BadRegion for a point and SkillError for a region without a pixel.
    """
    edited = image.array.copy()
    touched = False
    for region in regions:
        touched |= _blur_one(image, edited, region, strength)
    if not touched:
        raise SkillError("the region is empty, nothing would be blurred; name another region")
    return image.redrawn(edited)


def _blur_one(image: Picture, edited: np.ndarray, region: Region, strength: float) -> bool:
    """Blur `region` inside `edited` (H, W, C) uint8; return False where it holds no pixel."""
    from PIL import Image, ImageFilter

    height, width = edited.shape[:2]
    x1, y1, x2, y2 = np.clip(region.pixels, 0, [width, height] * 2)
    inside = region.mask(image.size)[y1:y2, x1:x2]
    if not inside.any():
        return False
    radius = max(1.0, (WEAKEST + (STRONGEST - WEAKEST) * strength) * math.sqrt((x2 - x1) * (y2 - y1)))
    part = edited[y1:y2, x1:x2]
    source = Image.fromarray(part)
    if image.mode == "RGBA":
        source = source.convert("RGBa")
    soft = np.asarray(source.filter(ImageFilter.GaussianBlur(radius)).convert(image.mode))
    part[inside, :3] = soft[inside, :3]
    return True
