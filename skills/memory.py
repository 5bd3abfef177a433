"""How much memory models take, how much there is, and how to give some back."""

import dataclasses
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import OutOfMemory

SHARE = {"cuda": 0.8, "cpu": 0.6, "mps": 0.5}
"""Share of a device's memory that models may take where nobody says otherwise."""


def model_bytes(model: object) -> int:
    """Return the bytes of the parameters and buffers of every torch module in a model, counted once each.

    A model is a module, a pipeline with `components`, or a dataclass, mapping or sequence of these.
    """
    tensors: dict[int, int] = {}
    for module in _modules(model):
        for tensor in (*module.parameters(), *module.buffers()):
            tensors[id(tensor)] = tensor.numel() * tensor.element_size()
    return sum(tensors.values())


def tensor_bytes(value: object) -> int:
    """Return the bytes of every tensor or array in a value: a tensor, or a dataclass, mapping or sequence of these."""
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    return sum(tensor_bytes(part) for part in _parts(value))


def _modules(model: object) -> Iterator[Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if isinstance(model, torch.nn.Module):
        yield model
        return
    for part in _parts(model):
        yield from _modules(part)


def _parts(value: object) -> list[object]:
    components = getattr(value, "components", None)
    if isinstance(components, Mapping):
        return list(components.values())
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return []


def best_device() -> str:
    """Return the device models go to where nobody says otherwise: "cuda", "mps" or "cpu"."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def best_dtype(device: str) -> str:
    """Return the number format models have where nobody says otherwise."""
    return "bfloat16" if device.startswith("cuda") else "float32"


def room(device: str) -> int:
    """Return the bytes that models may take on a device where nobody says otherwise."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(device).total_memory * SHARE[kind])
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 << 30
    return int(total * SHARE.get(kind, SHARE["cpu"]))


def release() -> None:
    """Give freed memory back: collect cycles and empty torch's cache of GPU memory."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that memory ran out (Python's, torch's, a GPU library's)."""
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def in_megabytes(size: int) -> str:
    """Return bytes as "12.3 MB"."""
    return f"{size / 1e6:,.1f} MB"
