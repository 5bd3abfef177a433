"""Mask2Former (Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation", 2022), transformers.

A pixel's class is the one whose queries, each class probability times mask probability, sum to most there.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation, Weights
from ..values import Picture
from ._pretrained import pretrained, processor
from ._shapes import check_shape

WORK_SIDE = 768
"""Classes are told apart at this longer side in pixels at most; a large picture gets their outlines enlarged."""

LEAST_SIDE = 64
"""A picture that has no pixel left where its longer side is this many pixels is too thin."""


class Scene(NamedTuple):
    """Which class every part of a picture has."""

    classes: np.ndarray
    """(h, w) int16, index of the class; the picture's shape, scaled down."""
    sure: np.ndarray
    """(h, w) float32 0-1, the share of that class among all."""
    names: tuple[str, ...]
    """(K,) every class the model knows."""


@dataclass(frozen=True)
class _Mask2Former:
    """A loaded checkpoint."""

    model: Any
    processor: Any


def _load(weights: Weights) -> _Mask2Former:
    from transformers import AutoImageProcessor, Mask2FormerForUniversalSegmentation

    model = pretrained(Mask2FormerForUniversalSegmentation, weights)
    return _Mask2Former(model, processor(AutoImageProcessor, weights))


def _parse(image: Picture, ctx: Context) -> Scene:
    """Tell the class of every part of the picture."""
    return ctx.infer(lambda loaded: _scene(loaded, image, ctx))


def _scene(loaded: _Mask2Former, image: Picture, ctx: Context) -> Scene:
    import torch
    from torch.nn.functional import interpolate

    ctx.cancel.check()
    check_shape(image, LEAST_SIDE)
    model = loaded.model
    made = loaded.processor(images=np.array(image.rgb), input_data_format="channels_last", return_tensors="pt")
    with torch.inference_mode():
        seen = model(pixel_values=made["pixel_values"].to(model.device, model.dtype))
        ctx.cancel.check()
        classes = seen.class_queries_logits[0].float().softmax(dim=-1)[:, :-1]
        votes = torch.einsum("qc,qhw->chw", classes, seen.masks_queries_logits[0].float().sigmoid())
        scale = min(1.0, WORK_SIDE / max(image.size))
        size = [max(1, round(n * scale)) for n in image.size[::-1]]
        votes = interpolate(votes[None], size, mode="bilinear", align_corners=False)[0]
        best, index = votes.max(dim=0)
        sure = best / votes.sum(dim=0).clamp(min=1e-9)
    names = tuple(str(model.config.id2label[i]) for i in range(len(votes)))
    return Scene(index.to(torch.int16).cpu().numpy(), sure.cpu().numpy(), names)


MASK2FORMER = Implementation(
    name="mask2former",
    run=_parse,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("facebook/mask2former-swin-large-ade-semantic", licence="MIT", size=866_000_000),
    settings={"least": 0.001},
)
"""Any checkpoint of Mask2Former, whatever it was trained for; its own classes (ADE20K: 150, COCO panoptic: 133).
`least`: share of the picture from which a class is reported that was not asked for.
"""
