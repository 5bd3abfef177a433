"""Whether the embedded `generate` paints pairs of colour and noun it never saw, judged by a CNN of other styles.

python -m benchmarks.generate_pairs PIPELINE --pictograms A B --judge-pictograms C D E --judge FILE --sheet OUT.png
`--pictograms` and `--pool` are what the pipeline was trained with. The sheet shows 20 samples, each beside the picture
it was trained on that is nearest in pixels, and the one nearest in the judge's features.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.generate_judge import Judge, Verdict
from skills import Context
from skills.builtin.generate import generate
from tool_data.pictograms import Pictograms
from training.generate_data import SIDE, Draughtsman, Example, numbered, pixels
from training.generate_model import load
from training.generate_vae import encode
from training.generate_words import Pair, Shown, caption, colours, held_out, nouns, trained_on

SHOWN = 20
"""Samples of the sheet."""

UNSEEN = 10**6
"""Number of the first scene that is drawn for measuring alone."""


@dataclass(frozen=True)
class Nearest:
    """The picture of the training pool that is nearest to each of some others."""

    pixels: np.ndarray
    """(N,) numbers in the pool, by the distance of pixels."""
    distance: np.ndarray
    """(N,) root mean square of that distance, 0 to 255."""
    features: np.ndarray
    """(N,) numbers in the pool, by the judge's features."""
    likeness: np.ndarray
    """(N,) cosine of these features."""


def painted(skill: Any, pairs: Sequence[Pair], seed: int) -> np.ndarray:
    """Return a picture (3, H, W) uint8 of each pair, as the skill paints it."""
    made = []
    for number, (colour, noun) in enumerate(pairs):
        told = skill(caption(Shown(noun, colour), "en"), seed=seed + number, ctx=Context())
        made.append(np.asarray(told.values[0].image.convert("RGB")).transpose(2, 0, 1))
    return np.stack(made)


def right(verdict: Verdict, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return the shares of pictures whose noun, colour, both the judge names, and whose noun is among its first 5."""
    named, coloured = list(nouns()), list(colours())
    wanted = np.array([named.index(noun) for _, noun in pairs])
    noun = verdict.nouns[:, 0] == wanted
    colour = verdict.colours == np.array([coloured.index(colour) for colour, _ in pairs])
    among = (verdict.nouns[:, :5] == wanted[:, None]).any(1)
    shares = {"both": noun & colour, "noun": noun, "colour": colour, "noun among 5": among}
    return {name: round(float(found.mean()), 3) for name, found in shares.items()}


def through(pipeline: Path, pictures: np.ndarray) -> np.ndarray:
    """Return pictures (N, 3, H, W) uint8 through the pipeline's autoencoder."""
    import torch

    vae = load(pipeline).vae.eval()
    with torch.no_grad():
        made = [vae.decode(part).sample for part in encode(vae, pictures, torch.float32).split(32)]
    told: np.ndarray = ((torch.cat(made).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
    return told


def nearest(drawn: Any, pool: int, pictures: np.ndarray, judge: Judge, at_once: int = 500) -> Nearest:
    """Look for pictures (N, 3, H, W) in the pool that `drawn(number)` draws."""
    flat, features = _flat(pictures), judge.judge(pictures).features
    distances, likenesses = [], []
    for start in range(0, pool, at_once):
        part = pixels([drawn(number) for number in range(start, min(start + at_once, pool))])
        other = _flat(part)
        distances.append((flat**2).sum(1)[:, None] + (other**2).sum(1) - 2 * flat @ other.T)
        likenesses.append(features @ judge.judge(part).features.T)
    distance, likeness = np.concatenate(distances, 1), np.concatenate(likenesses, 1)
    rms = np.sqrt(np.maximum(distance.min(1), 0) / flat.shape[1])
    return Nearest(distance.argmin(1), rms, likeness.argmax(1), likeness.max(1))


def distances(near: Nearest) -> dict[str, dict[str, float]]:
    """Return how far SHOWN generated pictures are from the nearest of the pool, and as many that were drawn anew."""
    found = {}
    for place, name in enumerate(("generated", "drawn anew")):
        half = slice(place * SHOWN, (place + 1) * SHOWN)
        found[f"nearest, {name}"] = {
            "pixels, mean rms": round(float(near.distance[half].mean()), 1),
            "pixels, least rms": round(float(near.distance[half].min()), 1),
            "features, mean cosine": round(float(near.likeness[half].mean()), 3),
        }
    return found


def _flat(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1).astype(np.float32)


def sheet(rows: Sequence[tuple[str, Sequence[np.ndarray]]], to: Path, across: int = 4) -> None:
    """Draw rows of a caption and pictures (3, SIDE, SIDE)."""
    wide, high = len(rows[0][1]) * SIDE + 12, SIDE + 16
    made = Image.new("RGB", (across * wide, -(-len(rows) // across) * high), "white")
    on = ImageDraw.Draw(made)
    for number, (words, pictures) in enumerate(rows):
        x, y = number % across * wide, number // across * high
        on.text((x + 2, y + 1), words, fill="black")
        for place, picture in enumerate(pictures):
            made.paste(Image.fromarray(picture.transpose(1, 2, 0)), (x + place * SIDE, y + 14))
    made.save(to)


def _judge(file: Path, draughtsman: Draughtsman, minutes: float) -> Judge:
    if file.is_file():
        return Judge.load(file)
    judge = Judge()
    print("the judge took", judge.train(draughtsman, minutes, 0), "steps", flush=True)
    judge.save(file)
    return judge


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate_pairs", description=__doc__)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("--pictograms", type=Path, nargs="+", required=True)
    parser.add_argument("--judge-pictograms", type=Path, nargs="+", required=True)
    parser.add_argument("--judge", type=Path, required=True, help="file of the judge's weights; trained where absent")
    parser.add_argument("--minutes", type=float, default=8.0, help="of the judge's training")
    parser.add_argument("--pool", type=int, default=16_000, help="pictures the pipeline was trained on")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="the trainings' own, each with its pool")
    parser.add_argument("--sheet", type=Path, required=True)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train the judge, paint, judge, look for the nearest, print every figure as JSON."""
    told = _options().parse_args(argv)
    ours, theirs = (Draughtsman(Pictograms.load(paths)) for paths in (told.pictograms, told.judge_pictograms))
    unseen, seen = sorted(held_out()), list(trained_on())[:: len(trained_on()) // len(held_out())][: len(held_out())]
    judge = _judge(told.judge, theirs, told.minutes)
    found: dict[str, Any] = {}

    def scenes(draughtsman: Draughtsman, pairs: Sequence[Pair]) -> list[Example]:
        return [numbered(draughtsman, 0, UNSEEN + number, [pair]) for number, pair in enumerate(pairs)]

    drawn = pixels(scenes(ours, unseen))
    options = {"checkpoint": str(told.pipeline), "side": SIDE, "safety_checker": False}
    skill = generate.using(**options, steps=told.steps, guidance=told.guidance)
    made = painted(skill, unseen, 0)
    for name, pictures, pairs in (
        ("drawn, the judge's styles", pixels(scenes(theirs, unseen)), unseen),
        ("drawn, the generator's styles", drawn, unseen),
        ("drawn, through the autoencoder", through(told.pipeline, drawn), unseen),
        ("generated, pairs held out", made, unseen),
        ("generated, pairs trained on", painted(skill, seen, len(unseen)), seen),
    ):
        found[name] = right(judge.judge(pictures), pairs)
        print(name, found[name], flush=True)

    def trained(number: int) -> Example:
        turn, within = divmod(number, told.pool)
        return numbered(ours, told.seeds[turn], within, trained_on())

    chosen = range(0, len(unseen), len(unseen) // SHOWN)
    shown = np.concatenate([made[list(chosen)], drawn[list(chosen)]])
    near = nearest(trained, told.pool * len(told.seeds), shown, judge)
    found |= distances(near)
    rows = [
        (" ".join(unseen[at]), [made[at], *(pixels([trained(int(n))])[0] for n in (near.pixels[i], near.features[i]))])
        for i, at in enumerate(chosen)
    ]
    sheet(rows, told.sheet)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
