"""BLIP-2 (Li et al., "Bootstrapping language-image pre-training with frozen image encoders", 2023) in transformers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..errors import InputError
from ..implementation import Implementation, Weights
from ..values import Picture
from ._decoding import plainly
from ._pretrained import pretrained, processor


@dataclass(frozen=True)
class _Blip2:
    """A loaded checkpoint."""

    model: Any
    processor: Any


def _load(weights: Weights) -> _Blip2:
    from transformers import AutoProcessor, Blip2ForConditionalGeneration

    made = _Blip2(pretrained(Blip2ForConditionalGeneration, weights), processor(AutoProcessor, weights))
    if made.model.config.image_token_index is None:
        raise InputError(
            f"{str(weights.path)!r} names no image_token_index in its config.json, as old revisions do; "
            "fetch a newer revision"
        )
    made.processor.num_query_tokens = made.model.config.num_query_tokens
    return made


def _describe(image: Picture, ctx: Context) -> str:
    """Return the sentence that goes on from the prompt."""
    return ctx.infer(lambda blip: _described(blip, image, ctx))


def _described(blip: _Blip2, image: Picture, ctx: Context) -> str:
    model = blip.model
    made = blip.processor(images=np.array(image.rgb), text=ctx.setting("prompt"), return_tensors="pt")
    made = made.to(model.device, model.vision_model.dtype)  # the query tokens stay float32, so model.dtype says that
    options = plainly(ctx, ctx.setting("longest"), ctx.setting("beams"))
    written = model.generate(**made, **options)[0]
    if not model.language_model.config.is_encoder_decoder:
        written = written[made["input_ids"].shape[1] :]  # a decoder gives the prompt back before its own words
    return str(blip.processor.tokenizer.decode(written, skip_special_tokens=True))


BLIP2 = Implementation(
    name="blip2",
    run=_describe,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("Salesforce/blip2-opt-2.7b", licence="MIT", size=15_000_000_000),
    settings={"prompt": "a photo of", "longest": 40, "beams": 5},
)
"""`prompt`: what the sentence goes on from. `longest`: its tokens at most. `beams`: sentences tried side by side."""
