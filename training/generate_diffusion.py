"""Trains the UNet and the text encoder of the embedded `generate` on latents and captions.

v-prediction (Salimans and Ho, "Progressive distillation", 2022), every time weighing alike in v; noisy times, where it
is decided what is painted and where, are drawn more often: their density rises linearly. Errors on things weigh more
than those on grounds. Captions are left out for guidance without a classifier (Ho and Salimans 2022).
"""

from collections.abc import Sequence
from typing import Any

from .generate_model import Parts

RATE = 1e-3
"""AdamW's learning rate."""

ON_THINGS = 4.0
"""Weight of the error where things stand; that on the ground is 1."""

WITHOUT = 0.1
"""Share of captions left out."""

MEMORY = 0.999
"""What the averaged weights keep of themselves in a step, once many were taken."""


class DiffusionTrainer:
    """Trains the UNet and the text encoder of `parts` together; the averaged weights are what is saved."""

    def __init__(self, parts: Parts, dtype: Any) -> None:
        """Take the parts, changed in place, and the dtype of their products."""
        import copy

        import torch
        from diffusers.models.attention_processor import AttnAddedKVProcessor

        self.parts, self.dtype = parts, dtype
        parts.unet.to(memory_format=torch.channels_last)
        self.models = torch.nn.ModuleDict({"unet": parts.unet, "text": parts.text}).train()
        self.averaged = copy.deepcopy(self.models).eval().requires_grad_(False)
        parts.unet.set_attn_processor(AttnAddedKVProcessor())  # a fifth faster on a CPU than the fused product
        self.adam = torch.optim.AdamW(self.models.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=1e-2)
        self.kept = parts.scheduler.alphas_cumprod
        self.steps = 0

    def loss(self, latents: Any, captions: Sequence[str], covered: Any, generator: Any) -> Any:
        """Return the loss of latents (N, C, H, W) and their captions; times and noise come from `generator`.

        `covered` (N, H, W) is the share of each latent's square that things cover.
        """
        import torch

        drawn = torch.rand(len(latents), generator=generator).sqrt() * len(self.kept)
        times = drawn.long().clamp(max=len(self.kept) - 1)
        noise = torch.randn(latents.shape, generator=generator)
        kept = self.kept[times].view(-1, 1, 1, 1)
        signal, spread = kept.sqrt(), (1 - kept).sqrt()
        noisy = (signal * latents + spread * noise).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            told = self.parts.unet(noisy, times, self.read(captions), return_dict=False)[0]
        error = (told.float() - (signal * noise - spread * latents)).square().mean(1)
        weights = 1 + (ON_THINGS - 1) * covered
        return (error * weights).sum() / weights.sum()

    def read(self, captions: Sequence[str]) -> Any:
        """Return what the text encoder makes of captions, (N, length, width), as the pipeline does."""
        import torch

        tokens = self.parts.tokenizer(list(captions), padding="max_length", truncation=True)
        return self.parts.text(torch.tensor(tokens.input_ids)).last_hidden_state

    def step(self, latents: Any, captions: Sequence[str], covered: Any, generator: Any, scale: float = 1.0) -> float:
        """Take one step at `scale` times the learning rate and return its loss; arguments as `loss` takes them."""
        import torch

        for group in self.adam.param_groups:
            group["lr"] = RATE * scale
        self.adam.zero_grad(set_to_none=True)
        without = torch.rand(len(captions), generator=generator) < WITHOUT
        heard = ["" if left_out else told for told, left_out in zip(captions, without.tolist(), strict=True)]
        loss = self.loss(latents, heard, covered, generator)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.models.parameters(), 1.0)
        self.adam.step()
        self.steps += 1
        self._average()
        return float(loss.detach())

    def _average(self) -> None:
        import torch

        share = 1 - min(MEMORY, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for kept, new in zip(self.averaged.parameters(), self.models.parameters(), strict=True):
                kept.lerp_(new, share)

    def trained(self) -> Parts:
        """Return the parts with the averaged weights."""
        parts = self.parts
        return Parts(parts.tokenizer, self.averaged["text"], parts.vae, self.averaged["unet"], parts.scheduler)
