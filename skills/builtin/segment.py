"""The skill `segment`: a mask for each object pointed at, by the model the profile chose."""

from ..context import Context
from ..errors import SkillError
from ..regions import Regions
from ..spec import SkillResult, skill
from ..values import Masks, Picture
from ._segment_grabcut import GRABCUT
from ._segment_model import Cut, Detail
from ._segment_original import ORIGINAL
from ._segment_prompts import nothing
from ._segment_sam import SAM, SAM2


@skill(
    examples=["cut around the cup", "outline the dog"],
    implementations=[GRABCUT, SAM, SAM2, ORIGINAL],
)
def segment(
    image: Picture, regions: Regions, exclude: Regions | None = None, detail: Detail = "whole", *, ctx: Context
) -> SkillResult:
    """Segment objects exactly: a mask for each box or clicked object.

    Returns Masks in pixels of the picture: one for each box or mask in `regions`, then one for all its points
    together; labels are carried over, scores (0-1) are there where a model gives them. `exclude` and points with
    `include` False are background. `detail` "part" means the piece that is pointed at, "subpart" a piece of that
    piece. An object where nothing stands out has an empty mask and is named in the note; raises SkillError where
    that is so of all.
    """
    away = [item for item in regions if not item.include] + list(exclude or ())
    wanted = [item for item in regions if item.include]
    clicks = [item for item in wanted if item.point is not None]
    objects = [[item] for item in wanted if item.point is None] + ([clicks] if clicks else [])
    if not objects:
        raise SkillError("every point lies beside the object; add one on the object itself")
    made: Cut = ctx.run(image, objects, away, detail)
    empty = [i for i, mask in enumerate(made.masks) if mask == nothing(image.size)]
    if len(empty) == len(objects):
        raise SkillError("nothing stands out from its surroundings there; give a box around the whole object")
    labels = tuple(parts[0].label for parts in objects)
    masks = Masks(rle=made.masks, scores=made.scores, labels=labels if any(labels) else (), frame=image.frame)
    where = ", ".join(f"[{i}]" for i in empty)
    return SkillResult(values=(masks,), note=f"nothing stands out at {where}: its mask is empty" if empty else "")
