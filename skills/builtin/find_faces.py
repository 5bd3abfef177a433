"""The skill `find_faces`: a box around every face, by what the profile chose: OpenCV's cascades or a small network."""

from ..context import Context
from ..spec import SkillResult, skill
from ..values import Picture
from ._find_faces_cascades import CASCADES
from ._find_faces_rfb import RFB_320


@skill(
    examples=["how many people are in the photo?", "blur the faces"],
    implementations=[CASCADES, RFB_320],
)
def find_faces(image: Picture, *, ctx: Context) -> SkillResult:
    """Find human faces: a box around each face, to count or blur.

    Returns Boxes in pixels of the picture, from hair line to chin, labelled "face", best first; scores are 0-1. No
    face gives empty Boxes, and a note with the best score there was where the network looked.
    """
    found: SkillResult = ctx.run(image)
    return found
