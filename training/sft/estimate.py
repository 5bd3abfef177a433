"""What a run will need of the device's memory, about, and what to change where it is too much."""

from dataclasses import dataclass
from typing import Any

from agent.home import human

from .parts import moving
from .recipe import Recipe

KEPT, REDONE = 34, 2
"""Bytes a token keeps per layer and hidden channel for the backward pass (Korthikanti et al., 2022, eq. 1, in 16 bits),
and those where activations are computed again."""

KNOBS = (
    "{pack}; checkpointing=true; lora.rank=16 and lora.alpha=32 (adapters instead of whole weights); "
    "moves=[projector]; more devices with FSDP (docs/training.md)"
)
"""What makes a run smaller, in the order to try."""


FULL = ("out of memory", "allocate memory", "alloc_failed", "killed by signal: killed")
"""What errors say where memory ran out, those of readers of pictures among them."""


@dataclass(frozen=True)
class Need:
    """Bytes a run needs, about."""

    weights: int
    """The model."""
    gradients: int
    """Of what moves, float32."""
    optimiser: int
    """AdamW's two moments, float32."""
    activations: int
    """What one forward pass of the largest pack or batch keeps."""
    logits: int
    """Logits of its trained places with their gradients, float32."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimiser + self.activations + self.logits

    def __str__(self) -> str:
        """Return it in a line."""
        parts = ("weights", "gradients", "optimiser", "activations", "logits")
        told = ", ".join(f"{name} {human(getattr(self, name))}" for name in parts)
        return f"memory, about: {human(self.total)} ({told})"


def need(model: Any, recipe: Recipe, tokens: int, supervised: int, *, half: bool) -> Need:
    """Return what a run needs whose largest group holds `tokens` tokens, `supervised` of them trained.

    `half` says that products are 16 bits wide.
    """
    moved = sum(parameter.numel() for parameter in moving(model).values())
    text = model.config.get_text_config()
    width = REDONE if recipe.checkpointing else KEPT
    kept = tokens * text.hidden_size * text.num_hidden_layers * width * (1 if half else 2)
    return Need(
        weights=sum(parameter.numel() * parameter.element_size() for parameter in model.parameters()),
        gradients=4 * moved,
        optimiser=8 * moved,
        activations=kept,
        logits=12 * supervised * text.vocab_size,
    )


def available() -> int:
    """Return the bytes free on the device that trains; on a CPU the machine's."""
    import psutil
    import torch

    return int(torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available)


def advice(recipe: Recipe, step: int, tokens: int, pictures: int) -> str:
    """Return what to say where memory ran out."""
    return f"out of memory in step {step} on {tokens} tokens and {pictures} pictures; {smaller(recipe)}"


def smaller(recipe: Recipe) -> str:
    """Return how to make a run smaller."""
    first = f"pack={recipe.pack // 2}" if recipe.pack else f"batch={max(1, recipe.batch // 2)}"
    return f"in this order, --set {KNOBS.format(pack=f'{first} with accumulate={recipe.accumulate * 2}')}"


def ran_out(error: BaseException) -> bool:
    """Return whether an error says that memory ran out."""
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(words in told for words in FULL)
