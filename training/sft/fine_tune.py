"""A run from its recipe and data to its result."""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.saved import prepare
from skills import InputError

from . import attention, base, parts, result, state
from .batch import Samples
from .isolation import keeps_apart
from .plan import Plan
from .recipe import Recipe
from .report import announce, report
from .rows import Encoder, Rows, read_rows
from .run import Run, Work

FREE = {"about", "workers", "save_every", "peak_tflops"}
"""Keys of a recipe that may be others where a run goes on: they change nothing of what is trained."""


@dataclass(frozen=True)
class Told:
    """What the command line says."""

    data: tuple[Path, ...]
    """Files of Traces."""
    model: str
    """The checkpoint to start from."""
    out: Path
    """The result's folder."""
    pictures: Path | None = None
    """Where an imported data set's pictures lie."""
    resume: bool = False
    """Whether a run in `out` goes on."""
    dry: bool = False
    """Whether nothing is trained."""


def fine_tune(recipe: Recipe, told: Told) -> int:
    """Train what a recipe says and write the result; returns 0. Raises InputError, OSError."""
    _check(told)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the readers of pictures are forked
    from accelerate import Accelerator
    from accelerate.utils import set_seed

    half = _half(recipe)
    accelerator = Accelerator(mixed_precision="bf16" if half else "no")
    set_seed(recipe.seed)
    loaded = base.load(told.model, recipe)
    if plugin := getattr(accelerator.state, "fsdp_plugin", None):
        plugin.transformer_cls_names_to_wrap = parts.layers(loaded.model)
    rows = _rows(recipe, told, loaded, accelerator)
    samples = Samples(rows.samples, loaded.rendering)
    packed = bool(recipe.pack) and _packs(loaded.model, samples, rows, accelerator)
    model = parts.choose(loaded.model, recipe)
    _cast(model, half=half and "FSDP" not in str(accelerator.distributed_type))
    plan = Plan([len(sample.ids) for sample in rows.samples], recipe, packed, accelerator.num_processes)
    if accelerator.is_main_process:
        announce(model, recipe, plan, rows, half=half)
    if told.dry:
        return 0
    about = {
        "recipe": recipe.model_dump(mode="json", exclude=FREE),
        "model": told.model,
        "data": {"rows": len(rows.samples), "tokens": sum(plan.lengths), "digest": _digest(rows)[:16]},
        "processes": accelerator.num_processes,
    }
    supervised = [sample.supervised for sample in rows.samples]
    work = Work(model, samples, supervised, loaded.processor.tokenizer.pad_token_id or 0, about)
    training = Run(recipe, plan, work, told.out, accelerator)
    if told.resume:
        training.resume()
    training.train()
    trained = training.trained()
    if accelerator.is_main_process:
        result.write(loaded, recipe, trained, told.out)
        print(f"trained {plan.steps} steps; ask it: handeye ask --planner {told.out}", file=sys.stderr)
    return 0


def _check(told: Told) -> None:
    """Raise InputError for a command line that cannot be followed, before anything is loaded."""
    if not told.data or not told.model:
        lacking = "--model CHECKPOINT" if told.data else "DATA.jsonl"
        raise InputError(f"{lacking} is missing; `handeye train --help` shows the usage")
    for path in told.data:
        if not path.is_file():
            raise InputError(f"no file at {str(path)!r}; give a .jsonl file of Traces")
    begun = bool(state.folders(told.out)) or (told.out / "config.json").is_file()
    if begun and not told.resume and not told.dry:
        raise InputError(f"{str(told.out)!r} holds a run already; add --resume to go on, or name another --out")
    if not told.dry:
        prepare(told.out)


def _rows(recipe: Recipe, told: Told, loaded: base.Base, accelerator: Any) -> Rows:
    """Return the rows; the first process reports those refused. Raises InputError where none is left."""
    longest = min(limit for limit in (recipe.length, recipe.pack, loaded.length) if limit)
    rows = read_rows(told.data, Encoder(loaded.rendering, longest, stages=recipe.stages), told.pictures)
    if accelerator.is_main_process:
        report(rows, None if told.dry else told.out)
    if not rows.samples:
        why = "; the first, {}: {}".format(*rows.refused[0]) if rows.refused else "; give files of Traces, one a line"
        raise InputError(f"the data hold no row that can be trained on{why}")
    return rows


def _half(recipe: Recipe) -> bool:
    """Return whether products are 16 bits wide."""
    import torch

    return recipe.precision == "bfloat16" or (recipe.precision == "auto" and torch.cuda.is_available())


def _cast(model: Any, *, half: bool) -> None:
    """Make what moves float32, and what does not bfloat16 where products are."""
    import torch

    for parameter in model.parameters():
        dtype = torch.float32 if parameter.requires_grad or not half else torch.bfloat16
        parameter.data = parameter.data.to(dtype)


def _packs(model: Any, samples: Samples, rows: Rows, accelerator: Any) -> bool:
    """Return whether the model keeps packed samples apart, and set it up for packs; says so where it does not."""
    order = sorted(range(len(samples)), key=lambda at: (not rows.samples[at].pictures, len(rows.samples[at].ids)))
    apart = attention.use(model)
    if apart and len(order) > 1 and not keeps_apart(model.to(accelerator.device), [samples[at] for at in order[:2]]):
        attention.undo(model)
        apart = False
    if not apart and accelerator.is_main_process:
        kind = model.config.model_type
        print(f"{kind} does not keep packed samples apart; batches of like length instead", file=sys.stderr)
    return apart


def _digest(rows: Rows) -> str:
    """Return a hash of the samples: a run goes on with the same ones in the same order."""
    digest = hashlib.sha256()
    for sample in rows.samples:
        digest.update(sample.ids.tobytes() + sample.targets.tobytes())
        digest.update("".join(shown.record.sha256 or shown.record.path for shown in sample.pictures).encode())
    return digest.hexdigest()
