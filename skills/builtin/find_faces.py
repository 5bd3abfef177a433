"""The skill `find_faces`: OpenCV's cascades, several of them, checked against each other.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features" (2001), as trained and shipped by
OpenCV.
"""

from typing import Any

import numpy as np

from ..spec import skill
from ..values import Box, Boxes, Picture

WORK_SIDE = 1000
"""Faces are looked for at this longer side in pixels."""

SMALLEST = 24
"""Side of the smallest face found, in pixels at the working size."""

ALONE, TOGETHER = 0.5, 0.3
"""Evidence (0-1) that one cascade alone must have, and that it must have where another agrees."""

Hits = list[tuple[np.ndarray, float, str]]
"""Box (4,) x1, y1, x2, y2 at the working size, evidence 0-1, the cascade."""

CASCADES: dict[str, tuple[str, float]] = {
    "alt2": ("haarcascade_frontalface_alt2.xml", 1.0),
    "default": ("haarcascade_frontalface_default.xml", 0.8),
    "profile": ("haarcascade_profileface.xml", 0.7),
}
"""Name -> file and how far its evidence is trusted."""


@skill(examples=["how many people are in the photo?", "blur the faces"])
def find_faces(image: Picture) -> Boxes:
    """Find human faces; boxes around each face, to count or blur.

    Boxes are in pixels of the picture, from hair line to chin, labelled "face", best first; scores are 0-1. No face
    gives empty Boxes.
    """
    import cv2

    gray = cv2.cvtColor(np.ascontiguousarray(image.rgb), cv2.COLOR_RGB2GRAY)
    scale = min(2.0, WORK_SIDE / max(gray.shape))
    if min(gray.shape) * scale < SMALLEST:
        return Boxes(frame=image.frame)
    size = (round(gray.shape[1] * scale), round(gray.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    work = cv2.equalizeHist(cv2.resize(gray, size, interpolation=how))
    faces = _merged(_hits(work))
    boxes = [_whole_face(box / scale, image.size) for box, _ in faces]
    scores = tuple(score for _, score in faces)
    return Boxes(
        xyxy=tuple(boxes), scores=scores, labels=("face",) * len(boxes), frame=image.frame
    )


def _hits(work: np.ndarray) -> Hits:
    """Run every cascade over `work`, (H, W) uint8, the profiles also on its mirror image."""
    import cv2

    hits: Hits = []
    for name, (file, trust) in CASCADES.items():
        cascade = cv2.CascadeClassifier(cv2.data.haarcascades + file)
        hits += _one_cascade(cascade, work, name, trust)
        if name == "profile":
            width = work.shape[1]
            for box, evidence, _ in _one_cascade(cascade, cv2.flip(work, 1), name, trust):
                x1, y1, x2, y2 = box
                hits.append((np.array([width - x2, y1, width - x1, y2]), evidence, name))
    return hits


def _one_cascade(cascade: Any, work: np.ndarray, name: str, trust: float) -> Hits:
    """Return the hits of one cascade; evidence grows with the neighbours that agree and the last stage's sum."""
    found, _, weights = cascade.detectMultiScale3(
        work,
        scaleFactor=1.08,
        minNeighbors=3,
        minSize=(SMALLEST, SMALLEST),
        outputRejectLevels=True,
    )
    hits: Hits = []
    for (x, y, w, h), weight in zip(found, np.ravel(weights), strict=True):
        evidence = trust * (1 - np.exp(-max(0.0, float(weight)) / 4))
        hits.append((np.array([x, y, x + w, y + h], dtype=float), float(evidence), name))
    return hits
