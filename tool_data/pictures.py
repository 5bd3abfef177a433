"""Procedural pictures for simulated chats: pages and signs, codes, faces, landscapes and shapes."""

import hashlib
import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .textures import SIDE, colour, gradient, leaves, photographed, waves

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Pool:
    """Pictures drawn from one seed."""

    pictures: Mapping[str, "Image"]
    """SHA-256 of the picture's PNG -> the picture, RGB, SIDE x SIDE."""
    kinds: Mapping[str, tuple[str, ...]]
    """What a picture shows ("page", "code", "face", "scene") -> the hashes of those that do."""


def pool(count: int, seed: int) -> Pool:
    """Draw `count` pictures, the kinds in turn; equal seeds give equal pictures."""
    rng = random.Random(seed)
    pictures: dict[str, Image] = {}
    kinds: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        picture = rng.choice(KINDS[kind])(rng)
        digest = digest_of(picture)
        pictures[digest] = picture
        kinds[kind].append(digest)
    return Pool(pictures, {kind: tuple(digests) for kind, digests in kinds.items() if digests})


def digest_of(picture: "Image") -> str:
    """Return the SHA-256 of a picture's PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=1)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _page(rng: random.Random) -> "Image":
    """Draw lines of writing, larger and made small as a photographed page is."""
    from PIL import Image, ImageDraw, ImageFont

    large = SIDE * rng.choice((2, 3, 4))
    paper = rng.choice(((255, 255, 255), (240, 235, 220), (225, 225, 225), colour(rng)))
    ink = (250, 250, 250) if sum(paper) < 300 else rng.choice(((0, 0, 0), (30, 30, 90), (90, 20, 20)))
    picture = Image.new("RGB", (large, large), paper)
    draw = ImageDraw.Draw(picture)
    size = rng.choice((12, 16, 22, 30, 44))
    font = ImageFont.load_default(size)
    for y in range(rng.randint(4, 30), large - size, int(size * rng.uniform(1.1, 1.8))):
        letters = "".join(rng.choice("abcdefghijklmnop rstuvABCDE 0123") for _ in range(rng.randint(6, large // 6)))
        draw.text((rng.randint(4, 30), y), letters, fill=ink, font=font)
    return photographed(picture, rng)


def _sign(rng: random.Random) -> "Image":
    """Draw a word or two on a board in front of something."""
    from PIL import ImageDraw, ImageFont

    picture = rng.choice((gradient, _shapes, _landscape, leaves))(rng)
    draw = ImageDraw.Draw(picture)
    x, y = rng.randint(2, 20), rng.randint(5, 40)
    board = colour(rng)
    draw.rectangle((x, y, rng.randint(70, 94), y + rng.randint(24, 44)), fill=board)
    ink = (250, 250, 250) if sum(board) < 380 else (10, 10, 10)
    for line in range(rng.randint(1, 2)):
        letters = "".join(rng.choice("ABCDEFGHIJKLMNOPRSTUVabcdeiostu") for _ in range(rng.randint(3, 9)))
        draw.text((x + 3, y + 3 + line * 17), letters, fill=ink, font=ImageFont.load_default(rng.randint(12, 17)))
    return picture


def _code(rng: random.Random) -> "Image":
    from PIL import Image

    cells = np.random.default_rng(rng.randrange(2**32)).integers(0, 2, (21, 21), dtype=np.uint8) * 255
    for y, x in ((0, 0), (0, 14), (14, 0)):
        cells[y : y + 7, x : x + 7] = 0
        cells[y + 1 : y + 6, x + 1 : x + 6] = 255
        cells[y + 2 : y + 5, x + 2 : x + 5] = 0
    side = rng.randint(36, 92)
    picture = rng.choice((gradient, _page, _landscape, leaves))(rng)
    code = Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST).convert("RGB")
    picture.paste(code, (rng.randint(0, SIDE - side), rng.randint(0, SIDE - side)))
    return photographed(picture, rng)


def _faces(rng: random.Random) -> "Image":
    """Draw heads with hair, eyes and mouth on shoulders, one large or a few small."""
    from PIL import ImageDraw

    picture = rng.choice((gradient, _landscape, leaves, waves))(rng)
    draw = ImageDraw.Draw(picture)
    count = rng.choice((1, 1, 1, 2, 3))
    for number in range(count):
        r = rng.uniform(16, 30) / count**0.5
        x = SIDE * (number + 0.5) / count + rng.uniform(-6, 6)
        y = rng.uniform(r + 6, SIDE - r - 8)
        skin = rng.choice(((224, 172, 105), (198, 134, 90), (141, 85, 36), (255, 219, 172), (90, 56, 37)))
        dark = tuple(int(c * 0.55) for c in skin)
        hair, coat = rng.choice(((30, 20, 15), (90, 60, 30), (200, 170, 90), (150, 150, 150))), colour(rng)
        draw.ellipse((x - r * 1.7, y + r * 0.9, x + r * 1.7, y + r * 4), fill=coat)
        draw.ellipse((x - r * 0.95, y - r * 1.25, x + r * 0.95, y + r * 0.7), fill=hair)
        draw.ellipse((x - r * 0.78, y - r, x + r * 0.78, y + r), fill=skin)
        for side in (-1, 1):
            eye = x + side * r * 0.32
            draw.ellipse((eye - r * 0.12, y - r * 0.25, eye + r * 0.12, y - r * 0.08), fill=(25, 20, 20))
            draw.line((eye - r * 0.2, y - r * 0.42, eye + r * 0.2, y - r * 0.42), fill=dark)
        draw.line((x, y - r * 0.1, x - r * 0.08, y + r * 0.25), fill=dark)
        draw.arc((x - r * 0.35, y + r * 0.2, x + r * 0.35, y + r * 0.65), 0, 180, fill=(140, 40, 40), width=2)
    return picture


def _landscape(rng: random.Random) -> "Image":
    """Draw a sky over hills or a street, with houses, trees and a sun."""
    from PIL import Image, ImageDraw

    sky = rng.choice(((135, 190, 235), (230, 150, 90), (60, 70, 110)))
    ground = rng.choice(((90, 140, 60), (120, 120, 120), (200, 180, 130)))
    picture = Image.new("RGB", (SIDE, SIDE), sky)
    draw = ImageDraw.Draw(picture)
    level = rng.randint(35, 70)
    if rng.random() < 0.6:
        x, y, r = rng.randint(5, 85), rng.randint(5, 25), rng.randint(4, 9)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(250, 240, 170))
    for _ in range(rng.randint(0, 3)):
        x, r = rng.randint(-10, 100), rng.randint(15, 45)
        hill = tuple(int(c * rng.uniform(0.6, 0.9)) for c in ground)
        draw.ellipse((x - r, level - r * 0.6, x + r, level + r), fill=hill)
    draw.rectangle((0, level, SIDE, SIDE), fill=ground)
    for _ in range(rng.randint(1, 5)):
        x, y, r = rng.randint(0, 90), level + rng.randint(-4, 16), rng.randint(6, 16)
        if rng.random() < 0.5:
            draw.rectangle((x, y - r, x + r, y + r // 2), fill=colour(rng))
            draw.polygon(((x - 2, y - r), (x + r + 2, y - r), (x + r / 2, y - r * 1.7)), fill=colour(rng))
        else:
            draw.rectangle((x + r / 2 - 1, y - r, x + r / 2 + 1, y + 4), fill=(90, 60, 30))
            draw.ellipse((x, y - r * 1.8, x + r, y - r * 0.6), fill=(40, rng.randint(80, 150), 40))
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(2, 18), (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def _shapes(rng: random.Random) -> "Image":
    from PIL import ImageDraw

    picture = gradient(rng)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(1, 6)):
        x, y = rng.randint(0, 70), rng.randint(0, 70)
        box = (x, y, x + rng.randint(8, 26), y + rng.randint(8, 26))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour(rng))
    return picture


KINDS: Mapping[str, tuple[Callable[[random.Random], "Image"], ...]] = {
    "page": (_page, _page, _sign),
    "code": (_code,),
    "face": (_faces,),
    "scene": (leaves, leaves, leaves, waves, _landscape, _landscape, _shapes, gradient),
}
"""What a picture shows -> how such a picture is drawn."""
