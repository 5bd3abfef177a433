"""How the pictures of the embedded `generate` are judged: shares, and the nearest picture it was trained on."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

from benchmarks.generate_judge import Judge, Verdict
from benchmarks.generate_pairs import nearest, right, sheet
from training.generate_words import colours, nouns


def test_shares_of_what_the_judge_names() -> None:
    named, coloured = list(nouns()), list(colours())
    order = np.arange(len(named))
    verdict = Verdict(np.stack([order, np.roll(order, 3), np.roll(order, 9)]), np.array([0, 0, 1]), np.zeros((3, 4)))
    pairs = [(coloured[0], named[0]), (coloured[0], named[0]), (coloured[0], named[0])]
    assert right(verdict, pairs) == {"both": 0.333, "noun": 0.333, "colour": 0.667, "noun among 5": 0.667}


def test_a_picture_of_the_pool_is_its_own_nearest() -> None:
    made = np.random.default_rng(0).integers(0, 256, (7, 3, 64, 64), dtype=np.uint8)
    judge = Judge()
    judge.parts.eval()
    pool = [SimpleNamespace(picture=Image.fromarray(picture.transpose(1, 2, 0))) for picture in made]
    found = nearest(pool.__getitem__, len(pool), made[[2, 5]], judge, at_once=3)
    assert found.pixels.tolist() == found.features.tolist() == [2, 5]
    assert found.distance.max() < 1
    assert found.likeness.min() > 0.99


def test_a_sheet_shows_pictures_side_by_side(tmp_path: Path) -> None:
    red, blue = (np.full((3, 128, 128), 0, dtype=np.uint8) for _ in range(2))
    red[0], blue[2] = 255, 255
    sheet([("red car", [red, blue])] * 5, tmp_path / "sheet.png", across=4)
    with Image.open(tmp_path / "sheet.png") as made:
        assert made.size == (4 * 268, 2 * 144)
        assert (made.getpixel((60, 60)), made.getpixel((190, 60))) == ((255, 0, 0), (0, 0, 255))
