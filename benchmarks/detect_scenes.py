"""How well a detector trained by `training.detect` finds things: on drawn scenes it never saw, and on photographs.

python -m benchmarks.detect_scenes CHECKPOINT --pictograms FONT FOLDER ... [--scenes N] [--photos FOLDER ...]
[--save OUT]. Scenes have new seeds; a prompt names all that is there and ABSENT nouns that are not. AP50 is of all
names in one ranking, and the mean over names beside it. On photographs it is asked for ELSEWHERE, so every box is
false. `--pictograms` are all drawing styles, the held-out one too; `--save` draws some scenes with what is found.
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skills import Context, Picture, Region, Regions
from skills.builtin._detections import iou
from skills.builtin.annotate import annotate
from skills.builtin.detect import detect
from skills.pictures import read_picture
from tool_data.pictograms import Pictograms
from tool_data.scenes import Scene, scene
from training.detect_drawn import split

from .detect_photos import LEAST, SUFFIXES, found
from .precision import Box, average_precision

SEED = 1_000_000
"""First seed of the scenes; training draws them all from one small seed."""

ABSENT = 6
"""Nouns that a prompt names besides what is there."""

ELSEWHERE = ("dragon", "unicorn", "octopus", "spouting whale", "volcano", "elephant", "crocodile", "lobster")
"""What is on none of the photographs."""

FALSE_BOXES = 0.05
"""Most boxes a photograph that a detector people rely on may put where nothing is."""

THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Scores from which a box counts, tried one after the other."""


@dataclass(frozen=True)
class Outcome:
    """What was there and what was found in a set of scenes."""

    there: list[Box]
    """Everything that was asked for and is there."""
    found: list[Box]
    """Everything that was found, at LEAST or better."""

    @property
    def whole(self) -> float:
        """AP50 of all names in one ranking."""
        numbers: dict[tuple[int, str], int] = {}
        alike = [
            [box._replace(picture=numbers.setdefault((box.picture, box.name), len(numbers)), name="") for box in boxes]
            for boxes in (self.there, self.found)
        ]
        return average_precision(*alike)[""]

    @property
    def mean(self) -> float:
        """Mean over names of AP50."""
        each = average_precision(self.there, self.found)
        return sum(each.values()) / len(each)

    def at(self, threshold: float) -> tuple[float, float]:
        """Return (precision, recall) at a threshold; a box finds one thing that it shares half with, the best first."""
        kept = sorted((box for box in self.found if box.score >= threshold), key=lambda box: -box.score)
        waiting = list(self.there)
        for box in kept:
            right = [
                each
                for each in waiting
                if (each.picture, each.name) == (box.picture, box.name) and _shared(each, box) >= 0.5
            ]
            if right:
                waiting.remove(max(right, key=lambda each: _shared(each, box)))
        right_count = len(self.there) - len(waiting)
        return right_count / max(1, len(kept)), right_count / max(1, len(self.there))


def _shared(one: Box, other: Box) -> float:
    import numpy as np

    return iou(np.array(one.xyxy), np.array(other.xyxy))


def measure(detector: Any, pictograms: Pictograms, others: Sequence[str], count: int) -> Outcome:
    """Find what is in `count` scenes of pictograms; `others` are the nouns that are asked for and may be absent."""
    outcome, ctx = Outcome([], []), Context()
    nouns = pictograms.nouns
    for number in range(count):
        rng = random.Random(SEED + number)
        made = scene(rng, pictograms, nouns=nouns, forms=0.0)
        outcome.there.extend(Box(number, thing.noun, thing.box) for thing in made.things)
        boxes = found(detector, Picture.from_image(made.picture, frame="img_1"), _asked(rng, made, others), ctx, LEAST)
        told = zip(boxes.labels, boxes.xyxy, boxes.scores, strict=True)
        outcome.found.extend(Box(number, *each) for each in told)
    return outcome


def _asked(rng: random.Random, made: Scene, others: Sequence[str]) -> list[str]:
    present = {thing.noun for thing in made.things}
    asked = [*present, *rng.sample([noun for noun in others if noun not in present], ABSENT)]
    rng.shuffle(asked)
    return asked


def false_boxes(detector: Any, photos: Sequence[Path]) -> list[float]:
    """Return the score of every box found on photographs on which nothing asked for is."""
    pictures, ctx = (read_picture(photo)[0] for photo in photos), Context()
    return [score for picture in pictures for score in found(detector, picture, ELSEWHERE, ctx, LEAST).scores]


def draw(detector: Any, pictograms: Pictograms, to: Path, count: int = 24) -> None:
    """Draw scenes with the boxes found at the profile's threshold, asked for as `measure` asks."""
    to.mkdir(parents=True, exist_ok=True)
    nouns, ctx = pictograms.nouns, Context()
    for number in range(count):
        rng = random.Random(SEED + number)
        made = scene(rng, pictograms, nouns=nouns, forms=0.0)
        picture = Picture.from_image(made.picture, frame="img_1")
        boxes = found(detector, picture, _asked(rng, made, nouns), ctx)
        items = tuple(Region(box=box, label=name) for box, name in zip(boxes.xyxy, boxes.labels, strict=True))
        drawn = annotate(picture, Regions(items=items)) if items else picture
        drawn.image.save(to / f"{number}.png")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detect_scenes", description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--pictograms", type=Path, nargs="+", required=True)
    parser.add_argument("--scenes", type=int, default=300, help="scenes in each set")
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    parser.add_argument("--save", type=Path)
    told = parser.parse_args(argv)
    detector = detect.using(implementation="grounding_dino", checkpoint=told.checkpoint)
    parts = split(Pictograms.load(told.pictograms))
    taught = parts.train.nouns
    sets = {
        "seen nouns": (parts.train, taught),
        "held-out nouns among seen ones": (parts.nouns, taught),
        "held-out nouns among held-out ones": (parts.nouns, parts.nouns.nouns),
        "held-out style": (parts.style, taught),
    }
    for name, (pictograms, others) in sets.items():
        outcome = measure(detector, pictograms, others, told.scenes)
        print(f"{name}: AP50 {outcome.whole:.3f}, mean over names {outcome.mean:.3f}, {len(outcome.there)} things")
        for threshold in THRESHOLDS:
            print("  from {:.2f}: precision {:.3f}, recall {:.3f}".format(threshold, *outcome.at(threshold)))
    photos = [file for folder in told.photos for file in sorted(folder.iterdir()) if file.suffix in SUFFIXES]
    if photos:
        scores = false_boxes(detector, photos)
        for threshold in THRESHOLDS:
            rate = sum(score >= threshold for score in scores) / len(photos)
            print(f"false boxes a photograph from {threshold:.2f}: {rate:.3f} (at most {FALSE_BOXES})")
        print(f"{len(photos)} photographs, {len(ELSEWHERE)} absent names each; best score {max(scores, default=0):.2f}")
    if told.save:
        draw(detector, parts.train, told.save)


if __name__ == "__main__":
    main()
