"""The skill `edit`: the whole picture changed as an instruction says."""

import numpy as np

from ..context import Context
from ..spec import SkillResult, Words, skill
from ..values import Picture
from ._diffusion import Painted, asked, told
from ._edit_pix2pix import INSTRUCT_PIX2PIX


@skill(examples=["make it look like winter"], implementations=[INSTRUCT_PIX2PIX])
def edit(image: Picture, instruction: Words, seed: int | None = None, *, ctx: Context) -> SkillResult:
    """Edit or restyle the picture as told in words.

    Returns the Picture in its own frame and size, transparency as it was; the note says how it was made and at which
    size it was worked on. The same seed gives the same picture on one device. Raises SkillError for an empty
    instruction, a seed that is none, and a picture the safety checker held back.
    """
    made: Painted = ctx.run(image, asked(instruction, seed, image.size, ctx))
    edited = np.asarray(made.image)
    if image.mode == "RGBA":
        edited = np.dstack([edited, image.array[:, :, 3]])
    return told(image.redrawn(edited), made.note)
