"""Pictures of a shape that a model cannot see."""

from ..errors import SkillError
from ..values import Picture


def check_shape(image: Picture, side: int) -> None:
    """Raise SkillError for a picture that is less than one pixel wide when its longer side is `side` pixels."""
    width, height = image.size
    if min(image.size) * side < 0.5 * max(image.size):
        raise SkillError(f"a picture of {width}x{height} is too thin for this model; crop it first")
