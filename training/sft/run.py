"""The loop: windows of packs, one step each, the loss a mean over all trained tokens of the window."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from skills import InputError

from . import state
from .batch import Batch, Samples, pack, pad
from .estimate import advice, ran_out
from .parts import groups, moving, part_of
from .plan import Group, Plan
from .progress import Cost, Progress
from .recipe import Recipe


def schedule(step: int, steps: int, warmup: float) -> float:
    """Return the factor of the learning rate in step `step` (from 0): up over `warmup`, then down as a cosine."""
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def loss_of(model: Any, batch: Batch) -> Any:
    """Return the sum of the cross-entropies of a batch's trained tokens, a float32 scalar."""
    import torch

    keep = batch.keep
    logits = model(**batch.inputs, logits_to_keep=keep, use_cache=False).logits
    if logits.shape[1] != keep.numel():
        logits = logits[:, keep]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), batch.labels.flatten(), reduction="sum")


@dataclass(frozen=True)
class Work:
    """What a run works on."""

    model: Any
    """The model, what moves set to move."""
    samples: Samples
    """The data."""
    supervised: Sequence[int]
    """Trained tokens of each sample."""
    filler: int
    """The token that fills a padded batch."""
    about: Mapping[str, Any]
    """What must be the same where the run goes on: recipe, data, checkpoint."""


class Run:
    """One training run."""

    def __init__(self, recipe: Recipe, plan: Plan, work: Work, out: Path, accelerator: Any) -> None:
        """Give model and optimiser to the accelerator; `out` receives log and checkpoints."""
        import torch

        self.recipe, self.plan, self.work, self.out, self.accelerator = recipe, plan, work, out, accelerator
        if recipe.checkpointing:
            work.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.cost = _cost(work.model, recipe)
        optimiser = torch.optim.AdamW(groups(moving(work.model), recipe.decay), lr=recipe.rate, betas=recipe.betas)
        self.model, self.optimiser = accelerator.prepare(work.model, optimiser)
        self.sharded = "FSDP" in str(accelerator.distributed_type)
        self.step, self.read = 0, (0, 0)

    def resume(self) -> None:
        """Go on from the newest checkpoint; raises InputError where there is none or it is of another run."""
        folder, saved = state.told(self.out)
        state.check(saved["about"], dict(self.work.about), self.out)
        weights, optimiser, self._random = state.load(folder, self.accelerator.process_index)
        self._set(weights, optimiser)
        self.step = saved["step"]

    def train(self) -> None:
        """Train to the last step, with checkpoints; raises InputError where memory runs out."""
        main = self.accelerator.is_main_process
        progress = Progress(self.out, self.plan.steps, self.step, self.cost, quiet=not main)
        batches = self._batches()
        if (drawn := getattr(self, "_random", None)) is not None:
            state.set_random_state(drawn)
        self.model.train()
        try:
            for window in self.plan.windows(self.step):
                loss, norm, tokens = self._advised(window, batches)
                rate = self.recipe.rate * schedule(self.step, self.plan.steps, self.recipe.warmup)
                self.step += 1
                progress.step(self.step, loss, rate, norm, tokens, self._supervised(window))
                if self.step % self.recipe.save_every == 0 or self.step == self.plan.steps:
                    self.save()
        finally:
            progress.end()

    def _advised(self, window: Sequence[Group], batches: Iterator[Batch]) -> tuple[float, float, int]:
        """Take a step; raises InputError with what to change where memory runs out, in whatever part of it."""
        try:
            return self._window(window, batches)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            raise InputError(advice(self.recipe, self.step + 1, *self.read)) from error

    def _window(self, window: Sequence[Group], batches: Iterator[Batch]) -> tuple[float, float, int]:
        """Take one step and return its loss a trained token, its gradient norm and the tokens read."""
        scale = schedule(self.step, self.plan.steps, self.recipe.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate * scale
        processes, trained = self.accelerator.num_processes, self._supervised(window)
        total = 0.0
        for number in range(self.recipe.accumulate):
            batch = next(batches)
            last = number + 1 == self.recipe.accumulate
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                total += self._micro_step(batch, processes / trained)
        norm = float(self.accelerator.clip_grad_norm_(list(moving(self.model).values()), self.recipe.clip))
        loss = self._summed(total) / trained
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise InputError(
                f"step {self.step + 1} has loss {loss:g} and gradient norm {norm:g}, so it was not taken; lower `rate` "
                f"(now {self.recipe.rate:g}), raise `warmup` or set precision=float32; earlier checkpoints are kept"
            )
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        tokens = sum(self.plan.lengths[at] for group in window for at in group)
        return loss, norm, tokens

    def _micro_step(self, batch: Batch, scale: float) -> float:
        """Add the gradients of `scale` times a batch's loss and return the loss itself."""
        self.read = batch.tokens, batch.pictures
        loss = loss_of(self.model, batch.on(self.accelerator.device))
        self.accelerator.backward(loss * scale + self._anchor(batch))
        return float(loss.detach())

    def _anchor(self, batch: Batch) -> Any:
        """Return a zero that depends on what only pictures reach: without one, too, every process has gradients."""
        if batch.pictures or self.sharded:
            return 0.0
        seen = (parameter for name, parameter in moving(self.model).items() if part_of(name) != "language")
        return sum((parameter.sum() * 0.0 for parameter in seen), 0.0)

    def _supervised(self, window: Sequence[Group]) -> int:
        return sum(self.work.supervised[at] for group in window for at in group)

    def _summed(self, value: float) -> float:
        """Return a number summed over all processes."""
        import torch

        if self.accelerator.num_processes == 1:
            return value
        told = torch.tensor(value, device=self.accelerator.device, dtype=torch.float32)
        return float(self.accelerator.reduce(told, reduction="sum"))

    def _batches(self) -> Iterator[Batch]:
        """Yield this process's batches from the next step on, read ahead by the recipe's workers."""
        import torch
        from torch.utils.data import DataLoader

        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        mine = [group for window in self.plan.windows(self.step) for group in window[rank::processes]]
        collate: Callable[..., Batch] = pack if self.plan.packed else partial(pad, filler=self.work.filler)
        loader: DataLoader[Any] = DataLoader(
            self.work.samples,  # type: ignore[arg-type]
            batch_sampler=mine,  # type: ignore[arg-type]
            num_workers=self.recipe.workers,
            collate_fn=collate,
            generator=torch.Generator().manual_seed(self.recipe.seed),  # else it draws from the model's
        )
        return iter(loader)

    def save(self) -> None:
        """Write a checkpoint of the run."""
        saving = state.Saving(self.out, self.step)
        weights, optimiser = self._get()
        if self.accelerator.is_main_process:
            saving.begin()
        self.accelerator.wait_for_everyone()
        saving.own(self.accelerator.process_index)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            saving.end(weights, optimiser, {"step": self.step, "about": dict(self.work.about)})
        self.accelerator.wait_for_everyone()

    def trained(self) -> dict[str, Any]:
        """Return name -> tensor (on the CPU) of what moved; every process must call it."""
        return self._get()[0]

    def _get(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what moved, and the optimiser's state, whole and on the CPU."""
        if not self.sharded:
            model = self.accelerator.unwrap_model(self.model)
            weights = {name: parameter.detach().cpu().clone() for name, parameter in moving(model).items()}
            return weights, self.optimiser.state_dict()
        from torch.distributed.checkpoint import state_dict as whole

        options = whole.StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
        return whole.get_state_dict(self.model, self.optimiser.optimizer, options=options)

    def _set(self, weights: dict[str, Any], optimiser: dict[str, Any]) -> None:
        """Put back what `_get` returned."""
        import torch

        if not self.sharded:
            model = self.accelerator.unwrap_model(self.model)
            with torch.no_grad():
                for name, parameter in moving(model).items():
                    parameter.copy_(weights[name])
            self.optimiser.load_state_dict(optimiser)
            return
        from torch.distributed.checkpoint import state_dict as whole

        options = whole.StateDictOptions(full_state_dict=True, ignore_frozen_params=True, strict=False)
        whole.set_state_dict(
            self.model,
            self.optimiser.optimizer,
            model_state_dict=weights,
            optim_state_dict=optimiser,
            options=options,
        )


def _cost(model: Any, recipe: Recipe) -> Cost:
    """Return what a token costs: 6 operations a parameter, 4 where the language model's own weights stay."""
    table = model.get_input_embeddings().weight
    language = [p for n, p in model.named_parameters() if part_of(n) == "language" and p is not table]
    whole = "language" in recipe.moves and recipe.lora is None
    peak = None if recipe.peak_tflops is None else recipe.peak_tflops * 1e12
    return Cost(sum(parameter.numel() for parameter in language), 6 if whole else 4, peak)
