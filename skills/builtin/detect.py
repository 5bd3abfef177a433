"""The skill `detect`: boxes around named objects, by the detector the profile chose."""

from ..context import Context
from ..errors import SkillError
from ..spec import SkillResult, skill
from ..values import Picture
from ._detect_dino import GROUNDING_DINO
from ._detect_dino_pth import GROUNDING_DINO_PTH
from ._detect_fastest import FASTEST_DET
from ._detections import Candidates, chosen


@skill(
    examples=["find the red car", "¿dónde está el perro?"],
    implementations=[GROUNDING_DINO, FASTEST_DET, GROUNDING_DINO_PTH],
)
def detect(image: Picture, objects: list[str], threshold: float | None = None, *, ctx: Context) -> SkillResult:
    """Detect and locate named objects; find, count or box things.

    Returns Boxes in pixels of the picture, labelled with the objects as they were asked for, best first, scores 0-1.
    `threshold` (0-1) takes the place of the profile's. Nothing found gives empty Boxes and a note with the best score
    there was. Raises SkillError for a threshold outside 0-1 and for objects that the detector cannot know.
    """
    least = ctx.setting("threshold") if threshold is None else threshold
    if not 0 <= least <= 1:
        raise SkillError(f"threshold {least:g} is no score; expected a number from 0 to 1")
    asked = list(dict.fromkeys(" ".join(item.split()) for item in objects if item.strip()))
    if not asked:
        raise SkillError("no object is named; say what to look for, e.g. objects=['cat']")
    found: Candidates = ctx.run(image, asked)
    return chosen(found, asked, image, least, ctx.setting("overlap"))
