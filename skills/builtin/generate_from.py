"""The skill `generate_from`: a new picture from words that follows another's edges, depth or layout."""

from ..context import Context
from ..spec import SkillResult, Words, skill
from ..values import Picture
from ._diffusion import Painted, asked, scaled, told
from ._generate_from_control import Control
from ._generate_from_controlnet import CONTROLNET


@skill(examples=["paint a castle with the edges of this picture"], implementations=[CONTROLNET])
def generate_from(
    prompt: Words, image: Picture, control: Control, seed: int | None = None, *, ctx: Context
) -> SkillResult:
    """Make a new picture that follows this one's edges, depth or layout.

    Returns an RGB Picture in a frame of its own, in the shape of `image`, its longer side the profile's `side` in
    pixels; the note says how it was made. The same seed gives the same picture on one device. "depth" calls
    `estimate_depth`, "seg" `segment_scene`. Raises Unavailable where those cannot run, and SkillError for an empty
    prompt, a seed that is none, parts without a known class, and a picture the safety checker held back.
    """
    wanted = asked(prompt, seed, scaled(image.size, ctx.setting("side")), ctx)
    made: Painted = ctx.run(image, control, wanted)
    return told(Picture.from_image(made.image), made.note)
