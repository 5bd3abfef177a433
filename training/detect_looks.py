"""First lessons of the embedded detector: which noun a single pictogram is, told apart from many others at once.

Tower and text learn in one space (Radford et al., 2021), through the very layers the detector reads them with, at a
small part of a scene's cost. Here the ResNet has batch statistics; transformers freezes them in a detector.
"""

import random
from collections.abc import Sequence
from typing import Any

OTHERS = 128
"""Nouns besides a batch's own that it is told apart from."""


class Looks:
    """A detector's picture and text towers as a classifier over nouns."""

    def __init__(self, model: Any, tokenizer: Any, nouns: Sequence[str], seed: int) -> None:
        """Take the towers of a fresh `model`; its ResNet gets the weights at `finish`."""
        import torch
        from transformers import ResNetBackbone

        backbone: Any = ResNetBackbone
        self.model, self.tokenizer, self.nouns = model, tokenizer, tuple(nouns)
        self.rng = random.Random(seed)
        self.resnet = backbone(model.config.backbone_config).to(memory_format=torch.channels_last)
        self.scale = torch.nn.Parameter(torch.tensor(2.5))

    def named_parameters(self) -> list[tuple[str, Any]]:
        """Return all that learns here."""
        inner = self.model.model
        parts = [self.resnet, inner.input_proj_vision, inner.text_backbone, inner.text_projection]
        return [("scale", self.scale), *(pair for part in parts for pair in part.named_parameters())]

    def texts(self, nouns: Sequence[str]) -> Any:
        """Return (N, width) what the text tower makes of nouns, each alone in a prompt."""
        import torch
        from transformers.models.grounding_dino.modeling_grounding_dino import (
            generate_masks_with_special_tokens_and_transfer_map as blocks,
        )

        inner = self.model.model
        ids = self.tokenizer([f"{noun}." for noun in nouns], padding=True, return_tensors="pt").input_ids
        mask, positions = blocks(ids, inner.special_tokens)
        hidden = inner.text_backbone(ids, mask[:, None], torch.zeros_like(ids), positions).last_hidden_state
        own = ~torch.isin(ids, torch.cat((inner.special_tokens, torch.zeros(1, dtype=torch.long))))
        made = inner.text_projection(hidden) * own[..., None]
        return made.sum(1) / own.sum(1, keepdim=True)

    def pictures(self, pixels: Any) -> list[Any]:
        """Return (B, width) what each level's projection makes of pictures (B, 3, H, W) on the whole."""
        maps = self.resnet(pixels).feature_maps
        levels = zip(self.model.model.input_proj_vision, maps, strict=True)
        return [project(each).mean((2, 3)) for project, each in levels]

    def loss(self, pixels: Any, nouns: Sequence[str]) -> tuple[Any, float]:
        """Return the cross-entropy over nouns, the mean of the levels, and the last level's accuracy."""
        import torch

        names = list(dict.fromkeys([*nouns, *self.rng.sample(self.nouns, min(OTHERS, len(self.nouns)))]))
        truth = torch.tensor([names.index(noun) for noun in nouns])
        unit = torch.nn.functional.normalize
        told = unit(self.texts(names).float(), dim=1)
        logits = [self.scale.exp() * unit(seen.float(), dim=1) @ told.T for seen in self.pictures(pixels)]
        total = sum(torch.nn.functional.cross_entropy(each, truth) for each in logits) / len(logits)
        return total, float((logits[-1].argmax(1) == truth).float().mean())

    def finish(self) -> None:
        """Hand the ResNet, its batch statistics frozen, to the detector."""
        self.model.model.backbone.conv_encoder.model.load_state_dict(self.resnet.state_dict())
