"""Faces by OpenCV's cascades, which propose, and every proposal is looked at again from several sides.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features" (2001), as trained and shipped by
OpenCV. A face is found again when it is turned or mirrored a little; a pattern in a wall seldom is.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..context import Context
from ..implementation import Implementation
from ..spec import SkillResult
from ..values import Box, Boxes, Picture

WORK_SIDE, MOST_ENLARGED = 1000, 2.0
"""Faces are looked for at this longer side in pixels; a smaller picture is enlarged at most so many times."""

SMALLEST = 24
"""Side of the smallest face found, in pixels at the working size."""

CLOSE_UP = 64
"""Side of a face in the close-up in which a proposal is checked."""

ENOUGH, STRAY = 300, 40
"""Evidence (neighbouring hits over all close-ups) from which a proposal is a face, and how many hits the profile
cascade has anywhere; both chosen on some 40 photographs."""

PADDING = (0.04, 0.18, 0.04, 0.10)
"""What a cascade's square lacks of a face from hair line to chin: left, top, right, bottom, shares of its side."""

FRONTAL = ("frontalface_alt2", "frontalface_default", "frontalface_alt")
PROFILE = "profileface"


def _find(image: Picture, ctx: Context) -> SkillResult:
    """Return Boxes around every face, best first."""
    import cv2

    gray = cv2.cvtColor(np.ascontiguousarray(image.rgb), cv2.COLOR_RGB2GRAY)
    scale = min(MOST_ENLARGED, WORK_SIDE / max(gray.shape))
    size = (round(gray.shape[1] * scale), round(gray.shape[0] * scale))
    if min(size) < SMALLEST:
        return SkillResult(values=(Boxes(frame=image.frame),))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    work = cv2.resize(gray, size, interpolation=how)
    cascades = _cascades()
    faces = []
    for square in _proposals(work, cascades):
        ctx.cancel.check()
        evidence = _evidence(work, square, cascades)
        if evidence >= ENOUGH:
            faces.append((evidence, _whole_face(square / scale, image.size)))
    faces.sort(reverse=True)
    boxes = Boxes(
        xyxy=tuple(box for _, box in faces),
        scores=tuple(round(1 - math.exp(-evidence / 400), 3) for evidence, _ in faces),
        labels=("face",) * len(faces),
        frame=image.frame,
    )
    return SkillResult(values=(boxes,))


def _cascades() -> dict[str, Any]:
    """Load the cascades; a cascade keeps state while it runs, so every call has its own."""
    import cv2

    folder = Path(cv2.__file__).parent / "data"
    return {name: cv2.CascadeClassifier(str(folder / f"haarcascade_{name}.xml")) for name in (*FRONTAL, PROFILE)}


def _proposals(work: np.ndarray, cascades: dict[str, Any]) -> list[np.ndarray]:
    """Return squares (4,) x1, y1, x2, y2 in pixels of `work`, (H, W) uint8, one for each place."""
    import cv2

    even = cv2.equalizeHist(work)
    mirrored = cv2.flip(even, 1)
    hits: list[tuple[int, np.ndarray]] = []
    for name, view in (
        (FRONTAL[0], even),
        (FRONTAL[1], even),
        (PROFILE, even),
        (PROFILE, mirrored),
    ):
        found, counts = cascades[name].detectMultiScale2(
            view, scaleFactor=1.1, minNeighbors=2, minSize=(SMALLEST, SMALLEST)
        )
        for (x, y, w, h), count in zip(found, np.ravel(counts), strict=True):
            left = work.shape[1] - x - w if view is mirrored else x
            hits.append((int(count), np.array([left, y, left + w, y + h], dtype=float)))
    squares: list[np.ndarray] = []
    for _, square in sorted(hits, key=lambda hit: -hit[0]):
        if not any(_shared(square, other) > 0.5 for other in squares):
            squares.append(square)
    return squares


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    """Return the common area as a share of the smaller square, so that one inside the other is 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((one[2] - one[0]) * (one[3] - one[1]), (other[2] - other[0]) * (other[3] - other[1]))
    return float(max(0.0, width) * max(0.0, height) / smaller)


def _evidence(work: np.ndarray, square: np.ndarray, cascades: dict[str, Any]) -> int:
    """Count the neighbouring hits of all cascades on close-ups of `square`, turned a little and mirrored.

    What has next to none when it is upright is given up at once. Hits of the profile cascade count twice, but for
    the few that it has on any pattern.
    """
    import cv2

    x, y = float(square[0] + square[2]) / 2, float(square[1] + square[3]) / 2
    scale = CLOSE_UP / float(square[2] - square[0])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    evidence = profiles = 0
    for degrees in (0, -8, 8):
        turn = cv2.getRotationMatrix2D((x, y), degrees, scale)
        turn[:, 2] += np.array([CLOSE_UP - x, CLOSE_UP - y])
        close = cv2.warpAffine(work, turn, (2 * CLOSE_UP,) * 2, flags=how, borderMode=cv2.BORDER_REPLICATE)
        for view in (cv2.equalizeHist(close), cv2.flip(close, 1)):
            evidence += sum(_strongest(cascades[name], view) for name in FRONTAL)
            sides = (view, cv2.flip(view, 1))
            profiles += sum(_strongest(cascades[PROFILE], side) for side in sides)
        if evidence + profiles < ENOUGH / 10:
            return 0
    return evidence + 2 * max(0, profiles - STRAY)


def _strongest(cascade: Any, view: np.ndarray) -> int:
    """Return the neighbours of the strongest hit in a close-up, 0 where there is none."""
    _, counts = cascade.detectMultiScale2(
        view,
        scaleFactor=1.06,
        minNeighbors=2,
        minSize=(round(CLOSE_UP * 0.7),) * 2,
        maxSize=(round(CLOSE_UP * 1.5),) * 2,
    )
    return int(max(np.ravel(counts), default=0))


def _whole_face(square: np.ndarray, size: tuple[int, int]) -> Box:
    """Pad a cascade's square to the whole face, inside a picture of `size` (width, height)."""
    side = float(square[2] - square[0])
    left, top, right, bottom = (share * side for share in PADDING)
    x1, y1, x2, y2 = (float(n) for n in square)
    return (
        max(0.0, x1 - left),
        max(0.0, y1 - top),
        min(float(size[0]), x2 + right),
        min(float(size[1]), y2 + bottom),
    )


CASCADES = Implementation(name="cascades", run=_find)
