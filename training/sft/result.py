"""What a run leaves: a checkpoint that the planner loads, adapters merged into it and kept beside it."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.rendering import SETTINGS

from .base import Base, load_model
from .parts import choose
from .recipe import Recipe

ADAPTER = "adapter"
"""The folder of a run's adapters, as peft loads them."""

_LAST = "config.json"


def write(base: Base, recipe: Recipe, trained: Mapping[str, Any], out: Path) -> None:
    """Write the base's model with what was trained, its processor and dialect; `trained` is `Run.trained()`.

    A file takes its name when all are written, the one a planner looks for first last.
    """
    import torch

    part = out / ".result.part"
    shutil.rmtree(part, ignore_errors=True)
    model = choose(load_model(base.where), recipe)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in trained:
                parameter.copy_(trained[name])
    if recipe.lora is not None:
        model.save_pretrained(part / ADAPTER)
        model = model.merge_and_unload()
    model.save_pretrained(part)
    base.processor.save_pretrained(part)
    if base.settings:
        (part / SETTINGS).write_text(json.dumps(base.settings, indent=2) + "\n", encoding="utf-8")
    for path in sorted(part.iterdir(), key=lambda path: path.name == _LAST):
        target = out / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    part.rmdir()
