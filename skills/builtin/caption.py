"""The skill `caption`: a sentence about the picture or a part of it, by the model the profile chose."""

from ..context import Context
from ..regions import Region
from ..spec import SkillResult, skill
from ..values import Line, Picture, Text
from ._caption_blip2 import BLIP2
from ._caption_florence import FLORENCE2
from .crop import crop


@skill(examples=["describe this picture", "¿qué se ve aquí?"], implementations=[BLIP2, FLORENCE2])
def caption(image: Picture, region: Region | None = None, *, ctx: Context) -> SkillResult:
    """Describe the picture or a region in a sentence.

    Of a region the model sees the bounds alone, cropped. Returns Text of one line in the picture's frame, with the
    region's box in pixels where there is one; a model may read out what a stranger wrote in the picture, so it is
    untrusted. A model that writes nothing gives empty Text and a note. Raises SkillError for a region that is a point
    or holds no pixel.
    """
    part = image if region is None else crop(image, region)
    written = " ".join(str(ctx.run(part)).split())
    box = None if region is None else region.box
    lines = (Line(text=written, box=box),) if written else ()
    text = Text(lines=lines, frame=image.frame, untrusted=True)
    return SkillResult(values=(text,), note="" if written else "the model wrote no word about it")
