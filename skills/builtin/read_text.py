"""The skill `read_text`: optical character recognition with RapidOCR, whose models lie in its wheel."""

from typing import Any

import numpy as np

from ..context import Context
from ..errors import SkillError
from ..regions import Region
from ..spec import skill
from ..values import Line, Picture, Text
from ._reading_order import Fragment, in_reading_order

DETECTION_SIDE = 1280
"""Text is looked for at this longer side in pixels and recognised at full resolution."""

LONGEST = 3000
"""A strip with a longer side is scaled down to it."""

SHORT_SIDE, MOST_ENLARGED = 640, 2.0
"""A picture whose shorter side is below this is enlarged towards it, at most so many times."""

STRIP, OVERLAP = 2.2, 0.15
"""A picture longer than this ratio is read in strips of this ratio that overlap by this share of their length."""


@skill(examples=["what does the sign say?", "read the receipt"])
def read_text(image: Picture, region: Region | None = None, *, ctx: Context) -> Text:
    """Read text in the picture or region: signs, receipts, pages (OCR).

    Lines come in reading order with boxes in pixels of the picture and scores 0-1; no text gives a Text without
    lines. Raises SkillError for a region that is a point or holds no pixel.
    """
    x, y, array = _part(image, region)
    engine = ctx.model("rapidocr", _load)
    fragments: list[Fragment] = []
    with ctx.runtime.lock("rapidocr"):
        for left, top, right, bottom in _strips(array.shape[1], array.shape[0]):
            ctx.cancel.check()
            found = _recognise(engine, array[top:bottom, left:right], left, top)
            fragments.extend(item for item in found if _owned(item, fragments))
    lines = in_reading_order(fragments)
    return Text(lines=tuple(_shifted(line, x, y) for line in lines), frame=image.frame, untrusted=True)


def _part(image: Picture, region: Region | None) -> tuple[int, int, np.ndarray]:
    """Return the offset x, y of the part to read and the part, (H, W, 3) uint8 BGR."""
    from PIL import Image

    opaque = Image.new("RGBA", image.size, "white")
    opaque.alpha_composite(image.image.convert("RGBA"))
    bgr = np.asarray(opaque.convert("RGB"))[:, :, ::-1]
    if region is None:
        return 0, 0, np.ascontiguousarray(bgr)
    if region.point is not None:
        raise SkillError("a point has no area to read; give a box [x1, y1, x2, y2]")
    x1, y1, x2, y2 = region.pixels
    x1, y1 = max(0, x1), max(0, y1)
    part = bgr[y1:y2, x1:x2]
    if part.size == 0:
        raise SkillError(f"the region {region.box!r} holds no pixel of the picture; give another")
    return x1, y1, np.ascontiguousarray(part)


def _load() -> Any:
    import os

    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.use_preprocess_img": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": DETECTION_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": min(8, os.cpu_count() or 1),
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _strips(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return x1, y1, x2, y2 of overlapping strips along a very long side; one strip for most pictures."""
    short, long = sorted((width, height))
    length = max(64, int(short * STRIP))
    if long <= length * 1.3 or max(width, height) <= DETECTION_SIDE:
        return [(0, 0, width, height)]
    step = int(length * (1 - OVERLAP))
    starts = range(0, max(1, long - int(length * OVERLAP)), step)
    if height > width:
        return [(0, at, width, min(height, at + length)) for at in starts]
    return [(at, 0, min(width, at + length), height) for at in starts]


def _recognise(engine: Any, part: np.ndarray, left: int, top: int) -> list[Fragment]:
    """Read one strip, (H, W, 3) uint8 BGR; return fragments in pixels of the whole part."""
    import cv2

    height, width = part.shape[:2]
    scale = min(MOST_ENLARGED, max(1.0, SHORT_SIDE / min(width, height)))
    scale = min(scale, max(1.0, DETECTION_SIDE / max(width, height)), LONGEST / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    resized = cv2.resize(part, size, interpolation=how) if scale != 1.0 else part
    pad = max(0, 48 - size[0]), max(0, 48 - size[1])
    padded = cv2.copyMakeBorder(resized, 0, pad[1], 0, pad[0], cv2.BORDER_REPLICATE)
    result = engine(padded)
    if getattr(result, "boxes", None) is None or result.txts is None:
        return []
    fragments = []
    for quad, text, score in zip(result.boxes, result.txts, result.scores, strict=True):
        corners = np.clip(np.asarray(quad, dtype=float) / scale, 0, (width, height))
        fragments.append(Fragment(corners + np.array([left, top]), text.strip(), float(score)))
    return [fragment for fragment in fragments if fragment.text]


def _owned(fragment: Fragment, known: list[Fragment]) -> bool:
    """Return False for a fragment that an earlier, overlapping strip has read already."""
    x1, y1, x2, y2 = fragment.box
    area = max(1.0, (x2 - x1) * (y2 - y1))
    for other in known:
        a1, b1, a2, b2 = other.box
        shared = max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))
        if shared > 0.5 * min(area, max(1.0, (a2 - a1) * (b2 - b1))):
            return False
    return True


def _shifted(line: Line, x: int, y: int) -> Line:
    if line.box is None or not (x or y):
        return line
    x1, y1, x2, y2 = line.box
    return Line(text=line.text, box=(x1 + x, y1 + y, x2 + x, y2 + y), score=line.score)
