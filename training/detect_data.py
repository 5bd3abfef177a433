"""What the embedded detector is taught on: scenes of pictograms with prompts that name some of what is there."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skills.builtin._detect_dino import prompt_of
from tool_data.boards import COLOURS, FORMS
from tool_data.pictograms import Pictograms
from tool_data.scenes import Box, Scene, Thing, scene

from .detect_drawn import Grounds, Varied

if TYPE_CHECKING:
    from PIL.Image import Image

PLAIN = 0.04
"""Share of things that are plain coloured forms."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the channels, as the processor takes them off."""


@dataclass(frozen=True)
class Asked:
    """What a prompt asks for on a scene."""

    phrases: tuple[str, ...]
    """Phrases of the prompt, in order."""
    found: tuple[tuple[int, Box], ...]
    """(phrase, box in pixels) of everything that is there and asked for."""


def ask(
    rng: random.Random,
    made: Scene,
    absent: Sequence[str],
    *,
    most: int = 14,
    hidden: float = 0.2,
    coloured: float = 0.5,
) -> Asked:
    """Draw a prompt for a scene: its things but for a share `hidden`, and one to `most` names that are `absent`.

    A share `coloured` of the nouns whose things all have a known colour is asked for by it ("red umbrella"), half of
    those also by a colour that is not there.
    """
    told: dict[str, list[Box]] = {}
    for noun in dict.fromkeys(thing.noun for thing in made.things):
        things = [thing for thing in made.things if thing.noun == noun]
        if rng.random() >= hidden:
            told.update(_named(rng, noun, things, coloured))
    nouns = {thing.noun for thing in made.things}
    for noun in rng.sample(absent, rng.randint(1, min(most, len(absent)))):
        if noun not in nouns:
            told.setdefault(f"{rng.choice(list(COLOURS))} {noun}" if rng.random() < 0.1 * coloured else noun, [])
    phrases = list(told)
    rng.shuffle(phrases)
    return Asked(tuple(phrases), tuple((n, box) for n, phrase in enumerate(phrases) for box in told[phrase]))


def _named(rng: random.Random, noun: str, things: Sequence[Thing], coloured: float) -> dict[str, list[Box]]:
    if not all(thing.colour for thing in things) or rng.random() >= coloured:
        return {noun: [thing.box for thing in things]}
    told: dict[str, list[Box]] = {}
    for thing in things:
        told.setdefault(f"{thing.colour} {noun}", []).append(thing.box)
    if rng.random() < 0.5:
        told.setdefault(f"{rng.choice(list(COLOURS))} {noun}", [])
    return told


@dataclass(frozen=True)
class Batch:
    """Pictures with prompts and truth, as GroundingDinoForObjectDetection takes them."""

    pixel_values: Any
    """(B, 3, side, side) float32, normalised."""
    input_ids: Any
    """(B, T) int64."""
    attention_mask: Any
    """(B, T) int64, 0 for padding."""
    labels: list[dict[str, Any]]
    """`class_labels` (N,) phrases of the prompt, `boxes` (N, 4) centre and size in 0-1."""


def batch_of(pairs: Sequence[tuple[Scene, Asked]], tokenizer: Any) -> Batch:
    """Return scenes of one size and what is asked about each as a batch."""
    import torch

    text = tokenizer([prompt_of(asked.phrases)[0] for _, asked in pairs], padding=True, return_tensors="pt")
    labels = []
    for made, asked in pairs:
        side = made.picture.width
        corners = torch.tensor([box for _, box in asked.found], dtype=torch.float32).reshape(-1, 4) / side
        boxes = torch.cat(((corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]), dim=1)
        labels.append({"class_labels": torch.tensor([n for n, _ in asked.found], dtype=torch.long), "boxes": boxes})
    return Batch(pixels([made.picture for made, _ in pairs]), text.input_ids, text.attention_mask, labels)


def pixels(pictures: Sequence["Image"]) -> Any:
    """Return pictures of one size as (B, 3, H, W) float32, normalised as the processor does it."""
    import numpy as np
    import torch

    table = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).float() / 255
    normal = (table - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
    return normal.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


class Lessons:
    """An endless supply of batches."""

    def __init__(
        self, pictograms: Pictograms, tokenizer: Any, seed: int, *, side: int = 192, grounds: int = 400
    ) -> None:
        """Draw from the pictograms told; `side` is the usual one of a picture in pixels."""
        self.rng = random.Random(seed)
        self.pictograms = Varied.of(pictograms, self.rng)
        self.shown = pictograms.nouns
        self.nouns = (*self.shown, *(form for form in FORMS if form not in self.shown))
        self.tokenizer, self.side = tokenizer, side
        self.grounds = Grounds(self.rng, side * 3 // 2, grounds)

    def batch(self, count: int, *, most: int = 5, side: int | None = None) -> Batch:
        """Draw scenes of up to `most` things, (side, side) px, with prompts."""
        self.grounds.renew()
        scenes = [self._scene(most, side or self.side) for _ in range(count)]
        return batch_of([(made, ask(self.rng, made, self.nouns)) for made in scenes], self.tokenizer)

    def _scene(self, most: int, side: int) -> Scene:
        ground = self.grounds.cut(side)
        return scene(self.rng, self.pictograms, side=side, most=most, nouns=self.nouns, forms=PLAIN, ground=ground)

    def single(self, count: int, side: int = 64) -> tuple[Any, list[str]]:
        """Draw pictures (B, 3, side, side), normalised, of one pictogram each, and its noun."""
        self.grounds.renew()
        pictures, nouns = [], []
        for _ in range(count):
            noun = self.rng.choice(self.shown)
            style = self.rng.choice(self.pictograms.having(noun))
            shade = self.rng.choice(list(COLOURS.values()))
            drawn = self.pictograms.draw(noun, style, round(side * self.rng.uniform(0.4, 0.97)), shade)
            ground = self.grounds.cut(side)
            x, y = (self.rng.randint(0, side - length) for length in drawn.size)
            ground.paste(drawn, (x, y), drawn)
            pictures.append(ground)
            nouns.append(noun)
        return pixels(pictures), nouns
