"""Procedural pictures for simulated chats: pages of text, codes, ovals as faces, shapes, gradients, noise."""

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 96
"""Side of a drawn picture in pixels; the embedded planner's tower sees this size."""


@dataclass(frozen=True)
class Pool:
    """Pictures drawn from one seed."""

    pictures: dict[str, "Image"]
    """SHA-256 of the picture's PNG -> the picture, RGB, SIDE x SIDE."""

    @property
    def digests(self) -> tuple[str, ...]:
        """The hashes, in the order drawn."""
        return tuple(self.pictures)


def pool(count: int, seed: int) -> Pool:
    """Draw `count` pictures; equal seeds give equal pictures."""
    rng = random.Random(seed)
    drawn = (rng.choice(_KINDS)(rng) for _ in range(count))
    return Pool({hashlib.sha256(_png(picture)).hexdigest(): picture for picture in drawn})


def _png(picture: "Image") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _colour(rng: random.Random) -> tuple[int, int, int]:
    return (rng.randrange(256), rng.randrange(256), rng.randrange(256))


def _gradient(rng: random.Random) -> "Image":
    from PIL import Image

    ends = np.array([_colour(rng), _colour(rng)], dtype=np.float64)
    ramp = np.linspace(0, 1, SIDE)[:, None]
    rows = ends[0] * (1 - ramp) + ends[1] * ramp
    pixels = np.repeat(rows[:, None], SIDE, axis=1)
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(0, 40), pixels.shape)
    picture = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(picture if rng.random() < 0.5 else picture.transpose(1, 0, 2).copy())


def _page(rng: random.Random) -> "Image":
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (SIDE, SIDE), rng.choice(((255, 255, 255), (240, 235, 220), _colour(rng))))
    draw = ImageDraw.Draw(picture)
    for y in range(rng.randint(4, 20), SIDE - 8, rng.randint(10, 18)):
        letters = "".join(rng.choice("abcdefghijklmnop rstuv") for _ in range(rng.randint(4, 14)))
        draw.text((rng.randint(2, 12), y), letters, fill=rng.choice(((0, 0, 0), (30, 30, 90))))
    return picture


def _code(rng: random.Random) -> "Image":
    from PIL import Image

    cells = np.random.default_rng(rng.randrange(2**32)).integers(0, 2, (21, 21), dtype=np.uint8) * 255
    for y, x in ((0, 0), (0, 14), (14, 0)):
        cells[y : y + 7, x : x + 7] = 0
        cells[y + 1 : y + 6, x + 1 : x + 6] = 255
        cells[y + 2 : y + 5, x + 2 : x + 5] = 0
    side = rng.randint(42, 84)
    picture = _gradient(rng)
    code = Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST).convert("RGB")
    picture.paste(code, (rng.randint(0, SIDE - side), rng.randint(0, SIDE - side)))
    return picture


def _faces(rng: random.Random) -> "Image":
    from PIL import ImageDraw

    picture = _gradient(rng)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(1, 4)):
        x, y, r = rng.randint(12, 80), rng.randint(12, 80), rng.randint(8, 18)
        skin = rng.choice(((224, 172, 105), (141, 85, 36), (255, 219, 172), (90, 56, 37)))
        draw.ellipse((x - r * 0.8, y - r, x + r * 0.8, y + r), fill=skin)
        for side in (-1, 1):
            draw.ellipse(
                (x + side * r * 0.3 - 1, y - r * 0.3 - 1, x + side * r * 0.3 + 1, y - r * 0.3 + 1), fill=(20, 20, 20)
            )
        draw.arc((x - r * 0.4, y, x + r * 0.4, y + r * 0.6), 0, 180, fill=(120, 20, 20))
    return picture


def _shapes(rng: random.Random) -> "Image":
    from PIL import ImageDraw

    picture = _gradient(rng)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(1, 6)):
        x, y = rng.randint(0, 70), rng.randint(0, 70)
        box = (x, y, x + rng.randint(8, 26), y + rng.randint(8, 26))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=_colour(rng))
    return picture


_KINDS: tuple[Callable[[random.Random], "Image"], ...] = (_gradient, _page, _code, _faces, _shapes)
