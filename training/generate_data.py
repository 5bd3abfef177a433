"""Pictures the embedded `generate` is trained on: one to three pictograms in a named colour over a texture."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skills import InputError
from tool_data.pictograms import Colour, Pictograms
from tool_data.scenes import Thing, put
from tool_data.textures import leaves, texture, waves

from .generate_words import Pair, Shown, colours, grounds, nouns

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 128
"""Side of a picture in pixels."""

DRAWN = 112
"""Side in pixels at which a pictogram is kept, its longer one."""

SIZES = ((0.6, 0.85), (0.36, 0.46), (0.3, 0.4))
"""Least and greatest share of the picture's side that each of one, two or three things takes."""

FOCUS = (1.5, 4.0)
"""Least and greatest radius in pixels by which a ground is out of focus."""

COUNTS = (1, 1, 1, 1, 1, 1, 1, 1, 2, 3)
"""How many equal things a picture shows; one of these."""

NAMED_GROUND = 0.4
"""Share of pictures on a ground that has a name."""

Ink = tuple[np.ndarray, np.ndarray]
"""Lightness, float32 0-1, and alpha, uint8; both (H, W)."""


@dataclass(frozen=True)
class Example:
    """One picture and what it shows."""

    picture: "Image"
    """RGB, (side, side) px."""
    shown: Shown
    """The truth that captions tell."""
    things: tuple[Thing, ...]
    """What was drawn, with boxes in pixels."""


@dataclass
class Draughtsman:
    """Draws pictograms in any colour, whatever colours a style has of its own."""

    pictograms: Pictograms
    """Where the shapes come from."""
    _inks: dict[tuple[str, str], Ink] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise InputError where a noun has no pictogram in any style."""
        lacking = [noun for noun in nouns() if not self.pictograms.having(noun)]
        if lacking:
            raise InputError(
                f"no style of {', '.join(map(repr, self.pictograms.styles))} draws {lacking[0]!r} "
                f"({len(lacking)} nouns lack); give more fonts or folders to --pictograms"
            )

    def example(self, rng: random.Random, pairs: Sequence[Pair], *, side: int = SIDE) -> Example:
        """Draw a picture of one of `pairs`; equal generators draw equal pictures."""
        colour, noun = rng.choice(pairs)
        ground = rng.choice(list(grounds())) if rng.random() < NAMED_GROUND else ""
        canvas = _ground(rng, ground, side)
        style, shade = rng.choice(self.pictograms.having(noun)), _shade(rng, colours()[colour])
        count = rng.choice(COUNTS)
        size = round(side * rng.uniform(*SIZES[count - 1]))
        things: list[Thing] = []
        for _ in range(count):
            drawn = self.drawn(noun, style, size, shade)
            thing = put(rng, canvas, drawn, noun, colour, style, among=[other.box for other in things])
            things.extend([thing] if thing else [])
        return Example(canvas, Shown(noun, colour, len(things), ground), tuple(things))

    def drawn(self, noun: str, style: str, size: int, shade: Colour) -> "Image":
        """Return a pictogram as RGBA in shades of one colour, cropped to its ink, its longer side `size` px."""
        from PIL import Image

        if (noun, style) not in self._inks:
            self._inks[noun, style] = _ink(self.pictograms.draw(noun, style, DRAWN))
        lightness, alpha = self._inks[noun, style]
        dark, light = _mixed(shade, 0, 0.45), _mixed(shade, 255, 0.3)
        made = Image.fromarray(np.dstack([ramp(lightness, dark, shade, light), alpha]), "RGBA")
        scale = size / max(made.size)
        fitted = (max(1, round(made.width * scale)), max(1, round(made.height * scale)))
        return made.resize(fitted, Image.Resampling.LANCZOS)


def ramp(lightness: np.ndarray, *stops: Colour) -> np.ndarray:
    """Return lightness (H, W), 0-1, as colours (H, W, 3) uint8 on the line through `stops`, evenly spaced."""
    at = np.linspace(0, 1, len(stops))
    channels = [np.interp(lightness, at, [stop[i] for stop in stops]) for i in range(3)]
    made: np.ndarray = np.dstack(channels).round().astype(np.uint8)
    return made


def _ink(image: "Image") -> Ink:
    """Return a pictogram's lightness, spread over 0-1 about a mean of one half; flat ink is one half everywhere."""
    pixels = np.asarray(image)
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    inside = grey[pixels[:, :, 3] > 127]
    spread = max(float(np.abs(inside - inside.mean()).max()), 32.0)
    return np.clip(0.5 + (grey - inside.mean()) / (2 * spread), 0, 1), pixels[:, :, 3].copy()


def _ground(rng: random.Random, name: str, side: int) -> "Image":
    from PIL import Image, ImageFilter

    surface: Image.Image = (rng.choice((waves, leaves)) if name else texture)(rng, side)
    if name:
        grey = np.asarray(surface.convert("L"), dtype=np.float32)
        surface = Image.fromarray(ramp((grey - grey.min()) / max(1.0, float(np.ptp(grey))), *grounds()[name]))
    return surface.filter(ImageFilter.GaussianBlur(rng.uniform(*FOCUS)))


def _mixed(colour: Colour, with_grey: int, share: float) -> Colour:
    red, green, blue = (round(value + share * (with_grey - value)) for value in colour)
    return red, green, blue


def _shade(rng: random.Random, colour: Colour) -> Colour:
    red, green, blue = (max(0, min(255, value + rng.randint(-18, 18))) for value in colour)
    return red, green, blue


def numbered(draughtsman: Draughtsman, seed: int, number: int, pairs: Sequence[Pair], *, side: int = SIDE) -> Example:
    """Draw picture `number` of a seed's endless row; the same whenever it is drawn."""
    return draughtsman.example(random.Random(f"generate {seed} {number}"), pairs, side=side)


def pixels(examples: Sequence[Example]) -> np.ndarray:
    """Return pictures as (N, 3, H, W) uint8."""
    return np.stack([np.asarray(example.picture) for example in examples]).transpose(0, 3, 1, 2)


def covered(examples: Sequence[Example], cells: int) -> np.ndarray:
    """Return the share of each of `cells` x `cells` squares that boxes of things cover, (N, cells, cells) float32."""
    found = np.zeros((len(examples), cells, cells), dtype=np.float32)
    for number, example in enumerate(examples):
        side = example.picture.width
        full = np.zeros((side, side), dtype=np.float32)
        for x0, y0, x1, y1 in (thing.box for thing in example.things):
            full[int(y0) : int(y1), int(x0) : int(x1)] = 1
        found[number] = full.reshape(cells, side // cells, cells, side // cells).mean((1, 3))
    return found
