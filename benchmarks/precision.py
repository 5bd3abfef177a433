"""COCO's AP50: the area under precision over recall (101 points) of boxes that share half with a box that is there."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any, NamedTuple


class Box(NamedTuple):
    """A box that is there, or was found."""

    picture: int
    """Number of the picture."""
    name: str
    """What it is a box of."""
    xyxy: Sequence[float]
    """x0, y0, x1, y1 in pixels of the picture."""
    score: float = 1.0
    """How sure the detector is."""


def average_precision(there: Sequence[Box], found: Sequence[Box]) -> dict[str, float]:
    """Return name -> AP50 of every name that is there; at most 100 boxes of a name count on a picture."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    ids = {name: number for number, name in enumerate(sorted({box.name for box in there}), start=1)}
    told = [{"id": number, "iscrowd": 0, **_entry(box, ids)} for number, box in enumerate(there, start=1)]
    seen = [{"score": box.score, **_entry(box, ids)} for box in found if box.name in ids]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": number} for number in sorted({box.picture for box in (*there, *found)})],
            "annotations": told,
            "categories": [{"id": number, "name": name} for name, number in ids.items()],
        }
        coco.createIndex()
        if not seen:
            return dict.fromkeys(ids, 0.0)
        scored = COCOeval(coco, coco.loadRes(seen), "bbox")
        scored.evaluate()
        scored.accumulate()
    precision = scored.eval["precision"][0, :, :, 0, 2]  # at IoU 0.5, all recalls, every name, any size, 100 boxes
    return {name: float(precision[:, number - 1].mean()) for name, number in ids.items()}


def _entry(box: Box, ids: dict[str, int]) -> dict[str, Any]:
    left, top, right, bottom = box.xyxy
    size = [right - left, bottom - top]
    return {
        "image_id": box.picture,
        "category_id": ids[box.name],
        "bbox": [left, top, *size],
        "area": size[0] * size[1],
    }
