"""The skill `cut_out`: the background made transparent."""

import numpy as np

from ..errors import SkillError
from ..regions import Regions
from ..spec import skill
from ..values import Picture


@skill(examples=["remove the background", "cut out the dog"])
def cut_out(image: Picture, regions: Regions) -> Picture:
    """Cut out regions: remove the background, making everything else transparent.

    The result is RGBA of the same size in the same frame. Pixels inside keep their colour and transparency;
    pixels outside are black with alpha 0, so nothing hidden can be brought back. Raises SkillError for an empty
    region and BadRegion for a point.
    """
    inside = regions.mask(image.size)
    if not inside.any():
        raise SkillError("the region is empty, nothing would be left; name another region")
    rgba = np.zeros((*inside.shape, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    rgba[..., : len(image.mode)] = image.array
    rgba[~inside] = 0
    return image.redrawn(rgba)
