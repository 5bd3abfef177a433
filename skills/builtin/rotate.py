"""The skill `rotate`: turn a picture, counter-clockwise for positive degrees."""

import math

from ..errors import SkillError
from ..pictures import MAX_MEGAPIXELS
from ..spec import skill
from ..values import Picture


@skill(examples=["turn it 90 degrees to the left", "straighten the photo by 3 degrees"])
def rotate(image: Picture, degrees: float) -> Picture:
    """Rotate, turn or straighten the picture; positive degrees are counter-clockwise.

    Multiples of 90 move pixels without loss. Any other angle enlarges the canvas so that nothing is cut off; the
    new corners are white (transparent where the picture has transparency). The result starts a frame of its
    own. Raises SkillError for an angle that is not finite or leaves the picture as it is, and where the canvas
    would pass 50 megapixels.
    """
    from PIL import Image

    if not math.isfinite(degrees):
        raise SkillError(f"{degrees!r} is no angle; give degrees, e.g. 90 or -15")
    turn = degrees % 360
    if turn == 0:
        raise SkillError(f"turning by {degrees:g} degrees leaves the picture as it is; give an angle between 0 and 360")
    lossless = {
        90: Image.Transpose.ROTATE_90,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_270,
    }
    if turn in lossless:
        return Picture.from_image(image.image.transpose(lossless[int(turn)]))
    width, height = image.size
    cos, sin = abs(math.cos(math.radians(turn))), abs(math.sin(math.radians(turn)))
    if (width * cos + height * sin) * (width * sin + height * cos) > MAX_MEGAPIXELS * 1e6:
        raise SkillError(f"turned by {degrees:g} degrees it would be over {MAX_MEGAPIXELS} megapixels; crop it first")
    corners = (255, 255, 255) if image.mode == "RGB" else (255, 255, 255, 0)
    turned = image.image.rotate(turn, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=corners)
    return Picture.from_image(turned)
