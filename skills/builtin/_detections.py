"""From scored candidate boxes to the boxes a detector reports, and the honest word about what was not found."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..spec import SkillResult
from ..values import Boxes, Picture


class Candidates(NamedTuple):
    """What a detector considered."""

    xyxy: np.ndarray
    """(N, 4) float, x1, y1, x2, y2 in pixels of the picture; may lie partly outside."""
    scores: np.ndarray
    """(N, K) float 0-1, how much each box is each of the K objects asked for; -1 for an object it cannot know."""
    note: str = ""
    """What a reader must know ("'man' was looked for as 'person'")."""


def chosen(found: Candidates, objects: Sequence[str], image: Picture, threshold: float, overlap: float) -> SkillResult:
    """Return the boxes at or above `threshold`, each with its best object, best first.

    Boxes are clipped to the picture; of two of one label whose IoU exceeds `overlap` the better stays. The note says
    which objects were not found and how near they came.
    """
    if not len(found.xyxy):
        found = Candidates(np.zeros((0, 4)), np.zeros((0, len(objects))), found.note)
    width, height = image.size
    xyxy = np.clip(found.xyxy, 0, [width, height] * 2)
    label = found.scores.argmax(axis=1)
    score = found.scores.max(axis=1)
    real = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    order = [i for i in np.argsort(-score, kind="stable") if score[i] >= threshold and real[i]]
    kept: list[int] = []
    for i in order:
        if not any(label[i] == label[k] and iou(xyxy[i], xyxy[k]) > overlap for k in kept):
            kept.append(i)
    boxes = Boxes(
        xyxy=tuple((float(x1), float(y1), float(x2), float(y2)) for x1, y1, x2, y2 in xyxy[kept]),
        scores=tuple(round(float(score[i]), 4) for i in kept),
        labels=tuple(objects[label[i]] for i in kept),
        frame=image.frame,
    )
    lines = [found.note, missed(found.scores, objects, {int(label[i]) for i in kept}, threshold)]
    return SkillResult(values=(boxes,), note="; ".join(line for line in lines if line))


def missed(scores: np.ndarray, objects: Sequence[str], seen: set[int], threshold: float) -> str:
    """Return what was not found and how near it came: "nothing found at 0.35; best 0.31 'cat'".

    `scores` is (N, K) of K objects, `seen` the objects that were found; "" where all were.
    """
    best = scores.max(axis=0) if len(scores) else np.zeros(len(objects))
    absent = sorted((k for k in range(len(objects)) if k not in seen and best[k] >= 0), key=lambda k: -best[k])
    if not absent:
        return ""
    if not seen:
        nearest = f"; best {best[absent[0]]:.2f} {objects[absent[0]]!r}" if best[absent[0]] > 0 else ""
        return f"nothing found at {threshold:g}{nearest}"
    return f"not found at {threshold:g}: " + ", ".join(f"{objects[k]!r} (best {best[k]:.2f})" for k in absent)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over the union of two boxes x1, y1, x2, y2; 0 where both are empty."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return float(shared / (areas - shared)) if areas > shared else 0.0
