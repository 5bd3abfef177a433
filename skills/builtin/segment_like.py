"""The skill `segment_like`: everything that looks like what one region holds."""

from ..context import Context
from ..errors import SkillError
from ..regions import Region
from ..spec import SkillResult, skill
from ..values import Masks, Picture
from ._segment_like_sam3 import SAM3, Alike


@skill(examples=["mark everything like this"], implementations=[SAM3])
def segment_like(image: Picture, example: Region, *, ctx: Context) -> SkillResult:
    """Segment everything that looks like an example region.

    Returns Masks in pixels of the picture, the example's own among them, best first, scores 0-1; each carries the
    example's label where it has one. A mask or a text as example stands for its box. Nothing alike gives empty Masks
    and a note with the best score there was. Raises SkillError for a point, which has no size, and for a box without
    area.
    """
    if example.point is not None:
        raise SkillError("a point has no size; give a box around one example, or call segment on the point first")
    x1, y1, x2, y2 = example.box
    if x1 >= x2 or y1 >= y2:
        raise SkillError("the example has no area in this picture; give a box around one example")
    found: Alike = ctx.run(image, example.box)
    labels = (example.label,) * len(found.masks) if example.label else ()
    masks = Masks(rle=found.masks, scores=found.scores, labels=labels, frame=image.frame)
    nothing = f"nothing alike found at {ctx.setting('threshold'):g}; best {found.best:.2f}"
    return SkillResult(values=(masks,), note="" if found.masks else nothing)
