"""Regions: what a planner writes to mean a part of a picture, and what a skill receives for it.

A planner writes an id ("boxes_1", "mask_1", "text_1", "points_1"), one element ("boxes_1[0]"), a box
[x1, y1, x2, y2] or a point [x, y] normalised 0-1, or a list of these. The skill receives pixels.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from .errors import BadRegion
from .values import XY, Box, Boxes, Frozen, Masks, Picture, Points, Rle, Text, Value

REFERENCE = re.compile(r"^((?:boxes|mask|text|points)_[1-9]\d*)(?:\[(\d{1,6})\])?$")
"""An id of something that lies in a picture, with an optional element."""

RegionJson = str | tuple[float, float, float, float] | tuple[float, float]
"""One region as a planner writes it."""


class Region(Frozen):
    """One part of a picture, in pixels of that picture."""

    box: Box
    """Bounds x1, y1, x2, y2 in pixels, clipped to the picture; a point has no area."""
    rle: Rle | None = None
    """The exact mask, where one is known."""
    point: XY | None = None
    """(x, y) in pixels, where the region is a click."""
    include: bool = True
    """False for a click beside the thing meant."""
    label: str = ""
    """What it holds, where that is known."""

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """Return the area, (H, W) bool, for a picture of `size` (width, height).

        Raises BadRegion for a point, which has no area.
        """
        area = np.zeros((size[1], size[0]), dtype=bool)
        self.paint(area)
        return area

    def paint(self, area: np.ndarray) -> None:
        """Set this region's pixels in `area`, (H, W) bool; raises BadRegion for a point, which has no area."""
        if self.point is not None:
            raise BadRegion("a point has no area; call segment on it first, or give a box")
        if self.rle is not None:
            area |= self.rle.decode()
            return
        x1, y1, x2, y2 = self.pixels
        area[y1:y2, x1:x2] = True

    @property
    def pixels(self) -> tuple[int, int, int, int]:
        """The bounds as whole pixels x1, y1, x2, y2, every touched pixel inside."""
        x1, y1, x2, y2 = self.box
        return int(np.floor(x1)), int(np.floor(y1)), int(np.ceil(x2)), int(np.ceil(y2))


class Regions(Frozen):
    """One or more parts of one picture; never empty."""

    items: tuple[Region, ...]
    """(N,) the parts, in the order written."""

    def __iter__(self) -> Iterator[Region]:  # type: ignore[override]
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """Return the union of the areas, (H, W) bool, for a picture of `size` (width, height)."""
        union = np.zeros((size[1], size[0]), dtype=bool)
        for item in self.items:
            item.paint(union)
        return union


class Lookup(Protocol):
    """Where ids are looked up."""

    def value(self, artifact_id: str) -> Value:
        """Return the value behind an id; raises KeyError where there is none."""

    def ids(self) -> Sequence[str]:
        """Return every id, oldest first."""


def frames_of(written: object, artifacts: Lookup) -> tuple[str, ...]:
    """Return the frames of the ids in a region as written; empty for boxes, points and text of no picture."""
    frames = []
    for item in _flatten(written):
        if isinstance(item, str):
            value, _ = _look_up(item, artifacts)
            frames.append(value.frame)
    return tuple(dict.fromkeys(frame for frame in frames if frame))


def resolve(written: object, picture: Picture, artifacts: Lookup) -> Regions:
    """Turn a region as written into pixels of `picture`.

    Raises BadRegion for an unknown id, an element that does not exist, an empty value, numbers outside 0-1, or
    another picture's frame.
    """
    items: list[Region] = []
    for item in _flatten(written):
        items.extend(_named(item, picture, artifacts) if isinstance(item, str) else [_drawn(item, picture.size)])
    if not items:
        raise BadRegion("no region was given; name one, e.g. 'boxes_1' or [0.1, 0.2, 0.5, 0.6]")
    return Regions(items=tuple(items))


def _flatten(written: object) -> list[str | Sequence[float]]:
    if isinstance(written, str):
        return [written]
    if isinstance(written, Sequence) and all(isinstance(n, int | float) for n in written):
        return [written] if written else []
    if isinstance(written, Sequence):
        return [leaf for item in written for leaf in _flatten(item)]
    raise BadRegion(f"{written!r} is no region; expected an id, [x1, y1, x2, y2] or [x, y]")


def _look_up(reference: str, artifacts: Lookup) -> tuple[Boxes | Masks | Points | Text, int | None]:
    match = REFERENCE.match(reference)
    known = [i for i in artifacts.ids() if REFERENCE.match(i)]
    if match is None or match[1] not in known:
        raise BadRegion(f"{reference!r} names no region; there is {', '.join(known) or 'none yet'}")
    value = artifacts.value(match[1])
    assert isinstance(value, Boxes | Masks | Points | Text)
    index = int(match[2]) if match[2] else None
    if len(value) == 0:
        raise BadRegion(f"{match[1]!r} is empty: nothing was found")
    if index is not None and index >= len(value):
        raise BadRegion(f"{reference!r} does not exist; {match[1]} has [0] to [{len(value) - 1}]")
    return value, index


def _named(reference: str, picture: Picture, artifacts: Lookup) -> list[Region]:
    value, index = _look_up(reference, artifacts)
    if value.frame != picture.frame:
        raise BadRegion(
            f"{reference!r} lies in the frame of {value.frame or 'no picture'}, "
            f"the picture is in the frame of {picture.frame}; find it again there"
        )
    regions = _elements(value, picture.size)
    chosen = regions if index is None else [regions[index]]
    found = [region for region in chosen if region is not None]
    if not found:
        raise BadRegion(f"{reference!r} has no place in the picture (text without a box)")
    return found


def _elements(value: Boxes | Masks | Points | Text, size: tuple[int, int]) -> list[Region | None]:
    labels = getattr(value, "labels", ()) or ("",) * len(value)
    if isinstance(value, Boxes):
        return [_boxed(box, size, label) for box, label in zip(value.xyxy, labels, strict=True)]
    if isinstance(value, Masks):
        return [
            Region(box=bounds(rle.decode()), rle=rle, label=label) for rle, label in zip(value.rle, labels, strict=True)
        ]
    if isinstance(value, Points):
        include = value.include or (True,) * len(value)
        return [
            Region(box=(x, y, x, y), point=(x, y), include=keep) for (x, y), keep in zip(value.xy, include, strict=True)
        ]
    return [_boxed(line.box, size, line.text) if line.box else None for line in value.lines]


def _boxed(box: Box, size: tuple[int, int], label: str) -> Region:
    clipped = np.clip(np.asarray(box, dtype=float), 0, [size[0], size[1]] * 2)
    x1, y1, x2, y2 = (float(n) for n in clipped)
    return Region(box=(x1, y1, x2, y2), label=label)


def _drawn(numbers: Sequence[float], size: tuple[int, int]) -> Region:
    if len(numbers) not in (2, 4) or not all(0 <= n <= 1 for n in numbers):
        raise BadRegion(f"{list(numbers)!r} is no region; expected [x1, y1, x2, y2] or [x, y], normalised 0-1")
    width, height = size
    if len(numbers) == 2:
        x, y = numbers[0] * width, numbers[1] * height
        return Region(box=(x, y, x, y), point=(x, y))
    x1, x2 = sorted((numbers[0] * width, numbers[2] * width))
    y1, y2 = sorted((numbers[1] * height, numbers[3] * height))
    if x2 - x1 < 1 or y2 - y1 < 1:
        raise BadRegion(f"the box {list(numbers)!r} is smaller than one pixel of the picture")
    return Region(box=(x1, y1, x2, y2))


def bounds(mask: np.ndarray) -> Box:
    """Return the bounds x1, y1, x2, y2 in pixels of a mask (H, W) bool; zeros for an empty mask."""
    ys, xs = np.nonzero(mask)
    if not len(xs):
        return (0.0, 0.0, 0.0, 0.0)
    return (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
