"""Scenes whose truth is known: pictograms and coloured forms, lines of writing and QR codes over textures."""

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .boards import CELLS, COLOURS, FORMS, Board, form
from .pictograms import Colour, Pictograms
from .textures import texture

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels of the picture, origin top left, ends excluded."""

COVERED = 0.25
"""Share of a thing's box that another may cover."""

FAINT = 70.0
"""Distance in RGB between a thing's mean colour and its ground's below which a halo is drawn round it."""

TRIES = 12
"""Places tried for a thing before it is left out."""


@dataclass(frozen=True)
class Thing:
    """One thing of a scene."""

    noun: str
    """A pictogram's noun, or one of boards.FORMS."""
    colour: str
    """One of boards.COLOURS, empty where the pictogram has colours of its own."""
    style: str
    """The drawing style; empty for a form."""
    box: Box
    """Round its ink."""
    alpha: bytes
    """Its ink inside the box, row by row: a PNG of one channel, 0 to 255."""


@dataclass(frozen=True)
class Written:
    """One line of writing, or a QR code's payload."""

    text: str
    """What is written."""
    box: Box
    """Round its ink."""


@dataclass(frozen=True)
class Scene:
    """A picture and what stands in it."""

    picture: "Image"
    """RGB."""
    things: tuple[Thing, ...] = ()
    """From the farthest to the nearest."""
    lines: tuple[Written, ...] = ()
    """Writing, from top to bottom."""
    codes: tuple[Written, ...] = ()
    """QR codes."""

    @property
    def boxes(self) -> list[Box]:
        """Where everything stands."""
        return [item.box for items in (self.things, self.lines, self.codes) for item in items]


def scene(
    rng: random.Random,
    pictograms: Pictograms,
    *,
    side: int = 256,
    most: int = 5,
    nouns: Sequence[str] = (),
    forms: float = 0.3,
    sizes: tuple[float, float] = (0.14, 0.45),
    ground: "Image | None" = None,
) -> Scene:
    """Draw a scene of one to `most` things over a texture, (side, side) px; equal generators draw equal scenes.

    `nouns` are chosen from (default: all), `forms` is the share of plain coloured forms, `sizes` the least and the
    greatest share of the picture's side that a thing's longer side takes. Nothing covers more than COVERED of another.
    `ground`, RGB of that size, takes the texture's place.
    """
    canvas = texture(rng, side) if ground is None else ground.copy()
    chosen = tuple(nouns) or pictograms.nouns
    things: list[Thing] = []
    repeated = rng.random() < 0.3
    for _ in range(rng.randint(1, most)):
        size = max(8, round(side * rng.uniform(*sizes)))
        if things and repeated and rng.random() < 0.6:
            noun = things[0].noun
        else:
            noun = rng.choice(FORMS) if not chosen or rng.random() < forms else rng.choice(chosen)
        drawn, colour, style = _drawn(rng, pictograms, noun, size)
        thing = put(rng, canvas, drawn, noun, colour, style, among=[other.box for other in things])
        things.extend([thing] if thing else [])
    return Scene(canvas, tuple(things))


def put(
    rng: random.Random, canvas: "Image", drawn: "Image", noun: str, colour: str, style: str, *, among: Sequence[Box]
) -> Thing | None:
    """Draw a thing (RGBA, cropped to its ink) among others on a square canvas; None where none of TRIES places fits."""
    place = _place(rng, drawn.size, canvas.width, among)
    return None if place is None else _paste(canvas, drawn, place, noun, colour, style)


def grid(rng: random.Random, board: Board, *, side: int = 256) -> Scene:
    """Draw a board's forms over a texture, each somewhere in its cell, (side, side) px."""
    canvas = texture(rng, side)
    things = []
    for shape in board:
        drawn = form(shape.form, round(side * rng.uniform(0.18, 0.28)), _shade(rng, shape.colour))
        spare = [side / CELLS - length for length in drawn.size]
        x, y = (
            round(at * side / CELLS + rng.uniform(0.1, 0.9) * room) for at, room in zip(shape.cell, spare, strict=True)
        )
        things.append(_paste(canvas, drawn, (x, y), shape.form, shape.colour, ""))
    return Scene(canvas, tuple(things))


def page(rng: random.Random, words: Callable[[], str], *, side: int = 256) -> Scene:
    """Draw a sheet or a board with one to seven lines of `words()` over a texture, (side, side) px."""
    from PIL import ImageDraw, ImageFont

    canvas = texture(rng, side)
    on = ImageDraw.Draw(canvas)
    paper, ink = rng.choice(_PAPERS)
    size = rng.choice((16, 18, 22, 28, 36))
    font = ImageFont.load_default(size)
    told: list[str] = []
    for _ in range(rng.randint(1, 7)):
        line = words()
        while line and font.getlength(line) > side - 32:
            line = line.rpartition(" ")[0]
        told.extend([line] if line else [])
    told = told[: max(1, (side - 24) // int(size * 1.5))]
    height = int(len(told) * size * 1.5)
    top = rng.randint(4, max(4, side - height - 20))
    on.rectangle((6, top, side - 7, top + height + 12), fill=paper)
    lines = []
    for number, line in enumerate(told):
        at = (rng.randint(12, 20), top + 6 + int(number * size * 1.5))
        on.text(at, line, fill=ink, font=font)
        lines.append(Written(line, tuple(map(float, on.textbbox(at, line, font=font)))))  # type: ignore[arg-type]
    return Scene(canvas, lines=tuple(lines))


def code(rng: random.Random, payload: str, *, side: int = 256) -> Scene:
    """Draw a QR code with a payload somewhere over a texture, (side, side) px; it must fit at 3 px a module."""
    import cv2
    from PIL import Image

    canvas = texture(rng, side)
    cells = cv2.QRCodeEncoder.create().encode(payload)
    modules = np.pad(np.asarray(cells), 2, constant_values=255)
    scale = rng.randint(3, max(3, min(7, side // len(modules))))
    drawn = Image.fromarray(modules).resize((len(modules) * scale,) * 2, Image.Resampling.NEAREST)
    x, y = (rng.randint(0, side - drawn.width) for _ in range(2))
    canvas.paste(drawn.convert("RGB"), (x, y))
    margin = 2 * scale
    box = (float(x + margin), float(y + margin), float(x + drawn.width - margin), float(y + drawn.height - margin))
    return Scene(canvas, codes=(Written(payload, box),))


_PAPERS: Sequence[tuple[Colour, Colour]] = (
    ((255, 255, 255), (0, 0, 0)), ((240, 235, 220), (40, 30, 20)), ((30, 60, 120), (250, 250, 250)),
    ((20, 100, 60), (255, 255, 255)), ((250, 220, 60), (20, 20, 20)), ((180, 30, 30), (255, 250, 240)),
)  # fmt: skip


def _drawn(rng: random.Random, pictograms: Pictograms, noun: str, size: int) -> tuple["Image", str, str]:
    """Return a thing as RGBA with its colour's name and its style."""
    styles = pictograms.having(noun)
    style = rng.choice(styles) if styles else ""
    named = rng.choice(list(COLOURS))
    shade = _shade(rng, named)
    if not style:
        return form(noun, size, shade), named, ""
    coloured = pictograms.coloured(style)
    return pictograms.draw(noun, style, size, shade), "" if coloured else named, style


def _shade(rng: random.Random, named: str) -> Colour:
    """Return a colour like one of COLOURS."""
    red, green, blue = (max(0, min(255, value + rng.randint(-18, 18))) for value in COLOURS[named])
    return red, green, blue


def _place(rng: random.Random, size: tuple[int, int], side: int, others: Sequence[Box]) -> tuple[int, int] | None:
    """Return a free place for something of a size in pixels, or None."""
    for _ in range(TRIES):
        x, y = (rng.randint(0, max(0, side - length)) for length in size)
        box = (x, y, x + size[0], y + size[1])
        if all(_covers(box, other) <= COVERED and _covers(other, box) <= COVERED for other in others):
            return x, y
    return None


def _covers(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the share of `other` that `one` covers."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height) / ((other[2] - other[0]) * (other[3] - other[1]))


def _paste(canvas: "Image", drawn: "Image", at: tuple[int, int], noun: str, colour: str, style: str) -> Thing:
    ink = drawn.getchannel("A")
    _halo(canvas, drawn, at)
    canvas.paste(drawn, at, ink)
    buffer = io.BytesIO()
    ink.save(buffer, format="PNG")
    box = (float(at[0]), float(at[1]), float(at[0] + drawn.width), float(at[1] + drawn.height))
    return Thing(noun, colour, style, box, buffer.getvalue())


def _halo(canvas: "Image", drawn: "Image", at: tuple[int, int]) -> None:
    """Draw a light or dark rim where a thing is about to be pasted on a ground of its own colour."""
    from PIL import Image, ImageFilter

    ink = np.asarray(drawn.getchannel("A")) > 127
    ground = np.asarray(canvas.crop((*at, at[0] + drawn.width, at[1] + drawn.height)), dtype=np.float64)
    if not ink.any() or np.linalg.norm(np.asarray(drawn)[ink][:, :3].mean(0) - ground[ink].mean(0)) >= FAINT:
        return
    rim = max(2, max(drawn.size) // 24)
    alpha = Image.new("L", (drawn.width + 4 * rim, drawn.height + 4 * rim))
    alpha.paste(drawn.getchannel("A"), (2 * rim, 2 * rim))
    shade = (255, 255, 255) if ground[ink].mean() < 128 else (0, 0, 0)
    alpha = alpha.filter(ImageFilter.MaxFilter(2 * rim + 1))
    canvas.paste(Image.new("RGB", alpha.size, shade), (at[0] - 2 * rim, at[1] - 2 * rim), alpha)
