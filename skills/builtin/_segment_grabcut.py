"""GrabCut from a box, a mask or clicks: no model, no download.

Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated graph cuts" (2004), in OpenCV's
implementation.
"""

from collections.abc import Sequence

import numpy as np

from ..context import Context
from ..implementation import Implementation
from ..masks import Rle
from ..regions import Region
from ..values import Picture
from ._segment_model import Cut, Detail

WORK_SIDE = 480
"""Objects are cut out at this longer side in pixels; masks are scaled back."""

ROUNDS = 4
"""Iterations of GrabCut."""

DOT, ALIKE = 0.015, 30
"""A click is a sure dot of this share of the working side; colours this near (0-255, each channel) belong to it."""

ROUGH = 0.15
"""A mask's outline may be wrong by this share of its size (root of its area), inwards and outwards."""


def _cut(
    image: Picture, objects: Sequence[Sequence[Region]], away: Sequence[Region], detail: Detail, ctx: Context
) -> Cut:
    """Cut out each object; `detail` "part" keeps the piece at the click, "subpart" only what has its colour."""
    import cv2

    scale = min(1.0, WORK_SIDE / max(image.size))
    size = (max(1, round(image.size[0] * scale)), max(1, round(image.size[1] * scale)))
    small = cv2.resize(np.ascontiguousarray(image.rgb), size, interpolation=cv2.INTER_AREA)
    masks = []
    for i, parts in enumerate(objects):
        ctx.cancel.check()
        ctx.progress(i, len(objects), "cutting out objects")
        seeds = _seeds(small, parts, scale)
        for item in away:
            _mark(seeds, item, scale, cv2.GC_BGD)
        inside = _pieces(small, _grabbed(small, seeds), seeds, detail, parts[0].point is not None)
        masks.append(Rle.encode(_enlarged(inside, image.size)))
    return Cut(tuple(masks))


def _seeds(small: np.ndarray, parts: Sequence[Region], scale: float) -> np.ndarray:
    """Return GrabCut's labels, (H, W) uint8, that a box, a mask or clicks stand for."""
    import cv2

    seeds = np.full(small.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    first = parts[0]
    if first.point is None and first.rle is None:
        _mark(seeds, first, scale, cv2.GC_PR_FGD)
        return seeds
    if first.rle is not None:
        inside = cv2.resize(first.rle.decode().astype(np.uint8), seeds.shape[::-1], interpolation=cv2.INTER_AREA)
        reach = 1 + round(ROUGH * float(np.sqrt(inside.sum())))
        kernel = np.ones((2 * reach + 1,) * 2, dtype=np.uint8)
        seeds[cv2.dilate(inside, kernel) > 0] = cv2.GC_PR_BGD
        seeds[inside > 0] = cv2.GC_PR_FGD
        seeds[cv2.erode(inside, kernel) > 0] = cv2.GC_FGD
        return seeds
    return _clicked(small, parts, scale)


def _clicked(small: np.ndarray, clicks: Sequence[Region], scale: float) -> np.ndarray:
    """Return labels for clicks: what is alike around them is probably the object, the border is not."""
    import cv2

    height, width = small.shape[:2]
    seeds = np.full((height, width), cv2.GC_PR_BGD, dtype=np.uint8)
    border = max(1, round(0.01 * max(height, width)))
    if min(height, width) > 4 * border:
        for edge in (seeds[:border], seeds[-border:], seeds[:, :border], seeds[:, -border:]):
            edge[:] = cv2.GC_BGD
    smooth = cv2.GaussianBlur(small, (0, 0), 1.5)
    for click in clicks:
        assert click.point is not None
        x = int(np.clip(click.point[0] * scale, 0, width - 1))
        y = int(np.clip(click.point[1] * scale, 0, height - 1))
        flooded = np.zeros((height + 2, width + 2), dtype=np.uint8)
        flags = 8 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
        cv2.floodFill(smooth, flooded, (x, y), 0, (ALIKE,) * 3, (ALIKE,) * 3, flags)
        alike = (flooded[1:-1, 1:-1] > 0) & (seeds != cv2.GC_BGD)
        seeds[alike] = cv2.GC_PR_FGD
    for click in clicks:
        _mark(seeds, click, scale, cv2.GC_FGD)
    return seeds


def _mark(seeds: np.ndarray, region: Region, scale: float, value: int) -> None:
    """Set the pixels of a region (given in pixels of the picture) in `seeds` to `value`, in place."""
    import cv2

    height, width = seeds.shape
    if region.point is not None:
        centre = round(region.point[0] * scale), round(region.point[1] * scale)
        cv2.circle(seeds, centre, max(1, round(DOT * max(height, width))), value, -1)
    elif region.rle is not None:
        inside = cv2.resize(region.rle.decode().astype(np.uint8), (width, height))
        seeds[inside > 0] = value
    else:
        x1, y1, x2, y2 = np.asarray(region.box) * scale
        left, top = min(width - 1, int(x1)), min(height - 1, int(y1))
        seeds[top : max(top + 1, round(y2)), left : max(left + 1, round(x2))] = value


def _grabbed(small: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Run GrabCut; return the foreground, (H, W) bool. The same input gives the same mask."""
    import cv2

    front = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if front.all() or not front.any():
        return front
    cv2.setRNGSeed(0)
    labels, models = seeds.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(small, labels, (0, 0, 1, 1), *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _pieces(small: np.ndarray, inside: np.ndarray, seeds: np.ndarray, detail: Detail, clicked: bool) -> np.ndarray:
    """Keep what `detail` asks for of the foreground, (H, W) bool; a click means the pieces it touches."""
    import cv2

    sure = seeds == cv2.GC_FGD
    if detail == "subpart" and inside.any():
        seen = small[inside & sure] if (inside & sure).any() else small[inside]
        colour = np.median(seen.astype(np.int16), axis=0)
        inside = inside & (np.abs(small - colour).max(axis=2) <= ALIKE)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    if count <= 1:
        return inside
    if detail == "whole" and not clicked:
        return inside
    touched = np.unique(pieces[sure & inside])
    if len(touched):
        return np.isin(pieces, touched)
    return np.asarray(pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _enlarged(inside: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a mask to `size` (width, height) with smooth edges; (H, W) bool."""
    import cv2

    if inside.shape == size[::-1]:
        return inside
    soft = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft >= 0.5)


GRABCUT = Implementation(name="grabcut", run=_cut)
"""Runs everywhere; one colour model for the object and one for what is around it."""
