"""Trains the embedded detector from nothing on drawn scenes: `python -m training.detect --pictograms FONT FOLDER ...`.

A run has two parts: single pictograms (`detect_looks`), then scenes with prompts. The clock decides how far each goes.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skills import InputError
from tool_data.boards import COLOURS, FORMS
from tool_data.pictograms import Pictograms, installed

from .clock import until
from .detect_data import Batch, Lessons
from .detect_drawn import split
from .detect_looks import Looks
from .detect_loss import decoder_loss, encoder_loss
from .detect_model import STRIDES, Size, build, load, processor_of, save
from .detect_optimiser import Optimiser
from .detect_tokenizer import train_tokenizer
from .folder import claim
from .memory import keep_memory
from .optimiser import fast_dtype, schedule

log = logging.getLogger("training.detect")


@dataclass(frozen=True)
class Plan:
    """What a run is made of."""

    minutes: float = 75.0
    """Wall time of the training itself."""
    looks: float = 0.28
    """Share of it spent on single pictograms; none where the run goes on from a checkpoint."""
    easy: float = 0.12
    """Share of the scenes' time in which a scene has at most two things."""
    seed: int = 0
    """Every random choice is drawn from it."""
    threads: int = 1
    """CPU threads."""
    batch: int = 20
    """Scenes in a step."""
    singles: int = 128
    """Single pictograms in a step."""
    vocabulary: int = 2000
    """Tokens, the marks included."""
    grounds: int = 400
    """Textures kept to draw on."""
    size: Size = field(default_factory=Size)
    """How large the detector is; a run that goes on from a checkpoint takes its size."""
    start: Path | None = None
    """Checkpoint to go on from, with a schedule of its own; None starts from nothing."""
    muon: float = 0.02
    """Learning rate of matrices and kernels."""
    adam: float = 1e-3
    """Learning rate of embeddings, norms and biases."""
    save_every: float = 10.0
    """Minutes between checkpoints."""


class Run:
    """One training run."""

    def __init__(self, plan: Plan, pictograms: Sequence[Path], out: Path) -> None:
        """Open the pictograms, train the tokeniser and make the model; `out` receives checkpoints."""
        import torch

        keep_memory()
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.out = plan, out
        seen = split(Pictograms.load(pictograms or installed())).train
        if not seen.nouns:
            raise InputError(
                "no pictograms to teach with; install a font such as Noto Color Emoji or give --pictograms"
            )
        if plan.start is None:
            tokenizer = train_tokenizer([*seen.nouns, *FORMS, *COLOURS], plan.vocabulary)
            self.model, self.processor = build(plan.size, len(tokenizer)), processor_of(tokenizer, plan.size.side)
        else:
            self.model, self.processor = load(plan.start)
        self.model.model.backbone.to(memory_format=torch.channels_last)
        self.model.loss_function = decoder_loss
        self.tokenizer = self.processor.tokenizer
        self.dtype = fast_dtype()
        self.lessons = Lessons(seen, self.tokenizer, plan.seed, side=plan.size.side, grounds=plan.grounds)

    def train(self) -> None:
        """Train until the minutes are used up; save now and then and at the end."""
        share = self.plan.looks if self.plan.start is None else 0.0
        if share:
            self.look(share * self.plan.minutes)
        self.scenes((1 - share) * self.plan.minutes)
        self.save()

    def look(self, minutes: float) -> None:
        """Learn single pictograms."""
        looks = Looks(self.model, self.tokenizer, self.lessons.shown, self.plan.seed)
        optimiser = Optimiser(looks.named_parameters(), self.plan.muon, 2 * self.plan.adam, self.dtype)
        looks.resnet.train()
        for step, done in until(minutes):
            pixels, nouns = self.lessons.single(self.plan.singles)
            with self.autocast():
                loss, right = looks.loss(pixels, nouns)
            loss.backward()
            optimiser.step(schedule(done, 0.03))
            if step:
                told = (step, done, float(loss.detach()), right, self.plan.singles)
                log.info("step %d done %.3f: loss %.3f, %.3f of %d right", *told)
        looks.finish()

    def scenes(self, minutes: float) -> None:
        """Learn scenes with prompts."""
        optimiser = self.optimiser()
        saved = time.monotonic()
        for step, done in until(minutes):
            losses = self.step(self.batch(done), optimiser, done)
            if step:
                log.info("step %d done %.3f: %s", step, done, losses)
            if time.monotonic() - saved > 60 * self.plan.save_every:
                saved = time.monotonic()
                self.save()

    def batch(self, done: float) -> Batch:
        """Draw the scenes of a step at `done` of the run (0-1): few things and small pictures first.

        A run that goes on from a checkpoint begins in the middle of that.
        """
        ripe = done if self.plan.start is None else max(done, 0.5)
        cells = self.plan.size.side // STRIDES[-1]
        fewer = 2 if ripe < 0.4 else 1 if ripe < 0.75 else 0
        side = STRIDES[-1] * (cells - fewer + self.lessons.rng.randint(0, 1 if fewer else 0))
        return self.lessons.batch(self.plan.batch, most=2 if ripe < self.plan.easy else 5, side=side)

    def optimiser(self) -> Optimiser:
        """Return a fresh optimiser of all that the model has."""
        return Optimiser(list(self.model.named_parameters()), self.plan.muon, self.plan.adam, self.dtype)

    def step(self, batch: Batch, optimiser: Optimiser, done: float) -> dict[str, float]:
        """Take one step at `done` of the run (0-1) and return the losses."""
        self.model.train()
        losses = self.losses(batch)
        (losses["decoder"] + losses["encoder"]).backward()
        optimiser.step(schedule(done, 0.02))
        return {name: round(float(value.detach()), 3) for name, value in losses.items()}

    def losses(self, batch: Batch) -> dict[str, Any]:
        """Return what a step lowers, `decoder` and `encoder`, and the last decoder layer's parts."""
        import torch
        from transformers.models.grounding_dino.modeling_grounding_dino import build_label_maps

        with self.autocast():
            outputs = self.model(
                pixel_values=batch.pixel_values,
                input_ids=batch.input_ids,
                attention_mask=batch.attention_mask,
                labels=batch.labels,
            )
        maps = build_label_maps(outputs.logits, batch.input_ids)
        mask = torch.zeros(outputs.logits.shape[0], outputs.logits.shape[2], dtype=torch.bool)
        mask[:, : batch.attention_mask.shape[1]] = batch.attention_mask.bool()
        high, wide = batch.pixel_values.shape[-2:]
        shapes = [(-(-high // stride), -(-wide // stride)) for stride in STRIDES]
        encoder = encoder_loss(outputs, batch.labels, maps, mask, shapes, self.model.config)
        parts = {name: value for name, value in outputs.loss_dict.items() if not name[-1].isdigit()}
        return {"decoder": outputs.loss, "encoder": encoder, **parts}

    def autocast(self) -> Any:
        """Return a context in which matrix products are computed in the faster dtype."""
        import torch

        return torch.autocast("cpu", dtype=self.dtype, enabled=self.dtype != torch.float32)

    def save(self) -> None:
        """Write a checkpoint that `detect` loads."""
        save(self.model, self.processor, self.out)
        log.info("saved to %s", self.out)


def main(arguments: list[str] | None = None) -> int:
    """Train the embedded detector; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m training.detect", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--force", action="store_true", help="replace the checkpoint where it is there")
    parser.add_argument(
        "--pictograms",
        type=Path,
        nargs="*",
        default=[],
        help="fonts and folders of PNGs, a style each (default: the system's fonts)",
    )
    parser.add_argument("--minutes", type=float, default=Plan.minutes, help="wall time of the training itself")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--threads", type=int, default=Plan.threads)
    parser.add_argument("--batch", type=int, default=Plan.batch, help="scenes in a step")
    parser.add_argument("--looks", type=float, default=Plan.looks, help="share of the time for single pictograms")
    parser.add_argument("--muon", type=float, default=Plan.muon, help="learning rate of matrices and kernels")
    parser.add_argument("--adam", type=float, default=Plan.adam, help="learning rate of everything else")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (default: from nothing)")
    told = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    plan = Plan(
        minutes=told.minutes,
        looks=told.looks,
        seed=told.seed,
        threads=told.threads,
        batch=told.batch,
        muon=told.muon,
        adam=told.adam,
        start=told.start,
    )
    try:
        claim(told.out, "processor_config.json", "detector", force=told.force)
        Run(plan, told.pictograms, told.out).train()
    except InputError as error:
        parser.exit(2, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
