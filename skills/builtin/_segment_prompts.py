"""From regions to the prompts of a promptable segmenter, and from its logits to masks.

Kirillov et al., "Segment Anything" (2023), and Ravi et al., "SAM 2" (2024), share all of this: a picture is encoded
once and kept; a box, a mask or clicks are decoded into three masks of different size. Everything here is in pixels of
the model's square input, in whose upper left the picture lies.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..context import Context
from ..masks import Rle
from ..regions import Region
from ..values import Picture
from ._segment_model import Cut, Detail, Promptable, Prompts, Seen

AT_ONCE = 32
"""Objects in one call of the mask decoder; each takes some 40 MB while it runs."""

SURE = 10.0
"""Logit of a pixel that a mask prompt says lies inside; outside it is the negative."""


def prompted(
    image: Picture, objects: Sequence[Sequence[Region]], away: Sequence[Region], detail: Detail, ctx: Context
) -> Cut:
    """Cut out objects with the chosen model: `run` of every promptable implementation."""
    return ctx.infer(lambda model: _cut(model, image, objects, away, detail, ctx))


def nothing(size: tuple[int, int]) -> Rle:
    """Return the empty mask of a picture of `size` (width, height)."""
    return Rle.encode(np.zeros(size[::-1], dtype=bool))


def _cut(
    model: Promptable,
    image: Picture,
    objects: Sequence[Sequence[Region]],
    away: Sequence[Region],
    detail: Detail,
    ctx: Context,
) -> Cut:
    import torch

    ctx.cancel.check()
    masks: dict[int, Rle] = {}
    scores: dict[int, float] = {}
    clear = np.ones(image.size[::-1], dtype=bool)
    for item in away:
        if item.point is None:
            clear &= ~item.mask(image.size)
    with torch.inference_mode():
        seen = ctx.embedding(image, lambda: model.encode(image))
        for chunk in _chunks(objects):
            ctx.cancel.check()
            prompts = _prompts(model, seen, image.size, [objects[i] for i in chunk], away)
            logits, fits = model.decode(seen, prompts)
            for row, i in enumerate(chunk):
                ctx.cancel.check()
                ctx.progress(len(masks), len(objects), "cutting out objects")
                candidates = _unpadded(logits[row], seen)
                k = _candidate(candidates, detail)
                masks[i] = Rle.encode(_enlarged(candidates[k], image.size) & clear)
                scores[i] = round(float(fits[row, k].clamp(0, 1)), 4)
    return Cut(tuple(masks[i] for i in range(len(objects))), tuple(scores[i] for i in range(len(objects))))


def _chunks(objects: Sequence[Sequence[Region]]) -> Iterator[list[int]]:
    """Yield the indexes of objects that go through the decoder together.

    Clicks and areas do not mix: the decoder would see padding in place of the points that are not there, and an
    object's mask would depend on what else was asked for.
    """
    areas = [i for i, parts in enumerate(objects) if parts[0].point is None]
    for start in range(0, len(areas), AT_ONCE):
        yield areas[start : start + AT_ONCE]
    yield from ([i] for i, parts in enumerate(objects) if parts[0].point is not None)


def _prompts(
    model: Promptable, seen: Seen, size: tuple[int, int], objects: Sequence[Sequence[Region]], away: Sequence[Region]
) -> Prompts:
    """Return the prompts of objects that are all areas (a mask is prompted with its box as well), or one of clicks."""
    import torch

    scale = np.array([seen.inside[1] / size[0], seen.inside[0] / size[1]])
    first = [parts[0] for parts in objects]
    clicks = [item.point for item in objects[0] if item.point is not None]
    xy = np.array([*clicks, *(_innermost(item) for item in away)]).reshape(-1, 2) * scale
    on = np.array([1] * len(clicks) + [0] * len(away))
    given: dict[str, Any] = dict.fromkeys(("points", "labels", "boxes", "masks", "masked"))
    if len(xy):
        given["points"] = torch.tensor(xy, dtype=torch.float32).repeat(len(objects), 1, 1)
        given["labels"] = torch.tensor(on, dtype=torch.int64).repeat(len(objects), 1)
    if not clicks:
        given["boxes"] = torch.tensor(np.array([item.box for item in first]) * np.tile(scale, 2), dtype=torch.float32)
    if any(item.rle is not None for item in first):
        given["masked"] = torch.tensor([item.rle is not None for item in first])
        given["masks"] = torch.stack([_mask_prompt(item, seen, model.mask_side) for item in first])
    return Prompts(**{name: item if item is None else item.to(model.device) for name, item in given.items()})


def _innermost(region: Region) -> tuple[float, float]:
    """Return the point of a region that lies farthest from its outline, (x, y) in pixels of the picture."""
    import cv2

    if region.point is not None:
        return region.point
    x1, y1, x2, y2 = region.box
    if region.rle is None:
        return (x1 + x2) / 2, (y1 + y2) / 2
    depth = cv2.distanceTransform(np.pad(region.rle.decode(), 1).astype(np.uint8), cv2.DIST_L2, 3)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x) - 0.5, float(y) - 0.5


def _mask_prompt(region: Region, seen: Seen, side: int) -> Any:
    """Return a mask as the logits (1, S, S) that the decoder would have given for it; zeros for no mask."""
    import cv2
    import torch

    made = np.zeros((side, side), dtype=np.float32)
    if region.rle is None:
        return torch.from_numpy(made)[None]
    height, width = (max(1, round(n * side / seen.side)) for n in seen.inside)
    area = cv2.resize(region.rle.decode().astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    made[:height, :width] = area
    return torch.from_numpy((2 * made - 1) * SURE)[None]


def _candidate(logits: Any, detail: Detail) -> int:
    """Choose one of three masks, logits (3, h, w), by its size: whole, part, subpart; none empty where one is not."""
    areas = (logits > 0).sum(dim=(1, 2)).tolist()
    order = sorted((k for k in range(len(areas)) if areas[k]), key=lambda k: areas[k]) or [0]
    return order[{"whole": -1, "part": (len(order) - 1) // 2, "subpart": 0}[detail]]


def _unpadded(logits: Any, seen: Seen) -> Any:
    """Return logits (3, h, w) of the picture alone, in pixels of the model's input, from the decoder's (3, S, S)."""
    from torch.nn.functional import interpolate

    square = interpolate(logits[None], (seen.side, seen.side), mode="bilinear", align_corners=False)
    return square[0, :, : seen.inside[0], : seen.inside[1]]


def _enlarged(logits: Any, size: tuple[int, int]) -> np.ndarray:
    """Return a mask (H, W) bool in pixels of a picture of `size` (width, height) from its logits (h, w)."""
    from torch.nn.functional import interpolate

    picture = interpolate(logits[None, None], size[::-1], mode="bilinear", align_corners=False)
    made: np.ndarray = (picture[0, 0] > 0).cpu().numpy()
    return made
