"""The skill `adjust`: brightness, contrast, saturation, grey."""

from typing import Annotated

from pydantic import Field

from ..errors import SkillError
from ..spec import skill
from ..values import Picture

Factor = Annotated[float, Field(ge=0, le=3)]
"""1.0 leaves the picture as it is, 0 takes the property away, 3 triples it."""


@skill(examples=["make it brighter", "turn it black and white", "a little more contrast"])
def adjust(
    image: Picture,
    brightness: Factor = 1.0,
    contrast: Factor = 1.0,
    saturation: Factor = 1.0,
    grayscale: bool = False,
) -> Picture:
    """Adjust brightness, contrast, saturation (1 unchanged), or turn it grayscale.

    The result keeps frame, size and transparency. Raises SkillError where nothing would change.
    """
    from PIL import ImageEnhance

    edited = image.image
    steps = (
        (ImageEnhance.Brightness, brightness),
        (ImageEnhance.Contrast, contrast),
        (ImageEnhance.Color, saturation),
    )
    if not grayscale and all(factor == 1.0 for _, factor in steps):
        raise SkillError("nothing to adjust; give a brightness, contrast or saturation other than 1.0, or grayscale")
    for enhance, factor in steps:
        if factor != 1.0:
            edited = enhance(edited).enhance(factor)
    if grayscale:
        edited = edited.convert("LA" if image.mode == "RGBA" else "L").convert(image.mode)
    return image.redrawn(edited)
