"""Loading checkpoints so that nothing is fetched, nothing runs and no weight is left at random without a word."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import check_sha256, file_sha256
from ..errors import InputError
from ..implementation import Weights

LOCAL = {"local_files_only": True, "trust_remote_code": False}
"""What every `from_pretrained` of transformers is told."""


def pretrained(kind: Any, weights: Weights, **options: Any) -> Any:
    """Load a transformers model class from a folder of safetensors, in eval mode on the device of `weights`.

    Raises InputError where the checkpoint lacks weights of this class (transformers would draw them at random), and
    what `from_pretrained` raises for a folder that is no checkpoint.
    """
    from transformers.utils import logging

    progress: Any = logging
    progress.disable_progress_bar()
    model, info = kind.from_pretrained(
        weights.path, dtype=weights.torch_dtype, use_safetensors=True, output_loading_info=True, **LOCAL, **options
    )
    lacking = sorted(str(name) for name in {*info["missing_keys"], *info["mismatched_keys"]})
    if lacking:
        raise InputError(
            f"{str(weights.path)!r} lacks {len(lacking)} weights of {kind.__name__} (first {lacking[0]!r}); "
            "it is a checkpoint of another model"
        )
    return model.to(weights.device).eval()


def processor(kind: Any, weights: Weights, **options: Any) -> Any:
    """Load a transformers processor, tokenizer or image processor from the folder of `weights`."""
    return kind.from_pretrained(weights.path, **LOCAL, **options)


def original_state(weights: Weights, path: Path | None = None) -> Mapping[str, Any]:
    """Load an original `.pth` file: its pinned SHA-256 is checked, and it may hold nothing but tensors.

    `path` is a file in the folder of `weights`, `weights.path` itself where it is left out. Raises InputError where
    no hash is pinned or the file has another.
    """
    import torch

    file = path or weights.path
    pinned = weights.sha256.get(file.name)
    if pinned is None:
        raise InputError(
            f'{file.name!r} has no pinned hash; if you trust it, set sha256 = "{file_sha256(file)}" in the profile'
        )
    check_sha256(file, pinned)
    state: Mapping[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return state
