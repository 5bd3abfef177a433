"""Grounding DINO (Liu et al., 2023) in transformers: finds whatever words name.

A score is the largest of the words' own tokens, so a label is always what was asked for. The picture passes the
backbone once; further objects on it reuse that.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation, Weights
from ..values import Picture
from ._detections import Candidates
from ._pretrained import pretrained, processor


@dataclass(frozen=True)
class _Dino:
    """A loaded checkpoint."""

    model: Any
    processor: Any


def _load(weights: Weights) -> _Dino:
    from transformers import AutoProcessor, GroundingDinoForObjectDetection

    return _Dino(pretrained(GroundingDinoForObjectDetection, weights), processor(AutoProcessor, weights))


def _find(image: Picture, objects: Sequence[str], ctx: Context) -> Candidates:
    """Score every query box of the model for every object."""
    return ctx.infer(lambda dino: _scored(dino, image, objects, ctx))


def _scored(dino: _Dino, image: Picture, objects: Sequence[str], ctx: Context) -> Candidates:
    import torch

    found = []
    with torch.inference_mode():
        features = ctx.embedding(image, lambda: _features(dino, image))
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


def _features(dino: _Dino, image: Picture) -> _Features:
    made = dino.processor.image_processor(images=np.array(image.rgb), return_tensors="pt")
    pixels = made["pixel_values"].to(dino.model.device, dino.model.dtype)
    mask = made["pixel_mask"].to(dino.model.device)
    maps, positions = dino.model.model.backbone(pixels, mask)
    return _Features(pixels, mask, tuple(maps), tuple(positions))


@contextmanager
def _already_seen(backbone: Any, features: _Features) -> Iterator[None]:
    """Let the backbone answer with features it made before; the caller holds the model's lock."""
    backbone.forward = lambda *_: (list(features.maps), list(features.positions))
    try:
        yield
    finally:
        del backbone.forward


def _one_prompt(dino: _Dino, features: _Features, objects: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return (Q, 4) boxes, centre and size in 0-1 of the picture, and (Q, K) scores of K objects."""
    prompt, spans = _prompt(objects)
    text = dino.processor.tokenizer(prompt, return_offsets_mapping=True, return_tensors="pt")
    offsets = text.pop("offset_mapping")[0].tolist()
    with _already_seen(dino.model.model.backbone, features):
        made = dino.model(
            pixel_values=features.pixels,
            pixel_mask=features.mask,
            **{k: v.to(dino.model.device) for k, v in text.items()},
        )
    tokens = made.logits[0].float().sigmoid().cpu().numpy()  # (Q, 256)
    columns = []
    for first, last in spans:
        own = [i for i, (start, end) in enumerate(offsets) if start < end and start >= first and end <= last]
        columns.append(tokens[:, own].max(axis=1) if own else np.zeros(len(tokens)))
    return made.pred_boxes[0].float().cpu().numpy(), np.stack(columns, axis=1)


def _prompt(objects: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the objects as one prompt, "cat. red car.", and the characters of each in it."""
    prompt, spans = "", []
    for item in objects:
        word = " ".join(item.lower().replace(".", " ").split())
        spans.append((len(prompt), len(prompt) + len(word)))
        prompt += f"{word}. "
    return prompt.strip(), spans


def _chunks(dino: _Dino, objects: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of runs of objects that fit the model's text length together."""
    room = dino.model.config.max_text_len - 2
    start = used = 0
    for i, item in enumerate(objects):
        size = len(dino.processor.tokenizer(_prompt([item])[0], add_special_tokens=False)["input_ids"])
        if used + size > room and i > start:
            yield start, i
            start, used = i, 0
        used += size
    yield start, len(objects)


GROUNDING_DINO = Implementation(
    name="grounding_dino",
    run=_find,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("IDEA-Research/grounding-dino-tiny", licence="Apache-2.0", size=690_000_000),
    settings={"threshold": 0.35, "overlap": 0.8},
)
"""`threshold`: score from which a box counts. `overlap`: of two boxes of one label that share more than this (IoU), the
better one stays."""
