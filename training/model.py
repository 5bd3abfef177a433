"""The embedded planner's model: a small LLaVA with an initialisation that copies what it attends to."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Size:
    """How large a planner is."""

    width: int = 256
    """Hidden size; a multiple of 64, one head each."""
    layers: int = 4
    """Llama layers, at least 4: what each of them is first for, see `initialise`."""
    vocabulary: int = 8192
    """Tokens, control tokens included."""
    vision_width: int = 128
    """Hidden size of the CLIP tower."""
    picture: int = 96
    """Side of the picture the tower sees, in pixels; patches are 32."""

    @property
    def image_tokens(self) -> int:
        """Tokens a picture takes."""
        return (self.picture // 32) ** 2


HEAD = 64
"""Channels of one attention head of the Llama."""

VISION_HEAD = 32
"""Channels of one attention head of the picture tower."""

POSITIONS = 2048
"""Tokens a chat may have."""


def build(size: Size, image_token_id: int, pad: int, bos: int, eos: int) -> Any:
    """Return a LlavaForConditionalGeneration of this size with fresh weights, drawn from torch's global seed."""
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
    )

    text = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.width * 11 // 4,
        num_hidden_layers=size.layers,
        num_attention_heads=size.width // HEAD,
        head_dim=HEAD,
        max_position_embeddings=POSITIONS,
        attention_bias=True,
        tie_word_embeddings=True,
        pad_token_id=pad,
        bos_token_id=bos,
        eos_token_id=eos,
    )
    vision = CLIPVisionConfig(
        hidden_size=size.vision_width,
        intermediate_size=size.vision_width * 4,
        num_hidden_layers=2,
        num_attention_heads=size.vision_width // VISION_HEAD,
        image_size=size.picture,
        patch_size=32,
        projection_dim=size.vision_width,
    )
    config = LlavaConfig(
        text_config=text,
        vision_config=vision,
        image_token_index=image_token_id,
        image_seq_length=size.image_tokens,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=True,
    )
    config.pad_token_id = pad
    model = LlavaForConditionalGeneration(config)
    initialise(model.model.language_model)
    return model


def initialise(llama: Any) -> None:
    """Draw a Llama's weights so that copying is there from the first step.

    Layer 0: the first half of the heads look at the token before and write it to a place of its own, the last head
    copies what it attends to. Layer 1: the first half look for tokens whose predecessor is the current token. Its last
    two heads and heads 0 and 1 of the last two layers copy what they attend to. What the copying heads should look at
    is told by attention supervision (`forward.supervised`).
    """
    import torch

    config = llama.config
    with torch.no_grad():
        llama.embed_tokens.weight.normal_(0, config.hidden_size**-0.5)
        for layer in llama.layers:
            for name, parameter in layer.named_parameters():
                if name.endswith("bias"):
                    parameter.zero_()
                elif parameter.dim() == 2:
                    parameter.normal_(0, parameter.shape[1] ** -0.5)
            scale = (2 * config.num_hidden_layers) ** -0.5
            layer.self_attn.o_proj.weight.mul_(scale)
            layer.mlp.down_proj.weight.mul_(scale)
        heads = config.num_attention_heads
        _look_back(llama)
        _copy(llama.layers[0].self_attn, heads - 1, heads, gain=1.0)
        _copy(llama.layers[1].self_attn, heads - 2, heads, gain=1.0)
        _copy(llama.layers[-2].self_attn, 0, 2, gain=1.0)
        _copy(llama.layers[-1].self_attn, 0, 2, gain=2.0)


def _orthonormal(rows: int, columns: int) -> Any:
    """Return (rows, columns) float32 with orthonormal rows."""
    import torch

    q, _ = torch.linalg.qr(torch.randn(columns, rows))
    return q.T.contiguous()


def _copy(attention: Any, first: int, end: int, gain: float) -> None:
    """Let some heads write what they attend to: value P, output `gain` P^T."""
    span = slice(first * HEAD, end * HEAD)
    projection = _orthonormal((end - first) * HEAD, attention.v_proj.weight.shape[1])
    attention.v_proj.weight[span] = projection
    attention.o_proj.weight[:, span] = gain * projection.T


def _look_back(llama: Any) -> None:
    """Layer 0 writes the token before into a subspace; layer 1 matches it against the current token."""
    import torch

    width = llama.config.hidden_size
    half = max(1, width // HEAD // 2)
    first, second = llama.layers[0].self_attn, llama.layers[1].self_attn
    read = _orthonormal(half * HEAD, width)
    write = _orthonormal(half * HEAD, width)
    span = slice(0, half * HEAD)
    turn = llama.rotary_emb.inv_freq[:6]
    for head in range(half):
        at = head * HEAD
        first.k_proj.bias[at : at + 6] = 6.0
        first.q_proj.bias[at : at + 6] = 6.0 * torch.cos(turn)
        first.q_proj.bias[at + HEAD // 2 : at + HEAD // 2 + 6] = -6.0 * torch.sin(turn)
    first.q_proj.weight[span] *= 0.1
    first.k_proj.weight[span] *= 0.1
    first.v_proj.weight[span] = read
    first.o_proj.weight[:, span] = write.T
    gain = math.sqrt(2.0)
    second.q_proj.weight[span] = gain * read
    second.k_proj.weight[span] = gain * write
