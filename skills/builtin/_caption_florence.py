"""Florence-2 (Xiao et al., "Advancing a unified representation for a variety of vision tasks", 2023)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..errors import SkillError
from ..implementation import Implementation, Weights
from ..values import Picture
from ._decoding import plainly
from ._pretrained import pretrained, processor

TASKS = {"short": "<CAPTION>", "detailed": "<DETAILED_CAPTION>", "long": "<MORE_DETAILED_CAPTION>"}
"""What the setting `length` may say -> the task that the model was trained on."""


@dataclass(frozen=True)
class _Florence:
    """A loaded checkpoint."""

    model: Any
    processor: Any


def _load(weights: Weights) -> _Florence:
    from transformers import AutoProcessor, Florence2ForConditionalGeneration

    return _Florence(pretrained(Florence2ForConditionalGeneration, weights), processor(AutoProcessor, weights))


def _describe(image: Picture, ctx: Context) -> str:
    """Return a sentence or more; raises SkillError for a `length` that is none."""
    length = ctx.setting("length")
    if length not in TASKS:
        raise SkillError(f"length {length!r} is none; expected {', '.join(TASKS)} in the profile's [skills.caption]")
    return ctx.infer(lambda florence: _described(florence, image, TASKS[length], ctx))


def _described(florence: _Florence, image: Picture, task: str, ctx: Context) -> str:
    model = florence.model
    made = florence.processor(images=np.array(image.rgb), text=task, return_tensors="pt")
    options = plainly(ctx, ctx.setting("longest"), ctx.setting("beams"))
    written = model.generate(**made.to(model.device, model.dtype), **options)[0]
    return str(florence.processor.tokenizer.decode(written, skip_special_tokens=True))


FLORENCE2 = Implementation(
    name="florence2",
    run=_describe,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("florence-community/Florence-2-base", licence="MIT"),
    settings={"length": "short", "longest": 256, "beams": 3},
)
"""`length`: "short" (a sentence), "detailed" or "long". `longest` and `beams` are as in BLIP-2's."""
