"""Textures to draw on: gradients, noise whose power falls with frequency, and dead leaves, as photographs have them."""

import random
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 96
"""Side in pixels where none is told; the embedded planner's tower sees this size."""


def texture(rng: random.Random, side: int = SIDE) -> "Image":
    """Draw a surface of any kind, RGB, (side, side) px."""
    return rng.choice((leaves, leaves, leaves, waves, waves, gradient))(rng, side)


def colour(rng: random.Random) -> tuple[int, int, int]:
    """Draw any colour, RGB."""
    return (rng.randrange(256), rng.randrange(256), rng.randrange(256))


def gradient(rng: random.Random, side: int = SIDE) -> "Image":
    """Draw a noisy ramp between two colours, down or across."""
    from PIL import Image

    ends = np.array([colour(rng), colour(rng)], dtype=np.float64)
    ramp = np.linspace(0, 1, side)[:, None]
    rows = ends[0] * (1 - ramp) + ends[1] * ramp
    pixels = np.repeat(rows[:, None], side, axis=1)
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(0, 40), pixels.shape)
    picture = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(picture if rng.random() < 0.5 else picture.transpose(1, 0, 2).copy())


def waves(rng: random.Random, side: int = SIDE) -> "Image":
    """Draw a surface: noise whose power falls with frequency, between two colours."""
    from PIL import Image

    made = np.random.default_rng(rng.randrange(2**32))
    far = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    far[0, 0] = 1.0
    spectrum = np.fft.fft2(made.normal(size=(side, side))) / far ** rng.uniform(0.6, 1.6)
    height = np.real(np.fft.ifft2(spectrum))
    share = ((height - height.min()) / np.ptp(height))[:, :, None]
    pixels = np.array(colour(rng)) * share + np.array(colour(rng)) * (1 - share)
    return Image.fromarray(pixels.astype(np.uint8))


def leaves(rng: random.Random, side: int = SIDE) -> "Image":
    """Draw things that cover each other, few large and many small, textured, lit and out of focus: as photographs are.

    Dead leaves (Lee, Mumford and Huang, 2001) have the statistics of photographs.
    """
    from PIL import ImageDraw, ImageFilter

    picture = waves(rng, side)
    palette = [colour(rng) for _ in range(rng.randint(2, 6))]
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(15, 160)):
        r = min(60.0, 2.5 / (1 - rng.random()) ** 0.6) * side / SIDE
        x, y = rng.uniform(0, side), rng.uniform(0, side)
        shade = tuple(max(0, min(255, int(v * rng.uniform(0.5, 1.3)))) for v in rng.choice(palette))
        box = (x - r, y - r * rng.uniform(0.3, 1), x + r, y + r * rng.uniform(0.3, 1))
        corners = [(x + rng.uniform(-r, r), y + rng.uniform(-r, r)) for _ in range(rng.randint(3, 6))]
        form = rng.randrange(3)
        if form == 0:
            draw.polygon(corners, fill=shade)
        else:
            (draw.ellipse if form == 1 else draw.rectangle)(box, fill=shade)
    picture = picture.filter(ImageFilter.GaussianBlur(rng.choice((0, 0.6, 1.2, 2.5))))
    return photographed(_grained(picture, rng), rng, side)


def photographed(picture: "Image", rng: random.Random, side: int = SIDE) -> "Image":
    """Return a picture made (side, side) px, turned a little and unevenly lit."""
    from PIL import Image

    turned = picture.rotate(rng.uniform(-6, 6), fillcolor=colour(rng)) if rng.random() < 0.5 else picture
    small = np.asarray(turned.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float64)
    light = np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1), side)[:, None, None]
    return Image.fromarray(np.clip(small * light, 0, 255).astype(np.uint8))


def _grained(picture: "Image", rng: random.Random) -> "Image":
    """Return a picture with the muted colours, the contrast and the grain of a camera's."""
    from PIL import Image

    noise = np.random.default_rng(rng.randrange(2**32)).normal(
        0, rng.uniform(0, 12), (picture.height, picture.width, 3)
    )
    pixels = np.asarray(picture, dtype=np.float64)
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + (pixels - grey) * rng.uniform(0.1, 1)
    pixels = (pixels - 128) * rng.uniform(0.6, 1.4) + rng.uniform(90, 160) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
