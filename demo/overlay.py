"""Regions drawn over the picture they lie in, with the drawing of the skill `annotate`."""

from collections.abc import Sequence

from skills import Boxes, Masks, Picture, Points, Regions, Text
from skills.builtin.annotate import annotate
from skills.regions import resolve
from skills.store import Artifacts

MOST = 200
"""Regions drawn over one picture; more would hide it."""

PANEL = 560
"""Longer side in pixels of the picture a mark is drawn on."""


MARK = (230, 25, 75)
"""Colour of a visitor's mark, RGB, edged in white."""


def overlay(artifact_id: str, artifacts: Artifacts, base: str = "") -> Picture | None:
    """Return boxes, masks, points or placed text drawn over their picture; None where there is nothing to draw.

    `base` is the picture the call worked on; it is drawn on where it shares the region's frame, else the frame itself.
    """
    value = artifacts.value(artifact_id)
    if not isinstance(value, Boxes | Masks | Points | Text) or value.frame not in artifacts:
        return None
    shared = base in artifacts and artifacts.record(base).frame == value.frame
    picture = artifacts.picture(base if shared else value.frame)
    placed = any(line.box for line in value.lines) if isinstance(value, Text) else len(value) > 0
    if not placed:
        return None
    regions = Regions(items=resolve(artifact_id, picture, artifacts).items[:MOST])
    return _drawn(picture, regions, [""] if isinstance(value, Text) else None)


def panel(picture: Picture) -> Picture:
    """Return the picture at the size a mark is drawn at; both sides are at most PANEL pixels."""
    image = picture.image.convert("RGB")
    image.thumbnail((PANEL, PANEL))
    return Picture.from_image(image)


def with_mark(picture: Picture, mark: Sequence[float]) -> Picture:
    """Return the picture with a mark, (x, y) or (x1, y1, x2, y2) normalised 0-1, drawn on it; () draws nothing."""
    from PIL import ImageDraw

    if not mark:
        return picture
    image = picture.image
    draw = ImageDraw.Draw(image)
    line = max(2, round(max(image.size) / 120))
    x, y, *rest = (value * side for value, side in zip(mark, image.size * 2, strict=False))
    for extra, colour in ((line, "white"), (0, MARK)):
        if rest:
            draw.rectangle((x - extra, y - extra, rest[0] + extra, rest[1] + extra), outline=colour, width=line + extra)
        else:
            radius = 2 * line + extra
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return Picture.from_image(image)


def _drawn(picture: Picture, regions: Regions, labels: list[str] | None) -> Picture:
    assert annotate.run is not None
    made = annotate.run(picture, regions, labels)
    assert isinstance(made, Picture)
    return made
