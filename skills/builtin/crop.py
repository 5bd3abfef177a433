"""The skill `crop`: the part of a picture inside a region, as a picture of its own."""

from ..errors import SkillError
from ..regions import Region
from ..spec import skill
from ..values import Picture


@skill(examples=["crop the sign", "zoom in on the left half"])
def crop(image: Picture, region: Region) -> Picture:
    """Crop the picture to a region: zoom in, keep only that part.

    The result starts a frame of its own; every pixel that the region's bounds touch is inside. Raises SkillError
    for a point and for a region that holds no pixel of the picture.
    """
    if region.point is not None:
        raise SkillError("a point has no area to crop; give a box [x1, y1, x2, y2] or call segment on it first")
    width, height = image.size
    x1, y1, x2, y2 = region.pixels
    x1, y1, x2, y2 = max(0, x1), max(0, y1), min(width, x2), min(height, y2)
    if x2 <= x1 or y2 <= y1:
        raise SkillError(
            f"the region {region.box!r} holds no pixel of the {width}x{height} picture; give a box that lies inside it"
        )
    return Picture.from_array(image.array[y1:y2, x1:x2])
