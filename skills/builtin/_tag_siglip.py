"""SigLIP (Zhai et al., "Sigmoid loss for language image pre-training", 2023) in transformers: how well words fit.

Every word is scored by itself, so several may fit and none must. The words pass the text tower once for a loaded
checkpoint; a further picture costs the image tower alone.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..errors import InputError, SkillError
from ..implementation import Implementation, Weights, importable
from ..values import Picture
from ._pretrained import pretrained, processor

BATCH = 32
"""Words that pass the text tower together."""


@dataclass
class _Siglip:
    """A loaded checkpoint, and what its text tower made of the words asked for last."""

    model: Any
    images: Any
    """Image processor."""
    tokenizer: Any
    words: tuple[str, ...] = ()
    """(N,) the prompts that `texts` belongs to."""
    texts: Any = field(default=None, repr=False)
    """(N, D) float32, unit length, on the model's device."""


def _load(weights: Weights) -> _Siglip:
    from transformers import AutoImageProcessor, SiglipModel

    tokenizer = _tokenizer(weights)
    return _Siglip(pretrained(SiglipModel, weights), processor(AutoImageProcessor, weights), tokenizer)


def _tokenizer(weights: Weights) -> Any:
    """Return the tokenizer of tokenizer.json; where there is none its own class, which needs sentencepiece."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if (weights.path / "tokenizer.json").is_file():
        return processor(PreTrainedTokenizerFast, weights)
    if not importable("sentencepiece"):
        raise InputError(
            f"{str(weights.path)!r} holds no tokenizer.json, and without it the package 'sentencepiece' is needed; "
            "pip install sentencepiece protobuf"
        )
    return processor(AutoTokenizer, weights)


def _score(image: Picture, words: Sequence[str], ctx: Context) -> np.ndarray:
    """Return (N,) float 0-1, how well each of N words fits the picture; raises SkillError for a template without {}."""
    template = ctx.setting("template")
    if "{}" not in template:
        raise SkillError(
            f"the template {template!r} has no place for a tag; write {{}} there in the profile's [skills.tag]"
        )
    prompts = tuple(_canonical(template.replace("{}", word)) for word in words)
    return ctx.infer(lambda siglip: _scored(siglip, image, prompts, ctx))


def _canonical(text: str) -> str:
    """Return text as SigLIP was trained on it: lower case, no punctuation, single spaces."""
    return " ".join(text.lower().translate(str.maketrans("", "", string.punctuation)).split())


def _scored(siglip: _Siglip, image: Picture, prompts: tuple[str, ...], ctx: Context) -> np.ndarray:
    import torch

    model = siglip.model
    with torch.inference_mode():
        if siglip.words != prompts:
            siglip.texts, siglip.words = _texts(siglip, prompts, ctx), prompts
        ctx.cancel.check()
        pixels = siglip.images(images=np.array(image.rgb), return_tensors="pt")["pixel_values"]
        made = model.get_image_features(pixel_values=pixels.to(model.device, model.dtype))
        picture = _unit(made.pooler_output)  # (1, D)
        logits = siglip.texts @ picture[0] * model.logit_scale.float().exp() + model.logit_bias.float()
        return np.asarray(logits.sigmoid().cpu().numpy(), dtype=np.float64)


def _texts(siglip: _Siglip, prompts: Sequence[str], ctx: Context) -> Any:
    """Return (N, D) unit vectors of N prompts; padded to the full length, as the model was trained."""
    import torch

    length = siglip.model.config.text_config.max_position_embeddings
    made = []
    for start in range(0, len(prompts), BATCH):
        ctx.cancel.check()
        ctx.progress(start, len(prompts), "reading the vocabulary")
        batch = siglip.tokenizer(
            list(prompts[start : start + BATCH]),
            padding="max_length",
            max_length=length,
            truncation=True,
            return_tensors="pt",
        )
        ids = batch["input_ids"].to(siglip.model.device)
        made.append(_unit(siglip.model.get_text_features(input_ids=ids).pooler_output))
    return torch.cat(made)


def _unit(vectors: Any) -> Any:
    """Return (N, D) vectors as float32 of length 1."""
    vectors = vectors.float()
    return vectors / vectors.norm(dim=-1, keepdim=True)


SIGLIP = Implementation(
    name="siglip",
    run=_score,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("google/siglip-base-patch16-224", licence="Apache-2.0", size=813_000_000),
    settings={"vocabulary": "", "template": "This is a photo of {}.", "threshold": 0.01, "most": 12},
)
"""`vocabulary`: a text file with one tag a line, "" for the package's own. `template`: the prompt around a tag, {} in
its place. `threshold`: score from which a tag counts; SigLIP's are low (0.3 is a good one). `most`: tags at most."""
