"""The embedded detector's model: a small Grounding DINO (Liu et al., 2023) with a ResNet, and its processor."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .folder import replaced

STRIDES = (16, 32)
"""Pixels of the picture that a cell of each feature map takes."""

TEXT = 256
"""Tokens a prompt may have."""

PRIOR = -4.5
"""Logit that a fresh model gives every token at every place, about 0.01 (Lin et al., 2017, focal loss)."""

LEANING = 16
"""Channels of the hidden states in which that logit is laid down."""

SPREAD = 0.2
"""Scale of a fresh model's text features, so that logits spread little round that prior."""


@dataclass(frozen=True)
class Size:
    """How large a detector is."""

    width: int = 128
    """Hidden size of encoder, decoder and text tower; a multiple of 32."""
    stem: int = 32
    """Channels of the ResNet's first layer."""
    stages: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of its stages; the last two are looked at."""
    depths: tuple[int, ...] = (1, 1, 2, 1)
    """Blocks of its stages."""
    encoder: int = 2
    """Layers of the encoder."""
    decoder: int = 2
    """Layers of the decoder, at least 2."""
    queries: int = 50
    """Boxes a picture can have."""
    side: int = 192
    """Shorter side in pixels at which a picture is looked at."""


def build(size: Size, vocabulary: int) -> Any:
    """Return a GroundingDinoForObjectDetection with fresh weights, drawn from torch's global seed; all are trained.

    `vocabulary` is the tokeniser's length.
    """
    from transformers import GroundingDinoForObjectDetection

    model = GroundingDinoForObjectDetection(_config(size, vocabulary))
    model.model.unfreeze_backbone()  # transformers freezes a ResNet by the names of its stages
    _lean(model)
    return model


def _config(size: Size, vocabulary: int) -> Any:
    from transformers import BertConfig, GroundingDinoConfig, ResNetConfig

    heads = size.width // 32
    backbone: Any = ResNetConfig  # its hints leave `out_features` out
    return GroundingDinoConfig(
        backbone_config=backbone(
            embedding_size=size.stem,
            hidden_sizes=list(size.stages),
            depths=list(size.depths),
            layer_type="basic",
            out_features=[f"stage{len(size.stages) - 1}", f"stage{len(size.stages)}"],
        ),
        text_config=BertConfig(
            vocab_size=vocabulary,
            hidden_size=size.width,
            num_hidden_layers=2,
            num_attention_heads=heads,
            intermediate_size=2 * size.width,
            max_position_embeddings=TEXT,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        d_model=size.width,
        num_queries=size.queries,
        num_feature_levels=len(STRIDES),
        encoder_layers=size.encoder,
        decoder_layers=size.decoder,
        encoder_ffn_dim=2 * size.width,
        decoder_ffn_dim=2 * size.width,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        max_text_len=TEXT,
        auxiliary_loss=True,
        dropout=0.0,
        fusion_droppath=0.0,
    )


def _lean(model: Any) -> None:
    """Lay PRIOR into the biases: text and vision lean apart in LEANING channels, so their product starts there."""
    import torch

    text = model.model.encoder.layers[-1].text_enhancer_layer.layer_norm_after
    with torch.no_grad():
        text.weight.fill_(SPREAD)
        text.bias[:LEANING] = PRIOR / LEANING
        model.model.enc_output_norm.bias[:LEANING] = 1.0
        model.model.decoder.layer_norm.bias[:LEANING] = 1.0


def processor_of(tokenizer: Any, side: int) -> Any:
    """Return the GroundingDinoProcessor of a detector that looks at pictures `side` px on the shorter side."""
    from transformers import GroundingDinoImageProcessorPil, GroundingDinoProcessor

    images = GroundingDinoImageProcessorPil(size={"shortest_edge": side, "longest_edge": 2 * side})
    return GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer)  # type: ignore[no-untyped-call]


def save(model: Any, processor: Any, out: Path) -> None:
    """Write a checkpoint that `detect` loads, weights in float16, to be computed with in float32; it replaces `out`."""
    import torch

    cast: dict[int, Any] = {}  # tied weights stay one tensor, so that they are written once
    halves = {
        name: cast.setdefault(value.data_ptr(), value.half() if value.dtype == torch.float32 else value)
        for name, value in model.state_dict().items()
    }
    with replaced(out) as part:
        model.save_pretrained(part, state_dict=halves, max_shard_size="16MB")
        processor.save_pretrained(part)


def load(folder: Path) -> tuple[Any, Any]:
    """Return the model in float32, all of it trainable, and the processor of a checkpoint."""
    import torch
    from transformers import AutoProcessor, GroundingDinoForObjectDetection

    model = GroundingDinoForObjectDetection.from_pretrained(folder, dtype=torch.float32)
    model.model.unfreeze_backbone()
    return model, AutoProcessor.from_pretrained(folder)  # type: ignore[no-untyped-call]
