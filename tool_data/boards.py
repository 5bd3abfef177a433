"""Boards: flat coloured shapes on a plain ground whose truth is known, and questions about them with their answers."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .phrasings import Language, read_toml
from .pictures import digest_of
from .textures import SIDE

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

TEXTS = Path(__file__).parent / "boards.toml"
"""Names of colours and forms, questions and answers in both languages."""

CELLS = 3
"""Shapes stand in the cells of a grid of this many rows and columns, each somewhere in its cell."""

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (215, 40, 40),
    "green": (50, 160, 60),
    "blue": (45, 80, 215),
    "yellow": (240, 215, 50),
    "black": (20, 20, 20),
    "orange": (245, 140, 30),
    "purple": (135, 50, 165),
}
"""Colour -> RGB, from which a shape's own colour differs a little."""

FORMS = ("circle", "square", "triangle", "star", "cross")
"""What a shape may be."""

SIDES: Mapping[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}
"""Where one shape stands from another -> direction in columns and rows."""


@dataclass(frozen=True)
class Shape:
    """One shape of a board."""

    colour: str
    """One of COLOURS."""
    form: str
    """One of FORMS."""
    cell: tuple[int, int]
    """Column and row of the grid, from the left and from the top."""


HELD_BACK = 8
"""One wording in this many of each question, the last of them, is never trained on, for measuring."""

Board = tuple[Shape, ...]
"""What stands on a board."""


@dataclass(frozen=True)
class Boards:
    """Boards drawn from one seed."""

    pictures: Mapping[str, "Image"]
    """SHA-256 of the picture's PNG -> the picture, RGB, SIDE x SIDE."""
    truth: Mapping[str, Board]
    """The same hashes -> what stands on it."""


def boards(count: int, seed: int) -> Boards:
    """Draw `count` boards; equal seeds give equal boards."""
    rng = random.Random(f"boards {seed}")
    pictures, truth = {}, {}
    for _ in range(count):
        board = placed(rng)
        picture = draw(board, rng)
        digest = digest_of(picture)
        pictures[digest], truth[digest] = picture, board
    return Boards(pictures, truth)


def placed(rng: random.Random) -> Board:
    """Draw what stands on a board."""
    cells = rng.sample([(x, y) for x in range(CELLS) for y in range(CELLS)], rng.choice((1, 2, 2, 3, 3, 4, 5)))
    return tuple(Shape(rng.choice(list(COLOURS)), rng.choice(FORMS), cell) for cell in cells)


def draw(board: Board, rng: random.Random) -> "Image":
    """Return a picture of a board; ground, sizes, places and shades are drawn."""
    from PIL import Image, ImageDraw

    ground = rng.choice(((255, 255, 255), (235, 235, 225), (205, 215, 225), (225, 205, 195)))
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    on = ImageDraw.Draw(picture)
    for shape in board:
        r = rng.uniform(9, 14)
        x, y = (SIDE / CELLS * (at + 0.5) + rng.uniform(-4, 4) for at in shape.cell)
        shade = tuple(max(0, min(255, value + rng.randint(-18, 18))) for value in COLOURS[shape.colour])
        _DRAWN[shape.form](on, x, y, r, shade)
    return picture


def form(name: str, size: int, shade: tuple[int, int, int]) -> "Image":
    """Return one of FORMS in a colour as RGBA, cropped to its ink, its longer side `size` px."""
    from PIL import Image, ImageDraw

    large = 4 * size
    made = Image.new("RGBA", (large + 8, large + 8))
    _DRAWN[name](ImageDraw.Draw(made), large / 2 + 4, large / 2 + 4, large / 2, (*shade, 255))
    made = made.crop(made.getchannel("A").getbbox())
    scale = size / max(made.size)
    return made.resize((round(made.width * scale), round(made.height * scale)), Image.Resampling.LANCZOS)


def _star(on: "ImageDraw", x: float, y: float, r: float, shade: Any) -> None:
    turns = [(r if n % 2 == 0 else r * 0.42, math.pi * (n / 5 - 0.5)) for n in range(10)]
    on.polygon([(x + far * math.cos(at), y + far * math.sin(at)) for far, at in turns], fill=shade)


def _cross(on: "ImageDraw", x: float, y: float, r: float, shade: Any) -> None:
    on.rectangle((x - r, y - r * 0.3, x + r, y + r * 0.3), fill=shade)
    on.rectangle((x - r * 0.3, y - r, x + r * 0.3, y + r), fill=shade)


_DRAWN: Mapping[str, Callable[["ImageDraw", float, float, float, Any], None]] = {
    "circle": lambda on, x, y, r, shade: on.ellipse((x - r, y - r, x + r, y + r), fill=shade),
    "square": lambda on, x, y, r, shade: on.rectangle((x - r, y - r, x + r, y + r), fill=shade),
    "triangle": lambda on, x, y, r, shade: on.polygon(((x, y - r), (x + r, y + r), (x - r, y + r)), fill=shade),
    "star": _star,
    "cross": _cross,
}


@dataclass(frozen=True)
class Question:
    """A question about a board."""

    kind: str
    """What is asked for: "colour", "form", "count", "there" or "relation"."""
    text: str
    """The question."""
    answer: str
    """Its answer; counts are words."""


def ask(board: Board, language: Language, rng: random.Random, *, held_back: bool = False) -> Question:
    """Draw a question about a board; `held_back` takes the wordings that training never sees."""
    kind, values, way = rng.choice(list(_asked(board, language, rng)))
    texts = _texts()[language]
    wordings = [t for n, t in enumerate(texts["questions"][kind], 1) if (n % HELD_BACK == 0) == held_back]
    text, answer = (told.format(**values) for told in (rng.choice(wordings), texts["answers"][way]))
    return Question(kind.partition(".")[0], _sentence(text), _sentence(answer))


def _asked(board: Board, language: Language, rng: random.Random) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield what can be asked of a board: key of its questions, what fills them, key of its answer."""
    words = _Words(language)
    colours, forms = [s.colour for s in board], [s.form for s in board]
    for shape in board:
        if forms.count(shape.form) == 1:
            yield "colour", words.of(shape), "colour"
        if colours.count(shape.colour) == 1:
            yield "form", words.of(shape), "form"
    yield "count.all", {"number": words.number(len(board))}, "count.one" if len(board) == 1 else "count.all"
    for form in (rng.choice(forms), rng.choice(FORMS)):
        count = forms.count(form)
        values = {"number": words.number(count, form), **words.several(form)}
        yield "count.form", values, ("count.none", "count.single")[count] if count < 2 else "count.form"
    kinds = [(shape.colour, shape.form) for shape in board]
    there = Shape(rng.choice(colours), rng.choice(FORMS), (0, 0)) if rng.random() < 0.5 else rng.choice(board)
    yield "there", words.of(there), "yes" if (there.colour, there.form) in kinds else "no"
    single = [shape for shape, kind in zip(board, kinds, strict=True) if kinds.count(kind) == 1]
    placed = [(one, other, side) for one in single for other in single for side in SIDES if one is not other]
    for wanted in (True, False):
        if fitting := [told for told in placed if _stands(*told) == wanted]:
            one, other, side = rng.choice(fitting)
            values = {"one": words.of(one)["the"], "other": words.of(other)["the"], "side": words.texts["sides"][side]}
            yield "relation", values, "relation.yes" if wanted else "relation.no"


def _stands(one: Shape, other: Shape, side: str) -> bool:
    """Return whether `one` stands on a side of `other`, in another column or row."""
    across, down = SIDES[side]
    return (one.cell[0] - other.cell[0]) * across + (one.cell[1] - other.cell[1]) * down > 0


def in_words(form: str, colour: str, language: Language) -> str:
    """Return what a language calls a form, with its colour where that is not empty: "círculo rojo"."""
    words = _Words(language)
    if not colour:
        return str(words.texts["forms"][form][0])
    told = words.of(Shape(colour, form, (0, 0)))
    return told["the"].removeprefix(f"{told['article']} ")


class _Words:
    """How a language names shapes."""

    def __init__(self, language: Language) -> None:
        self.texts = _texts()[language]

    def number(self, count: int, form: str = "") -> str:
        """Return a count as a word, agreeing with a form where it is one."""
        return str(self.texts["one"][self._gender(form)] if count == 1 and form else self.texts["numbers"][count])

    def several(self, form: str) -> dict[str, str]:
        """Return what a wording may say of a form's count."""
        one, plural, gender = self.texts["forms"][form]
        return {"form": one, "plural": plural, "many": self.texts["many"][gender]}

    def of(self, shape: Shape) -> dict[str, str]:
        """Return what a wording may say of a shape."""
        form, gender = self.texts["forms"][shape.form][0], self._gender(shape.form)
        alone, colour = (self.texts["colours"][shape.colour][agreeing] for agreeing in (0, gender))
        article, a = (self.texts[kind][gender] for kind in ("the", "a"))
        named = self.texts["named"].format(form=form, colour=colour)
        return {
            "form": form,
            "colour": colour,
            "alone": alone,
            "article": article,
            "the": f"{article} {named}",
            "a": _a(a, named),
            "aform": _a(a, form),
        }

    def _gender(self, form: str) -> int:
        return int(self.texts["forms"][form][2])


def _a(article: str, noun: str) -> str:
    return f"{'an' if article == 'a' and noun[0] in 'aeiou' else article} {noun}"


def _sentence(text: str) -> str:
    """Return a text as a sentence begins; "de el" is one word in Spanish."""
    text = text.replace(" de el ", " del ")
    at = next(i for i, letter in enumerate(text) if letter.isalpha())
    return text[:at] + text[at].upper() + text[at + 1 :]


@cache
def _texts() -> Mapping[str, Any]:
    return read_toml(TEXTS)
