"""Writing a planner's checkpoint: bf16 safetensors in shards of at most 16 MiB, tokeniser, processor, dialect."""

import json
from pathlib import Path
from typing import Any

from agent.slots import DIALECT

from .model import POSITIONS, Size

SHARD = "16MB"
"""Largest file of weights."""


def processor_of(tokenizer: Any, size: Size) -> Any:
    """Return the LlavaProcessor of a planner of this size; pictures are squeezed to a square, none is cut."""
    from transformers import LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    side = {"height": size.picture, "width": size.picture}
    pictures = CLIPImageProcessorPil(size=side, crop_size=side, do_center_crop=False)
    return LlavaProcessor(  # type: ignore[no-untyped-call]
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=32,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
    )


def save(model: Any, processor: Any, out: Path) -> None:
    """Write a checkpoint: weights in bfloat16, to be computed with in float32 as the model in memory."""
    import torch

    out.mkdir(parents=True, exist_ok=True)
    cast: dict[int, Any] = {}  # tied weights stay one tensor, so that they are written once
    weights = {n: cast.setdefault(v.data_ptr(), v.to(torch.bfloat16)) for n, v in model.state_dict().items()}
    model.save_pretrained(out, state_dict=weights, max_shard_size=SHARD)
    processor.save_pretrained(out)
    dialect = {"dialect": DIALECT, "max_length": POSITIONS}
    (out / "handeye.json").write_text(json.dumps(dialect, indent=2) + "\n", encoding="utf-8")


def load_model(checkpoint: Path) -> Any:
    """Return a planner's model in float32, to be trained on."""
    import torch
    from transformers import LlavaForConditionalGeneration

    return LlavaForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
