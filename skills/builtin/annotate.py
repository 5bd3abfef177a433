"""The skill `annotate`: draw regions and their names on a picture."""

from typing import TYPE_CHECKING

import numpy as np

from ..errors import SkillError
from ..regions import Region, Regions
from ..spec import Words, skill
from ..values import Picture

if TYPE_CHECKING:
    from PIL import ImageDraw

COLOURS = (
    (230, 25, 75),
    (0, 110, 220),
    (255, 225, 25),
    (60, 180, 75),
    (245, 130, 48),
    (145, 30, 180),
    (70, 240, 240),
    (240, 50, 230),
)
"""Colours far apart from each other, RGB; equal labels share one."""

LONGEST = 40
"""Characters of a label that are drawn; the rest becomes an ellipsis."""

Rectangle = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels of the picture."""


@skill(examples=["draw the boxes on the picture", "mark where the cats are"])
def annotate(image: Picture, regions: Regions, labels: list[Words] | None = None) -> Picture:
    """Draw boxes, outlines, points and labels on the picture to show regions.

    The result is a view in the same frame: later edits take the picture it was drawn on. `labels` holds one label a
    region or one for all; without it a region's own label is drawn, or its number where there are several.
    Raises SkillError where the number of labels does not fit.
    """
    from PIL import Image, ImageDraw

    names = _names(regions, labels)
    order = list(dict.fromkeys(names))
    coloured = [COLOURS[order.index(name) % len(COLOURS)] for name in names]
    array = image.array.copy()
    width = max(1, round(max(image.size) / 400))
    for region, colour in zip(regions, coloured, strict=True):
        if region.rle is not None:
            _draw_mask(array, region, colour, width)
    canvas = Image.fromarray(array)
    draw = ImageDraw.Draw(canvas)
    taken: list[Rectangle] = []
    for region, name, colour in zip(regions, names, coloured, strict=True):
        _draw_shape(draw, region, colour, width)
        if name:
            taken.append(_draw_label(draw, image.size, region, name, colour, taken))
    return Picture.from_image(canvas, frame=image.frame, view=True)


def _names(regions: Regions, labels: list[str] | None) -> list[str]:
    count = len(regions)
    if labels is not None and len(labels) not in (1, count):
        raise SkillError(f"{len(labels)} labels for {count} regions; give one for each region, or one for all")
    if labels is not None:
        names = list(labels) * (count if len(labels) == 1 else 1)
    else:
        numbers = [str(n + 1) if count > 1 else "" for n in range(count)]
        names = [region.label or number for region, number in zip(regions, numbers, strict=True)]
    short = [" ".join(name.split()) for name in names]
    return [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in short]


def _draw_mask(array: np.ndarray, region: Region, colour: tuple[int, int, int], width: int) -> None:
    """Tint the mask and draw its outline in `array`, (H, W, 3 or 4) uint8, changed in place."""
    import cv2

    inside = region.mask((array.shape[1], array.shape[0]))
    tinted = array[inside, :3] * 0.6 + np.asarray(colour) * 0.4
    array[inside, :3] = tinted.astype(np.uint8)
    found = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    line = np.zeros(inside.shape, dtype=np.uint8)
    cv2.drawContours(line, found[0], -1, 1, width)
    array[line > 0, :3] = colour
    if array.shape[2] == 4:
        array[line > 0, 3] = 255


def _draw_shape(draw: "ImageDraw.ImageDraw", region: Region, colour: tuple[int, int, int], width: int) -> None:
    """Draw a point as a dot (a cross where it is excluded), anything without a mask as its box."""
    if region.point is not None:
        x, y = region.point
        size = 3 * width
        draw.ellipse((x - size, y - size, x + size, y + size), outline="white", width=width)
        inner = size - width
        fill = colour if region.include else None
        draw.ellipse((x - inner, y - inner, x + inner, y + inner), fill=fill, outline=colour)
    elif region.rle is None:
        x1, y1, x2, y2 = region.pixels
        draw.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour, width=width)


def _draw_label(
    draw: "ImageDraw.ImageDraw",
    size: tuple[int, int],
    region: Region,
    name: str,
    colour: tuple[int, int, int],
    taken: list[Rectangle],
) -> Rectangle:
    """Write `name` beside the region, inside the picture and off other labels; return where it stands."""
    from PIL import ImageFont

    font = ImageFont.load_default(size=max(11, min(96, round(max(size) / 45))))
    left, top, right, bottom = draw.textbbox((0, 0), name, font=font)
    pad = max(1, round((bottom - top) / 5))
    wide, high = round(right - left) + 2 * pad, round(bottom - top) + 2 * pad
    x1, y1, x2, y2 = region.pixels
    wished = ((x1, y1 - high), (x1, y2), (x1, y1), (x2 - wide, y2 - high), (x2 - wide, y1 - high))
    places = [_inside((x, y, x + wide, y + high), size) for x, y in wished]
    place = next((p for p in places if not any(_meet(p, other) for other in taken)), places[0])
    draw.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), fill=colour)
    dark = sum(weight * c for weight, c in zip((0.3, 0.6, 0.1), colour, strict=True)) > 140
    draw.text(
        (place[0] + pad - left, place[1] + pad - top),
        name,
        font=font,
        fill="black" if dark else "white",
    )
    return place


def _inside(place: Rectangle, size: tuple[int, int]) -> Rectangle:
    """Move a rectangle into a picture of `size`; one larger than the picture starts at its corner."""
    x1, y1, x2, y2 = place
    x = max(0, min(x1, size[0] - (x2 - x1)))
    y = max(0, min(y1, size[1] - (y2 - y1)))
    return x, y, x + x2 - x1, y + y2 - y1


def _meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
