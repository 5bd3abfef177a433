"""The skill `inpaint`: a region replaced by something described in words, and nothing else touched."""

import numpy as np

from ..context import Context
from ..errors import SkillError
from ..regions import Regions
from ..spec import SkillResult, Words, skill
from ..values import Picture
from ._diffusion import asked, told
from ._inpaint_diffusion import INPAINTING


@skill(examples=["replace this with a vase"], implementations=[INPAINTING])
def inpaint(image: Picture, regions: Regions, prompt: Words, seed: int | None = None, *, ctx: Context) -> SkillResult:
    """Replace a region with something described in words.

    Returns the Picture in its own frame and size; pixels outside the regions, and their transparency, stay exactly as
    they were, and inside them it is opaque. The note says how it was made. The same seed gives the same picture on one
    device. Raises BadRegion for a point, and SkillError for an empty region, an empty prompt, a seed that is none, and
    a picture the safety checker held back.
    """
    hole = regions.mask(image.size)
    if not hole.any():
        raise SkillError("the region is empty, nothing would be replaced; name another region")
    edited, note = ctx.run(image, hole, asked(prompt, seed, image.size, ctx))
    if image.mode == "RGBA":
        edited = np.dstack([edited, np.where(hole, np.uint8(255), image.array[:, :, 3])])
    return told(image.redrawn(edited), note)
