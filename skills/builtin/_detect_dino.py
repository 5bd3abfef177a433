"""Grounding DINO (Liu et al., 2023) in transformers: finds whatever words name.

A score is the largest of the words' own tokens, so a label is always what was asked for. The picture passes the
backbone once; further objects on it reuse that.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation, Weights
from ..values import Picture
from ._detections import Candidates
from ._pretrained import pretrained, processor


class Dino(Protocol):
    """A loaded checkpoint, of whichever package."""

    @property
    def tokenizer(self) -> Any:
        """A fast BERT tokenizer."""

    @property
    def room(self) -> int:
        """Tokens that a prompt may have besides its two marks."""

    def features(self, image: Picture) -> Any:
        """Return what the backbone makes of a picture."""

    def answers(self, features: Any, prompt: str) -> tuple[Any, Any]:
        """Return boxes (1, Q, 4), centre and size in 0-1 of the picture, and logits (1, Q, T) of the text's tokens."""


@dataclass(frozen=True)
class _Features:
    """What the backbone made of one picture; no text has a part in it."""

    pixels: Any
    """(1, 3, H, W) the resized, normalised picture."""
    mask: Any
    """(1, H, W) 1 for every pixel of the picture."""
    maps: tuple[Any, ...]
    """(feature map (1, C, h, w), mask (1, h, w)) of each level."""
    positions: tuple[Any, ...]
    """(1, d, h, w) position embedding of each level."""


@dataclass(frozen=True)
class _Dino:
    """A checkpoint of transformers."""

    model: Any
    processor: Any

    @property
    def tokenizer(self) -> Any:
        return self.processor.tokenizer

    @property
    def room(self) -> int:
        """Tokens that a prompt may have besides its two marks."""
        return int(self.model.config.max_text_len) - 2

    def features(self, image: Picture) -> _Features:
        made = self.processor.image_processor(images=np.array(image.rgb), return_tensors="pt")
        pixels = made["pixel_values"].to(self.model.device, self.model.dtype)
        mask = made["pixel_mask"].to(self.model.device)
        maps, positions = self.model.model.backbone(pixels, mask)
        return _Features(pixels, mask, tuple(maps), tuple(positions))

    def answers(self, features: _Features, prompt: str) -> tuple[Any, Any]:
        text = self.tokenizer(prompt, return_tensors="pt").to(self.model.device)
        with already_seen(self.model.model.backbone, lambda: (list(features.maps), list(features.positions))):
            made = self.model(pixel_values=features.pixels, pixel_mask=features.mask, **text)
        return made.pred_boxes, made.logits


def _load(weights: Weights) -> _Dino:
    from transformers import AutoProcessor, GroundingDinoForObjectDetection

    return _Dino(pretrained(GroundingDinoForObjectDetection, weights), processor(AutoProcessor, weights))


def find(image: Picture, objects: Sequence[str], ctx: Context) -> Candidates:
    """Score every query box of the model for every object."""
    return ctx.infer(lambda dino: _scored(dino, image, objects, ctx))


def _scored(dino: Dino, image: Picture, objects: Sequence[str], ctx: Context) -> Candidates:
    import torch

    found = []
    with torch.inference_mode():
        features = ctx.embedding(image, lambda: dino.features(image))
        for start, end in _chunks(dino, objects):
            ctx.cancel.check()
            boxes, scores = _one_prompt(dino, features, objects[start:end])
            table = np.zeros((len(boxes), len(objects)))
            table[:, start:end] = scores
            found.append((boxes, table))
    width, height = image.size
    centre_size = np.concatenate([boxes for boxes, _ in found])
    centre, half = centre_size[:, :2], centre_size[:, 2:] / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1) * np.array([width, height, width, height])
    return Candidates(xyxy=xyxy, scores=np.concatenate([scores for _, scores in found]))


@contextmanager
def already_seen(backbone: Any, seen: Callable[[], Any]) -> Iterator[None]:
    """Let the backbone answer with features it made before; the caller holds the model's lock."""
    backbone.forward = lambda *_: seen()
    try:
        yield
    finally:
        del backbone.forward


def _one_prompt(dino: Dino, features: Any, objects: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return (Q, 4) boxes, centre and size in 0-1 of the picture, and (Q, K) scores of K objects."""
    prompt, spans = prompt_of(objects)
    offsets = dino.tokenizer(prompt, return_offsets_mapping=True)["offset_mapping"]
    boxes, logits = dino.answers(features, prompt)
    tokens = logits[0].float().sigmoid().cpu().numpy()  # (Q, 256)
    columns = []
    for first, last in spans:
        own = [i for i, (start, end) in enumerate(offsets) if start < end and start >= first and end <= last]
        columns.append(tokens[:, own].max(axis=1) if own else np.zeros(len(tokens)))
    return boxes[0].float().cpu().numpy(), np.stack(columns, axis=1)


def prompt_of(objects: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the objects as one prompt, "cat. red car.", and the characters of each in it."""
    prompt, spans = "", []
    for item in objects:
        word = " ".join(item.lower().replace(".", " ").split())
        spans.append((len(prompt), len(prompt) + len(word)))
        prompt += f"{word}. "
    return prompt.strip(), spans


def _chunks(dino: Dino, objects: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of runs of objects that fit the model's text length together."""
    start = used = 0
    for i, item in enumerate(objects):
        size = len(dino.tokenizer(prompt_of([item])[0], add_special_tokens=False)["input_ids"])
        if used + size > dino.room and i > start:
            yield start, i
            start, used = i, 0
        used += size
    yield start, len(objects)


GROUNDING_DINO = Implementation(
    name="grounding_dino",
    run=find,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("IDEA-Research/grounding-dino-tiny", licence="Apache-2.0", size=690_000_000),
    settings={"threshold": 0.35, "overlap": 0.8},
)
"""`threshold`: score from which a box counts. `overlap`: of two boxes of one label that share more than this (IoU), the
better one stays."""
