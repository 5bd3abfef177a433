"""The pictures that rows speak of where skills run: drawn scenes with their truth, and a folder's real pictures."""

import hashlib
import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skills import InputError, Picture
from skills.pictures import read_picture

from .boards import Board, placed
from .phrasings import LANGUAGES
from .pictograms import Pictograms
from .requests import Words, without_accents
from .scenes import Scene, code, grid, page, scene

DRAWN: Mapping[str, int] = {"scene": 5, "board": 3, "page": 2, "code": 2}
"""Kind of drawn picture -> how many a gallery holds."""

REAL = 3
"""Real pictures of a gallery, where there are any."""

SIDES = (192, 224, 256, 288, 320)
"""Sides of drawn pictures in pixels."""


@dataclass(frozen=True)
class Gallery:
    """Pictures drawn from one seed."""

    pictures: Mapping[str, Picture]
    """SHA-256 of the payload -> picture."""
    kinds: Mapping[str, tuple[str, ...]]
    """What a picture is ("scene", "board", "page", "code", "photo") -> hashes."""
    scenes: Mapping[str, Scene]
    """Hash -> what is drawn there; real pictures are not among them."""
    boards: Mapping[str, Board]
    """Hash -> forms by cell, for questions about colours, counts and places."""


def gallery(seed: str, pictograms: Pictograms, words: Words, real: Sequence[Path] = ()) -> Gallery:
    """Draw DRAWN, and take REAL of the real pictures; equal seeds give equal galleries.

    Raises InputError where a real picture cannot be read.
    """
    rng = random.Random(f"gallery {seed}")
    made: dict[str, Picture] = {}
    kinds: dict[str, list[str]] = {}
    scenes: dict[str, Scene] = {}
    boards: dict[str, Board] = {}

    def keep(picture: Picture, kind: str) -> str:
        digest = hashlib.sha256(picture.png).hexdigest()
        made[digest] = picture
        kinds.setdefault(kind, []).append(digest)
        return digest

    for kind, count in DRAWN.items():
        for _ in range(count):
            drawn, board = _DRAWERS[kind](rng, pictograms, words)
            digest = keep(Picture.from_image(drawn.picture), kind)
            scenes[digest] = drawn
            boards |= {digest: board} if board else {}
    for path in rng.sample(list(real), min(REAL, len(real))):
        keep(read_picture(path)[0], "photo")
    return Gallery(made, {kind: tuple(found) for kind, found in kinds.items()}, scenes, boards)


def real_pictures(folder: Path) -> tuple[Path, ...]:
    """Return the pictures of a folder, sorted; raises InputError where there is none."""
    ends = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ends) if folder.is_dir() else []
    if not found:
        raise InputError(f"no picture in {str(folder)!r}; name a folder of {', '.join(ends)} files")
    return tuple(found)


def _scene(rng: random.Random, pictograms: Pictograms, _words: Words) -> tuple[Scene, Board]:
    return scene(rng, pictograms, side=rng.choice(SIDES)), ()


def _board(rng: random.Random, _pictograms: Pictograms, _words: Words) -> tuple[Scene, Board]:
    board = placed(rng)
    return grid(rng, board, side=rng.choice(SIDES)), board


def _page(rng: random.Random, _pictograms: Pictograms, words: Words) -> tuple[Scene, Board]:
    def line() -> str:
        language = rng.choice(LANGUAGES)
        said = without_accents(" ".join(words.word(language, rng) for _ in range(rng.randint(1, 4))))
        return rng.choice((said.capitalize(), said.upper(), said, f"{said} {rng.randint(1, 2030)}"))

    return page(rng, line, side=rng.choice(SIDES)), ()


def _code(rng: random.Random, _pictograms: Pictograms, words: Words) -> tuple[Scene, Board]:
    word = without_accents(words.word("en", rng))
    tail = "".join(rng.choice(string.ascii_lowercase + string.digits) for _ in range(rng.randint(2, 8)))
    payload = rng.choice((f"https://{word}.example/{tail}", f"{word} {tail}", f"tel:+34{rng.randrange(10**8, 10**9)}"))
    return code(rng, payload, side=rng.choice(SIDES[2:])), ()


_DRAWERS: Mapping[str, Callable[[random.Random, Pictograms, Words], tuple[Scene, Board]]] = {
    "scene": _scene,
    "board": _board,
    "page": _page,
    "code": _code,
}
