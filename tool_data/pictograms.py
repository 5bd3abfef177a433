"""Pictograms of open emoji fonts and folders, by noun and drawing style; each is cropped to its ink."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skills import InputError

from .phrasings import Language

if TYPE_CHECKING:
    from PIL.Image import Image

NO_THING = re.compile(
    r"button|arrow|flag|o’clock|-thirty|skin tone|symbol|heavy|exclamation|question|hole$|square$|hair$"
)
"""Names of emoji that show no thing; also every name with a digit."""

FONTS = (
    Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
    Path("/usr/share/fonts/truetype/ancient-scripts/Symbola_hint.ttf"),
    Path("/System/Library/Fonts/Apple Color Emoji.ttc"),
)
"""Where systems keep fonts with pictograms (Debian: fonts-noto-color-emoji, fonts-symbola)."""

BITMAP_SIZES = (109, 136, 160, 128, 96, 64)
"""Sizes in pixels that fonts of bitmaps come in; a font that can be scaled is opened at the first."""

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""


@dataclass(frozen=True)
class Pictograms:
    """What can be drawn: nouns, each in the styles that have it."""

    sources: Mapping[str, "Source"] = field(default_factory=dict)
    """Style -> where its pictograms come from."""

    @classmethod
    def load(cls, paths: Sequence[Path]) -> "Pictograms":
        """Open fonts and folders of PNGs named by code points ("1f436.png"), each one a style named by its stem.

        Raises InputError where a path is neither, or holds no pictogram.
        """
        return cls({path.stem: _source(path) for path in paths})

    @property
    def styles(self) -> tuple[str, ...]:
        """The drawing styles."""
        return tuple(self.sources)

    @property
    def nouns(self) -> tuple[str, ...]:
        """Every noun that some style has, sorted: CLDR short names such as "dog face"."""
        return tuple(sorted({noun for source in self.sources.values() for noun in source.glyphs}))

    def having(self, noun: str) -> tuple[str, ...]:
        """Return the styles that have a noun."""
        return tuple(style for style, source in self.sources.items() if noun in source.glyphs)

    def coloured(self, style: str) -> bool:
        """Return whether a style comes in colours of its own; others are drawn in any one."""
        return self.sources[style].coloured

    def draw(self, noun: str, style: str, size: int, colour: Colour | None = None) -> "Image":
        """Return the pictogram as RGBA, cropped to its ink, its longer side `size` px.

        `colour` fills a style that has no colours of its own (black where it is left out), and is ignored by others.
        """
        from PIL import Image

        source = self.sources[style]
        made = source.drawn(noun)
        if not source.coloured:
            filled = Image.new("RGBA", made.size, (*(colour or (0, 0, 0)), 255))
            filled.putalpha(made.getchannel("A"))
            made = filled
        scale = size / max(made.size)
        fitted = tuple(max(1, round(side * scale)) for side in made.size)
        return made.resize(fitted, Image.Resampling.LANCZOS)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Source:
    """One style."""

    glyphs: Mapping[str, Any]
    """Noun -> character of the font, or the PNG's path."""
    coloured: bool
    """Whether it has colours of its own."""
    font: Any = None
    """The font, None for a folder."""

    def drawn(self, noun: str) -> "Image":
        """Return a pictogram as RGBA at the size its source has it in, cropped to its ink."""
        from PIL import Image, ImageDraw

        glyph = self.glyphs[noun]
        if self.font is None:
            with Image.open(glyph) as image:
                made = image.convert("RGBA")
        else:
            made = Image.new("RGBA", (220, 220))
            ImageDraw.Draw(made).text((24, 24), glyph, font=self.font, fill=(0, 0, 0, 255), embedded_color=True)
        return made.crop(made.getchannel("A").getbbox())


def installed() -> tuple[Path, ...]:
    """Return the fonts of FONTS that this machine has."""
    return tuple(path for path in FONTS if path.is_file())


@cache
def names() -> Mapping[str, Mapping[Language, str]]:
    """Return character -> language -> CLDR short name in lower case, for emoji of one code point that show things."""
    from emoji import EMOJI_DATA, LANGUAGES, config

    assert "es" in LANGUAGES
    config.load_language("es")
    found: dict[str, Mapping[Language, str]] = {}
    for written, told in EMOJI_DATA.items():
        character = written.replace("\ufe0f", "")
        english = _spoken(told["en"])
        if len(character) == 1 and not NO_THING.search(english) and not re.search(r"\d", english):
            found[character] = {"en": english.lower(), "es": _spoken(told.get("es", told["en"])).lower()}
    return found


def _spoken(name: str) -> str:
    return " ".join(name.strip(":").replace("_", " ").split())


@cache
def in_language(noun: str, language: Language) -> str:
    """Return a noun in a language; itself where it is no pictogram's."""
    return next((told[language] for told in names().values() if told["en"] == noun), noun)


def _source(path: Path) -> Source:
    if not path.exists():
        raise InputError(f"pictograms {str(path)!r}: expected a font file or a folder of PNGs named by code points")
    font = None if path.is_dir() else _font(path)
    found: dict[str, Any] = dict(_in_folder(path) if font is None else _in_font(font))
    if not found:
        raise InputError(f"pictograms {str(path)!r}: it holds none; expected emoji, or PNGs such as '1f436.png'")
    return Source(found, font is None or _colours(font, next(iter(found.values()))), font)


def _in_folder(path: Path) -> Iterator[tuple[str, Path]]:
    for character, told in names().items():
        for spelled in (f"{ord(character):x}", f"{ord(character):X}"):
            for stem in (spelled, f"{spelled}-fe0f", f"{spelled}-FE0F", f"emoji_u{spelled}"):
                if (file := path / f"{stem}.png").is_file():
                    yield told["en"], file


def _font(path: Path) -> Any:
    from PIL import ImageFont

    for size in BITMAP_SIZES:
        try:
            return ImageFont.truetype(str(path), size)
        except OSError as error:
            reason = error
    raise InputError(f"pictograms {str(path)!r} cannot be read as a font: {reason}; give a .ttf, .otf or .ttc file")


def _in_font(font: Any) -> Iterator[tuple[str, str]]:
    """Yield noun and character of every pictogram that a font draws otherwise than what it lacks."""
    lacking = bytes(font.getmask("\U0010fffd"))
    for character, told in names().items():
        mask = font.getmask(character)
        if mask.getbbox() and bytes(mask) != lacking:
            yield told["en"], character


def _colours(font: Any, character: str) -> bool:
    """Return whether a font draws a character in colours of its own."""
    from PIL import Image, ImageDraw

    made = Image.new("RGB", (220, 220))
    ImageDraw.Draw(made).text((24, 24), character, font=font, fill=(255, 255, 255), embedded_color=True)
    return any(first != second for first, second in itertools.pairwise(made.split()))
