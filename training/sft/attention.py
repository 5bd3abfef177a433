"""Attention over a pack: sample by sample, so that none sees another and no mask of T x T is made.

Registered with transformers' AttentionInterface; the language model's layers get the samples' ends through the
keyword `cu_seq_lens_q`, as transformers hands them to its own kernels for packed rows.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

NAME = "handeye_packed"
"""What transformers knows it by."""


def use(model: Any) -> bool:
    """Give a model's language part this attention; returns False, the model unchanged, where it cannot have it.

    A layer that attends otherwise than to all before it (a sliding window, say) cannot.
    """
    from transformers import AttentionInterface

    text = model.config.get_text_config()
    if set(getattr(text, "layer_types", None) or ["full_attention"]) != {"full_attention"}:
        return False
    key = next((key for key in model.config.sub_configs if getattr(model.config, key) is text), "")
    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation({key: NAME})
    return bool(text._attn_implementation == NAME)


def undo(model: Any) -> None:
    """Give the language part back torch's own attention."""
    text = model.config.get_text_config()
    key = next((key for key in model.config.sub_configs if getattr(model.config, key) is text), "")
    model.set_attn_implementation({key: "sdpa"})


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    cu_seq_lens_q: Sequence[int] | None = None,
    **kwargs: Any,
) -> tuple[Any, None]:
    """Return (1, T, heads, channels): causal attention within each sample of (1, heads, T, channels).

    `cu_seq_lens_q` are the places samples begin at, and T; without it the whole row is one sample.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    ends = cu_seq_lens_q or (0, query.shape[2])
    parts = [
        sdpa_attention_forward(module, query[:, :, a:b], key[:, :, a:b], value[:, :, a:b], None, **kwargs)[0]
        for a, b in pairwise(ends)
    ]
    return torch.cat(parts, dim=1), None
