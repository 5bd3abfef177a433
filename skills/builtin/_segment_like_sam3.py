"""SAM 3 (Carion et al., "SAM 3: Segment Anything with Concepts", 2025) in transformers, prompted with an exemplar box.

The image encoder runs in the dtype of the profile and once a picture; what sees the box is float32.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation, Weights
from ..masks import Rle
from ..values import Box, Picture
from ._pretrained import pretrained, processor

WORDS = "visual"
"""The text that SAM 3 was trained with where a box alone says what is meant."""


class Alike(NamedTuple):
    """What looks like the example."""

    masks: tuple[Rle, ...]
    """(N,) masks in pixels of the picture, best first."""
    scores: tuple[float, ...]
    """(N,) 0-1, at or above the threshold."""
    best: float
    """The best score of all candidates, kept or not."""


@dataclass(frozen=True)
class _Sam3:
    """A loaded checkpoint."""

    model: Any
    processor: Any


@dataclass(frozen=True)
class _Features:
    """What the image encoder made of one picture."""

    maps: tuple[Any, ...]
    """(1, C, h, w) of each level."""
    positions: tuple[Any, ...]
    """(1, C, h, w) position encoding of each level."""


def _load(weights: Weights) -> _Sam3:
    from transformers import Sam3Model, Sam3Processor

    model = pretrained(Sam3Model, weights)
    for name, part in model.named_children():
        if name != "vision_encoder":
            part.float()
    return _Sam3(model, processor(Sam3Processor, weights))


def _alike(image: Picture, box: Box, ctx: Context) -> Alike:
    """Find what looks like what is in a box, x1, y1, x2, y2 in pixels of the picture."""
    return ctx.infer(lambda sam: _found(sam, image, box, ctx))


def _found(sam: _Sam3, image: Picture, box: Box, ctx: Context) -> Alike:
    import torch

    ctx.cancel.check()
    with torch.inference_mode():
        features = ctx.embedding(image, lambda: _features(sam, image))
        ctx.cancel.check()
        seen = _prompted(sam, features, box, image.size)
        scores = (seen.pred_logits.sigmoid() * seen.presence_logits.sigmoid())[0]
        order = [i for i in scores.argsort(descending=True).tolist() if scores[i] >= ctx.setting("threshold")]
        masks: list[tuple[Rle, float]] = []
        for done, i in enumerate(order):
            ctx.cancel.check()
            ctx.progress(done, len(order), "cutting out objects")
            mask = _mask(seen.pred_masks[0, i], image.size)
            if mask.any():
                masks.append((Rle.encode(mask), round(float(scores[i]), 4)))
    return Alike(tuple(mask for mask, _ in masks), tuple(score for _, score in masks), float(scores.max()))


def _features(sam: _Sam3, image: Picture) -> _Features:
    made = sam.processor.image_processor(
        images=np.array(image.rgb), input_data_format="channels_last", return_tensors="pt"
    )
    dtype = next(sam.model.vision_encoder.parameters()).dtype
    seen = sam.model.get_vision_features(made["pixel_values"].to(sam.model.device, dtype))
    return _Features(tuple(seen.fpn_hidden_states), tuple(seen.fpn_position_encoding))


def _prompted(sam: _Sam3, features: _Features, box: Box, size: tuple[int, int]) -> Any:
    """Run all but the image encoder with one positive box."""
    import torch
    from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

    (x1, y1, x2, y2), (width, height) = box, size
    centred = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    device = sam.model.device
    text = sam.processor.tokenizer(WORDS, padding="max_length", max_length=32, return_tensors="pt").to(device)
    return sam.model(
        vision_embeds=Sam3VisionEncoderOutput(
            fpn_hidden_states=tuple(item.float() for item in features.maps),
            fpn_position_encoding=tuple(item.float() for item in features.positions),
        ),
        input_ids=text["input_ids"],
        attention_mask=text["attention_mask"],
        input_boxes=torch.tensor([[centred]], dtype=torch.float32, device=device),
        input_boxes_labels=torch.ones((1, 1), dtype=torch.int64, device=device),
    )


def _mask(logits: Any, size: tuple[int, int]) -> np.ndarray:
    """Return a mask (H, W) bool for a picture of `size` (width, height) from its logits (h, w)."""
    from torch.nn.functional import interpolate

    full = interpolate(logits[None, None].float(), size[::-1], mode="bilinear", align_corners=False)
    made: np.ndarray = (full[0, 0] > 0).cpu().numpy()
    return made


SAM3 = Implementation(
    name="sam3",
    run=_alike,
    load=_load,
    needs=("torch", "torchvision", "transformers"),
    checkpoint=Checkpoint("facebook/sam3", licence="SAM License", size=3_440_000_000),
    settings={"threshold": 0.5},
)
"""`threshold`: score from which something counts as alike. The hub asks for the licence to be accepted first."""
