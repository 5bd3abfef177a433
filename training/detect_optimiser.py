"""The embedded detector's optimiser: what single pictograms have taught is moved more gently by scenes."""

from collections.abc import Sequence
from typing import Any

from .optimiser import Muon

TAUGHT = ("model.backbone.", "model.input_proj_vision.", "model.text_backbone.", "model.text_projection.")
"""Parts of the detector that single pictograms have taught."""

GENTLE = 0.25
"""Share of Muon's rate at which those are moved by scenes."""


class Optimiser:
    """Muon for matrices and kernels, AdamW for embeddings, norms and biases."""

    def __init__(self, named: Sequence[tuple[str, Any]], muon: float, adam: float, dtype: Any) -> None:
        """Take (name, parameter) pairs; `muon` and `adam` are learning rates, what is TAUGHT is moved gently."""
        import torch

        unlike = ("embedding", "level_embed", "sampling_offsets")
        matrices = {name: p for name, p in named if p.dim() >= 2 and not any(part in name for part in unlike)}
        taught = {name: p for name, p in matrices.items() if name.startswith(TAUGHT)}
        fresh = [p for name, p in matrices.items() if name not in taught]
        self.muons = (Muon(fresh, muon, dtype=dtype), Muon(taught.values(), muon * GENTLE, dtype=dtype))
        self.parameters = [parameter for _, parameter in named]
        self.rate = adam
        others = [parameter for name, parameter in named if name not in matrices]
        self.adam = torch.optim.AdamW(others, lr=adam, betas=(0.9, 0.98), weight_decay=0.0)

    def step(self, scale: float) -> None:
        """Move once at `scale` times the rates and forget the gradients; one that is not finite is left out."""
        import torch

        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        if torch.isfinite(norm):
            for group in self.adam.param_groups:
                group["lr"] = self.rate * scale
            self.adam.step()
            for muon in self.muons:
                muon.step(scale)
        for parameter in self.parameters:
            parameter.grad = None
