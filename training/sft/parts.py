"""Which parameters of a vision-language model move: whole parts, or adapters below the language model."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from skills import InputError

from .recipe import Lora, Part, Recipe

_LANGUAGE = ("language_model", "text_model", "lm_head")
_PROJECTOR = ("projector", "connector", "merger", "aligner", "image_newline")


def part_of(name: str) -> Part:
    """Return the part that a parameter of this name belongs to."""
    if any(word in name for word in _PROJECTOR):
        return "projector"
    return "language" if any(f".{word}." in f".{name}." for word in _LANGUAGE) else "tower"


def choose(model: Any, recipe: Recipe) -> Any:
    """Return the model with what the recipe moves set to move, wrapped in adapters where it says so.

    Raises InputError where the model has no such part, or no layer an adapter could be for.
    """
    counts = Counter(part_of(name) for name, _ in model.named_parameters())
    lacking = [part for part in recipe.moves if not counts[part]]
    if lacking:
        raise InputError(f"the checkpoint has no {lacking[0]} to train; leave it out of the recipe's `moves`")
    if recipe.lora is not None:
        model = _adapted(model, recipe.lora)
    for name, parameter in model.named_parameters():
        part = part_of(name)
        whole = part in recipe.moves and (part != "language" or recipe.lora is None)
        parameter.requires_grad_(whole or "lora_" in name)
    return model


def _adapted(model: Any, lora: Lora) -> Any:
    from peft import LoraConfig, get_peft_model

    below = "|".join(_LANGUAGE[:2])
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]
        lora_dropout=lora.dropout,
        target_modules=rf".*\b({below})\..*\.({'|'.join(lora.targets)})",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        if "not found" not in str(error):
            raise
        raise InputError(
            f"no layer below the language model is named {' or '.join(lora.targets)}; name others as `lora.targets`"
        ) from None


def layers(model: Any) -> list[str]:
    """Return the names of the classes of the language model's layers: what FSDP shards one by one.

    Those transformers names (`_no_split_modules`) hold the tower's too, which not every process runs in every step.
    """
    found = {
        type(module).__name__
        for name, module in model.named_modules()
        if re.search(r"\.layers\.\d+$", name) and part_of(name) == "language"
    }
    return sorted(found)


def moving(model: Any) -> dict[str, Any]:
    """Return name -> parameter of what moves."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def told(model: Any) -> str:
    """Return how many parameters move, in all and by part, in a line."""
    counts: Counter[str] = Counter()
    for name, parameter in moving(model).items():
        counts["adapters" if "lora_" in name else part_of(name)] += parameter.numel()
    total = sum(parameter.numel() for parameter in model.parameters())
    parts = ", ".join(f"{part} {count:,}" for part, count in counts.items())
    return f"{sum(counts.values()):,} of {total:,} parameters move: {parts}"


def groups(parameters: Mapping[str, Any], decay: float) -> list[dict[str, Any]]:
    """Return AdamW's groups: matrices with weight decay, norms and biases without."""
    matrices = [parameter for parameter in parameters.values() if parameter.dim() > 1]
    others = [parameter for parameter in parameters.values() if parameter.dim() <= 1]
    told = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in told if group["params"]]
