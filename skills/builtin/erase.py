"""The skill `erase`: fill regions from what surrounds them.

Telea, "An image inpainting technique based on the fast marching method" (2004), in OpenCV's implementation.
"""

import numpy as np

from ..errors import SkillError
from ..regions import Regions
from ..spec import skill
from ..values import Picture

GROWTH = 0.004
"""The mask grows by this share of the picture's longer side (2 to 12 pixels), over soft edges and shadows."""

NEIGHBOURHOOD = 0.25
"""A hole is filled from a frame of this share of its longer side around it (at least 16 pixels)."""

RIM = 8
"""Pixels that a neighbourhood is continued by on every side, as the method leaves the outermost ones empty."""

LARGEST = 400
"""A neighbourhood with a longer side in pixels is filled at this size and enlarged."""


@skill(examples=["remove the text from the sign", "erase the person on the left"])
def erase(image: Picture, regions: Regions) -> Picture:
    """Erase or remove objects or text, filling in the background.

    Pixels outside the slightly grown regions and all transparency stay as they were; the result keeps the frame.
    Raises BadRegion for a point and SkillError for a region that is empty or is the whole picture.
    """
    import cv2

    hole: np.ndarray = regions.mask(image.size).astype(np.uint8)
    if not hole.any():
        raise SkillError("the region is empty, nothing would be erased; name another region")
    reach = int(np.clip(round(max(image.size) * GROWTH), 2, 12))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    grown = np.asarray(cv2.dilate(hole, kernel))
    hole = hole if grown.all() else grown
    if hole.all():
        raise SkillError("the region is the whole picture, nothing is left to fill it from")
    edited = image.array.copy()
    joined = cv2.dilate(hole, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    for number in range(1, count):
        x, y, width, height = (int(n) for n in stats[number][:4])
        edge = max(16, round(max(width, height) * NEIGHBOURHOOD))
        rows = slice(max(0, y - edge), y + height + edge)
        columns = slice(max(0, x - edge), x + width + edge)
        part, inside = edited[rows, columns, :3], hole[rows, columns] > 0
        mine = inside & (labels[rows, columns] == number)
        if inside.all():
            continue
        part[mine] = _filled(part, inside)[mine]
    return image.redrawn(edited)


def _filled(part: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return `part`, (H, W, 3) uint8, with the pixels of `inside`, (H, W) bool, filled from the others."""
    import cv2

    height, width = inside.shape
    scale = min(1.0, LARGEST / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    known = (~inside).astype(np.float32)
    weight = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(part * known[..., None], size, interpolation=cv2.INTER_AREA)
    colours = colours / np.maximum(weight, 1e-6)[..., None]
    small_hole = (weight < 0.05).astype(np.uint8)
    small = np.where(small_hole[..., None] > 0, 0, colours).round().clip(0, 255).astype(np.uint8)
    if small_hole.all():
        return np.broadcast_to(part[~inside].mean(axis=0).astype(np.uint8), part.shape)
    around = (RIM, RIM, RIM, RIM, cv2.BORDER_REPLICATE)
    wide, wide_hole = (cv2.copyMakeBorder(item, *around) for item in (small, small_hole))
    filled = cv2.inpaint(wide, wide_hole, 5, cv2.INPAINT_TELEA)[RIM:-RIM, RIM:-RIM]
    return np.asarray(cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR))
