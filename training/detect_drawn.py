"""Pictograms to teach the embedded detector with: what is held out of them, their variations, and grounds for them."""

import hashlib
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tool_data.boards import FORMS
from tool_data.pictograms import Colour, Pictograms, Source
from tool_data.textures import texture

if TYPE_CHECKING:
    from PIL.Image import Image

HELD_STYLE = "openmoji"
"""Drawing style that is never trained on."""

HELD_SHARE = 0.1
"""Share of the nouns that are never trained on."""

KEPT_SIDE = 112
"""Longest side in pixels in which pictograms are kept in memory."""


def held_out(noun: str) -> bool:
    """Return whether a noun is never trained on: a matter of its hash, so it is the same everywhere."""
    point = int.from_bytes(hashlib.sha256(noun.encode()).digest()[:8], "big") / 2**64
    return noun not in FORMS and point < HELD_SHARE


@dataclass(frozen=True)
class Split:
    """Pictograms, parted by what is trained on."""

    train: Pictograms
    """Seen nouns in seen styles."""
    nouns: Pictograms
    """Held-out nouns in seen styles."""
    style: Pictograms
    """Seen nouns in the held-out style; empty where it was not loaded."""


def split(pictograms: Pictograms) -> Split:
    """Part pictograms by HELD_STYLE and `held_out`."""
    seen = {style: source for style, source in pictograms.sources.items() if style != HELD_STYLE}
    other = {style: source for style, source in pictograms.sources.items() if style == HELD_STYLE}
    return Split(_part(seen, held=False), _part(seen, held=True), _part(other, held=False))


def _part(sources: dict[str, Source], held: bool) -> Pictograms:
    parts = {
        style: replace(source, glyphs={n: glyph for n, glyph in source.glyphs.items() if held_out(n) is held})
        for style, source in sources.items()
    }
    return Pictograms({style: part for style, part in parts.items() if part.glyphs})


@dataclass(frozen=True)
class Kept(Source):
    """A style whose pictograms are kept in memory once they were drawn."""

    drawn_before: dict[str, "Image"] = field(default_factory=dict)
    """Noun -> RGBA."""

    def drawn(self, noun: str) -> "Image":
        """Return a pictogram as RGBA, cropped to its ink, at most KEPT_SIDE px."""
        if noun not in self.drawn_before:
            made = super().drawn(noun)
            made.thumbnail((KEPT_SIDE, KEPT_SIDE))
            self.drawn_before[noun] = made
        return self.drawn_before[noun]


@dataclass(frozen=True)
class Varied(Pictograms):
    """Pictograms that are drawn a little otherwise every time: mirrored, turned, squeezed, in other shades."""

    rng: random.Random = field(default_factory=random.Random)
    """Where the differences come from."""

    @classmethod
    def of(cls, pictograms: Pictograms, rng: random.Random) -> "Varied":
        """Return the same pictograms, varied and kept in memory."""
        kept = {style: Kept(made.glyphs, made.coloured, made.font) for style, made in pictograms.sources.items()}
        return cls(kept, rng)

    def draw(self, noun: str, style: str, size: int, colour: Colour | None = None) -> "Image":
        """Return the pictogram as `Pictograms.draw` does, varied; its longer side is still `size` px."""
        from PIL import Image

        rng = self.rng
        made = super().draw(noun, style, KEPT_SIDE, colour)
        if rng.random() < 0.5:
            made = made.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if rng.random() < 0.4:
            made = made.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR, expand=True)
            made = made.crop(made.getchannel("A").point(lambda value: 255 * (value > 30)).getbbox())
        if self.sources[style].coloured:
            made = _shaded(made, rng)
        wide, high = made.width * rng.uniform(0.85, 1.15), float(made.height)
        scale = size / max(wide, high)
        return made.resize((max(2, round(wide * scale)), max(2, round(high * scale))), Image.Resampling.BOX)


def _shaded(made: "Image", rng: random.Random) -> "Image":
    """Return a picture of RGBA, now and then paler, in grey or with its hues turned."""
    from PIL import Image, ImageEnhance

    alpha, kind = made.getchannel("A"), rng.random()
    flat = made.convert("RGB")
    if kind < 0.12:
        turned = flat.convert("HSV")
        hue = turned.getchannel("H").point([(value + rng.choice((-40, -20, 20, 40))) % 256 for value in range(256)])
        flat = Image.merge("HSV", (hue, *turned.split()[1:])).convert("RGB")
    elif kind < 0.35:
        flat = ImageEnhance.Color(flat).enhance(rng.uniform(0, 1.4))
    elif kind < 0.55:
        flat = ImageEnhance.Brightness(flat).enhance(rng.uniform(0.7, 1.3))
    flat.putalpha(alpha)
    return flat


class Grounds:
    """Textures to draw on; a few large ones are cut from, since each costs as much as a scene."""

    def __init__(self, rng: random.Random, side: int, count: int = 400) -> None:
        """Draw `count` textures of (side, side) px."""
        self.rng, self.side = rng, side
        self.large = [texture(rng, side) for _ in range(count)]

    def cut(self, side: int) -> "Image":
        """Return a piece of (side, side) px, mirrored and with its channels exchanged at random."""
        from PIL import Image

        rng = self.rng
        x, y = (rng.randint(0, self.side - side) for _ in range(2))
        piece = rng.choice(self.large).crop((x, y, x + side, y + side))
        if rng.random() < 0.5:
            piece = piece.transpose(rng.choice((Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90)))
        return Image.merge("RGB", rng.sample(piece.split(), 3))

    def renew(self) -> None:
        """Draw one texture anew."""
        self.large[self.rng.randrange(len(self.large))] = texture(self.rng, self.side)
