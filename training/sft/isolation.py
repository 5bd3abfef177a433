"""Whether a model keeps packed samples apart: some families attend in ways of their own, or make their positions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .batch import Batch, Loaded, pack, pad
from .estimate import ran_out

EXACT = 1e-4
"""Difference of logits, relative to their spread, that counts as none."""

SHARE = 0.1
"""Difference that counts as none, relative to that without a mask between the samples (bfloat16 rounds)."""


def keeps_apart(model: Any, loaded: Sequence[Loaded]) -> bool:
    """Return whether the last of two or more samples gets the logits it gets alone when they are packed.

    The model has `attention.attend`; it is left in evaluation mode.
    """
    import torch

    model.eval()
    packed, alone = pack(loaded), pack(loaded[-1:])
    mixed = replace(packed, lengths=(sum(packed.lengths),), inputs=_running(packed.inputs))
    try:
        with torch.no_grad():
            every = (pad(loaded[-1:], 0), alone, packed, mixed)
            found = [_logits(model, batch)[-alone.keep.numel() :] for batch in every]
    except (RuntimeError, ValueError, TypeError, IndexError) as failed:
        if ran_out(failed):
            raise
        return False
    own, single, together, among = found
    error, spread = float((together - own).abs().max()), float(own.std())
    if float((single - own).abs().max()) > EXACT * spread:  # a pack's positions are not this model's own
        return False
    return error <= EXACT * spread or error <= SHARE * float((among - own).abs().max())


def _running(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a pack with positions that run on."""
    import torch

    places = inputs["position_ids"]
    return {**inputs, "position_ids": torch.arange(places.numel()).view_as(places)}


def _logits(model: Any, batch: Batch) -> Any:
    """Return (K, V) float32 logits at the places of `keep` of the first row."""
    moved = batch.on(model.device)
    inputs = {
        k: v.to(model.dtype) if hasattr(v, "dtype") and v.is_floating_point() else v for k, v in moved.inputs.items()
    }
    return model(**inputs, use_cache=False).logits[0, moved.keep].float()
