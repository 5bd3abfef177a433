"""The skill `generate`: a new picture from words, by the diffusion pipeline the profile chose."""

from ..context import Context
from ..errors import SkillError
from ..spec import SkillResult, Words, skill
from ..values import Picture
from ._diffusion import Painted, asked, told
from ._generate_diffusion import DIFFUSION

SMALLEST = 64
"""The shortest side in pixels that may be asked for."""


@skill(examples=["draw a fox in the snow"], implementations=[DIFFUSION])
def generate(
    prompt: Words, width: int | None = None, height: int | None = None, seed: int | None = None, *, ctx: Context
) -> SkillResult:
    """Generate, draw or paint a new picture from words.

    Returns an RGB Picture in a frame of its own, `width` x `height` pixels (the profile's `side` where they are left
    out); the note says how it was made. The same seed gives the same picture on one device. Raises SkillError for a
    size the profile does not allow, an empty prompt, a seed that is none, and a picture the safety checker held back.
    """
    largest = ctx.setting("largest")
    for name, asked_for in (("width", width), ("height", height)):
        if asked_for is not None and not SMALLEST <= asked_for <= largest:
            raise SkillError(f"{name} {asked_for} cannot be painted; expected {SMALLEST} to {largest} pixels")
    side = ctx.setting("side")
    made: Painted = ctx.run(asked(prompt, seed, (width or side, height or side), ctx))
    return told(Picture.from_image(made.image), made.note)
