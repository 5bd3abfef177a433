"""CLIP (Radford et al., "Learning transferable visual models from natural language supervision", 2021).

Pictures and words as vectors of one space, in transformers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..implementation import Weights
from ..values import Picture
from ._pretrained import pretrained, processor


@dataclass(frozen=True)
class Clip:
    """A loaded checkpoint."""

    model: Any
    """The CLIPModel."""
    images: Any
    """Image processor."""
    tokenizer: Any
    """Its tokenizer."""
    mark: str
    """Tells its vectors from those of other checkpoints."""


def load(weights: Weights) -> Clip:
    """Load a CLIPModel with its processors."""
    from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

    files = sorted(path for path in weights.path.iterdir() if path.suffix in (".safetensors", ".json"))
    stamp = "".join(f"{path}|{path.stat().st_size}|{path.stat().st_mtime_ns}\n" for path in files)
    return Clip(
        pretrained(CLIPModel, weights),
        processor(AutoImageProcessor, weights),
        processor(AutoTokenizer, weights),
        hashlib.sha256(stamp.encode()).hexdigest()[:16],
    )


def vectors(clip: Clip, pictures: Sequence[Picture]) -> np.ndarray:
    """Return (N, D) float32 of length 1."""
    import torch

    made = clip.images(images=[np.array(picture.rgb) for picture in pictures], return_tensors="pt")
    with torch.inference_mode():
        pixels = made["pixel_values"].to(clip.model.device, clip.model.dtype)
        return _unit(clip.model.get_image_features(pixel_values=pixels).pooler_output.float().cpu().numpy())


def wanted(clip: Clip, asked: str, image: Picture | None) -> np.ndarray:
    """Return (D,) float32 of length 1: the words, the picture, or what lies between them."""
    import torch

    parts = [] if image is None else [vectors(clip, [image])]
    if asked:
        length = clip.model.config.text_config.max_position_embeddings
        text = clip.tokenizer([asked], truncation=True, max_length=length, return_tensors="pt")
        with torch.inference_mode():
            made = clip.model.get_text_features(**{k: v.to(clip.model.device) for k, v in text.items()})
            parts.append(_unit(made.pooler_output.float().cpu().numpy()))
    return np.asarray(_unit(np.sum(parts, axis=0))[0])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)
