"""How well a detector of `detect` finds things on photographs: AP50 (COCO's, 101 recall points) on those with truth.

python -m benchmarks.detect_photos ONNX [--truth FOLDER] [--photos FOLDER ...] [--save OUT]. `--truth` holds
`ground-truth/NAME.txt` ("class left top right bottom" a line, pixels) and `images-optional/NAME.jpg`; only classes the
detector knows are asked for. `--save` draws what is found at the profile's threshold on every photograph.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from skills import Boxes, Context, Picture, Region, Regions
from skills.builtin._detect_fastest import NAMES
from skills.builtin.annotate import annotate
from skills.builtin.detect import detect
from skills.pictures import read_picture

from .precision import Box, average_precision

LEAST = 0.01
"""Score from which boxes count for the precision at every recall."""

SUFFIXES = (".jpg", ".jpeg", ".png")


def truth(folder: Path) -> Iterator[tuple[Path, list[tuple[str, list[float]]]]]:
    """Yield (photograph, its boxes (class, x0, y0, x1, y1 in pixels)), classes FastestDet knows."""
    for file in sorted((folder / "ground-truth").glob("*.txt")):
        rows = [line.split() for line in file.read_text().splitlines() if line.strip()]
        boxes = [(row[0], [float(value) for value in row[-4:]]) for row in rows if row[0] in NAMES]
        yield folder / "images-optional" / f"{file.stem}.jpg", boxes


def found(
    detector: Any, picture: Picture, objects: Sequence[str], ctx: Context, threshold: float | None = None
) -> Boxes:
    """Return what the detector, whose model `ctx` keeps, finds of `objects`."""
    boxes: Boxes = detector(picture, list(objects), threshold, ctx=ctx).values[0]
    return boxes


def by_class(detector: Any, folder: Path) -> tuple[float, dict[str, tuple[float, int]], int]:
    """Return (AP50, class -> (AP50, boxes there are), photographs)."""
    photos = list(truth(folder))
    counts = Counter(name for _, boxes in photos for name, _ in boxes)
    told, seen, ctx = [], [], Context()
    for number, (photo, boxes) in enumerate(photos, start=1):
        told.extend(Box(number, name, box) for name, box in boxes)
        made = found(detector, read_picture(photo)[0], sorted(counts), ctx, LEAST)
        seen.extend(Box(number, *each) for each in zip(made.labels, made.xyxy, made.scores, strict=True))
    each = {name: (value, counts[name]) for name, value in average_precision(told, seen).items()}
    return sum(value for value, _ in each.values()) / len(each), each, len(photos)


def draw(detector: Any, photos: Sequence[Path], to: Path) -> int:
    """Draw what is found on each photograph and return how many boxes that were."""
    to.mkdir(parents=True, exist_ok=True)
    total, ctx = 0, Context()
    for photo in photos:
        picture = read_picture(photo)[0]
        boxes = found(detector, picture, NAMES, ctx)
        total += len(boxes.xyxy)
        items = tuple(Region(box=box, label=name) for box, name in zip(boxes.xyxy, boxes.labels, strict=True))
        drawn = annotate(picture, Regions(items=items)) if items else picture
        drawn.image.save(to / f"{photo.stem}.png")
    return total


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detect_photos", description=__doc__)
    parser.add_argument("onnx", help="FastestDet's ONNX file")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    parser.add_argument("--save", type=Path)
    told = parser.parse_args(argv)
    detector = detect.using(implementation="fastest_det", checkpoint=told.onnx)
    if told.truth:
        whole, each, photos = by_class(detector, told.truth)
        print(f"AP50 {whole:.3f} over {len(each)} classes, {photos} photographs")
        for name, (value, count) in sorted(each.items(), key=lambda item: -item[1][1]):
            print(f"  {name:14} {value:.3f}  ({count} boxes)")
    if told.save:
        folders = [*told.photos, *([told.truth / "images-optional"] if told.truth else [])]
        files = [file for folder in folders for file in sorted(folder.iterdir()) if file.suffix in SUFFIXES]
        print(f"{draw(detector, files, told.save)} boxes drawn on {len(files)} photographs in {told.save}")


if __name__ == "__main__":
    main()
