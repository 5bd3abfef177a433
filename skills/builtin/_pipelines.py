"""Loading a pipeline of diffusers so that nothing is fetched and no weight of any of its models is left at random."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import InputError
from ..implementation import Weights
from ._pretrained import pretrained

FILES = (
    "*.json", "*.txt", "*.model", "*/model.safetensors", "*/model-?????-of-?????.safetensors",
    "*/diffusion_pytorch_model.safetensors", "*/diffusion_pytorch_model-?????-of-?????.safetensors",
)  # fmt: skip
"""What a pipeline needs of its repository: no half-precision twins, no single-file originals."""


def load_pipeline(kind: Any, weights: Weights, **given: Any) -> Any:
    """Load a pipeline class of diffusers (or an AutoPipeline) from a folder, on the device of `weights`.

    `given` are components already loaded. Raises InputError where the folder is no pipeline, lacks weights, or has
    no safety checker while the setting asks for one.
    """
    import diffusers

    index = weights.path / "model_index.json"
    if not index.is_file():
        raise InputError(f"{str(weights.path)!r} holds no model_index.json; name a pipeline in the layout of diffusers")
    if weights.settings["steps"] < 1:
        raise InputError(f"the profile's steps is {weights.settings['steps']}; expected 1 or more")
    parts = json.loads(index.read_text(encoding="utf-8"))
    options = _checker(weights, parts) | given
    for name, part in parts.items():
        model = _model_class(diffusers, part)
        if model is not None and name not in options:
            options[name] = pretrained(model, weights, subfolder=name)
    with _quiet():
        made = kind.from_pretrained(
            weights.path, dtype=weights.torch_dtype, use_safetensors=True, local_files_only=True, **options
        )
    made.set_progress_bar_config(disable=True)
    return made.to(weights.device)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep bars and warnings of diffusers from the terminal: what they warn of was checked before."""
    from diffusers.utils import logging

    logging.disable_progress_bar()
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _checker(weights: Weights, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the pipeline is told about its safety checker; raises InputError for one that is not there."""
    here = bool((parts.get("safety_checker") or [None])[0])
    if weights.settings["safety_checker"]:
        if here:
            return {}
        raise InputError(
            f"{str(weights.path)!r} has no safety checker; set safety_checker = false in the profile "
            "to paint without one, or name a checkpoint that has it"
        )
    return {"safety_checker": None, "requires_safety_checker": False} if "safety_checker" in parts else {}


def _model_class(diffusers: Any, part: Any) -> Any:
    """Return the class with weights that a part of a model_index.json names, or None (a scheduler, a tokenizer)."""
    import torch
    import transformers

    if not isinstance(part, list) or len(part) != 2 or part[0] is None:
        return None
    library, name = part
    packages = {"diffusers": diffusers, "transformers": transformers}
    found = getattr(packages.get(library) or getattr(diffusers.pipelines, library, None), name, None)
    return found if isinstance(found, type) and issubclass(found, torch.nn.Module) else None
