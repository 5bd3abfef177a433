"""Whether a model keeps packed samples apart: some families ignore a mask of four axes, or make positions their own."""

from collections.abc import Sequence
from typing import Any

from .batch import Batch, Loaded, pack, pad

EXACT = 1e-4
"""Difference of logits, relative to their spread, that counts as none."""

SHARE = 0.1
"""Difference that counts as none, relative to that without a mask between the samples (bfloat16 rounds)."""


def keeps_apart(model: Any, loaded: Sequence[Loaded]) -> bool:
    """Return whether the last of two or more samples gets the logits it gets alone when they are packed.

    The model is left in evaluation mode.
    """
    import torch

    model.eval()
    packed = pack(loaded)
    count = pack(loaded[-1:]).keep.numel()
    causal = dict(packed.inputs)
    causal["attention_mask"] = torch.ones_like(causal["input_ids"])
    del causal["position_ids"]
    try:
        with torch.no_grad():
            alone = _logits(model, pad(loaded[-1:], 0))
            together = _logits(model, packed)[-count:]
            mixed = _logits(model, Batch(causal, packed.labels, packed.keep, 0, 0))[-count:]
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    error, spread = float((together - alone).abs().max()), float(alone.std())
    return error <= EXACT * spread or error <= SHARE * float((mixed - alone).abs().max())


def _logits(model: Any, batch: Batch) -> Any:
    """Return (K, V) float32 logits at the places of `keep` of the first row."""
    inputs = {key: value.to(model.device) for key, value in batch.inputs.items()}
    inputs |= {k: v.to(model.dtype) for k, v in inputs.items() if v.is_floating_point()}
    return model(**inputs, use_cache=False).logits[0, batch.keep.to(model.device)].float()
