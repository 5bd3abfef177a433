"""Random LLaVA checkpoints of any size, 576 tokens a picture as LLaVA-1.5 has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIDE, PATCH = 336, 14
"""LLaVA-1.5's picture and its patches, in pixels."""

WORDS = 4096
"""Tokens of the tokeniser."""


@dataclass(frozen=True)
class Shape:
    """How large a model is."""

    width: int = 128
    """Hidden size of the language model."""
    layers: int = 2
    """Its layers."""
    heads: int = 4
    """Its attention heads."""
    inner: int | None = None
    """Width of its feed-forward layers; None: 11/4 of `width`."""
    vocabulary: int = WORDS
    """Rows of its table, at least WORDS."""
    tower: tuple[int, int, int, int] = (64, 128, 2, 2)
    """Hidden size, inner width, layers and heads of the vision tower."""


SEVEN = Shape(width=4096, layers=32, heads=32, inner=11008, vocabulary=32064, tower=(1024, 4096, 24, 16))
"""LLaVA-1.5-7B: Vicuna-7B and CLIP ViT-L/14 at 336 pixels (its config.json on the hub)."""


def checkpoint(folder: Path, texts: Iterator[str], shape: Shape) -> None:
    """Save a random LLaVA in bfloat16 on a GPU, else float32, its tokeniser trained on `texts`."""
    import torch
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    from tests.tiny import tokenizer

    words = tokenizer(["<pad>", "<s>", "</s>", "<unk>", "<image>"]).train_new_from_iterator(texts, WORDS)
    words.eos_token = "</s>"
    pad, begin, end, image = words.convert_tokens_to_ids(["<pad>", "<s>", "</s>", "<image>"])
    torch.manual_seed(0)
    text = LlamaConfig(
        vocab_size=max(len(words), shape.vocabulary),
        hidden_size=shape.width,
        intermediate_size=shape.inner or shape.width * 11 // 4,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=16384,
        bos_token_id=begin,
        eos_token_id=end,
        pad_token_id=pad,
    )
    width, inner, layers, heads = shape.tower
    vision = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        image_size=SIDE,
        patch_size=PATCH,
    )
    config = LlavaConfig(text_config=text, vision_config=vision, image_token_id=image)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device == "cuda" else before)
    try:
        with torch.device(device):
            model = LlavaForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)
    model.generation_config.eos_token_id = end
    model.save_pretrained(folder)
    side = {"height": SIDE, "width": SIDE}
    LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=side, crop_size=side, do_center_crop=False),
        tokenizer=words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
