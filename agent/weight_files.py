"""Weights file by file: read from safetensors or from pickles that hold only tensors, written as safetensors."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from skills import InputError

Tensors = dict[str, Any]
"""Name -> torch tensor."""


def read_files(folder: Path) -> Iterator[Tensors]:
    """Yield the tensors of each file of weights in a folder: safetensors, else pickles that hold only tensors."""
    import torch
    from safetensors.torch import load_file

    found = sorted(folder.glob("*.safetensors"))
    pickles = [] if found else sorted(folder.glob("pytorch_model*.bin"))
    if not found and not pickles:
        raise InputError(f"{str(folder)!r} holds no weights; expected *.safetensors or pytorch_model*.bin")
    for path in found:
        yield load_file(path)
    for path in pickles:
        yield torch.load(path, map_location="cpu", weights_only=True)


def write_shards(shards: Iterable[Tensors], out: Path) -> None:
    """Write each shard as safetensors, and the index that names them."""
    from safetensors.torch import save_file

    placed: dict[str, str] = {}
    for number, tensors in enumerate(shards, start=1):
        file = f"model-{number:05d}.safetensors"
        save_file({name: value.contiguous().clone() for name, value in tensors.items()}, out / file, {"format": "pt"})
        placed.update(dict.fromkeys(tensors, file))
    (out / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": placed}))
