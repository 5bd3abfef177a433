"""Trains the embedded `generate` from nothing: `python -m training.generate --out DIR --pictograms A B`.

First the autoencoder on crops of drawn scenes, then, on the latents of a pool of them, the UNet and the text encoder,
then the decoder alone once more, which leaves the latents as they are.
Pictograms are fonts or folders of PNGs named by code points; colour pairs of `generate_words.held_out` are never drawn.
"""

import argparse
import logging
import random
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from skills import InputError
from tool_data.pictograms import Pictograms

from .clock import until
from .folder import claim
from .generate_data import Draughtsman, Example, covered, numbered, pixels
from .generate_diffusion import DiffusionTrainer
from .generate_model import Parts, Size, build, load, save, train_tokenizer
from .generate_vae import VaeTrainer, crops, encode, peak_ratio, to_model, whiten
from .generate_words import Shown, request, trained_on
from .memory import keep_memory
from .optimiser import fast_dtype, schedule

log = logging.getLogger("training.generate")

WARM = 0.02
"""Share of a run over which the learning rate rises."""


@dataclass(frozen=True)
class Plan:
    """What a run is made of."""

    minutes: float = 60.0
    """Wall time of the UNet's training, drawing and encoding not counted; 0 leaves it as it is."""
    vae_minutes: float = 15.0
    """Wall time of the autoencoder's training; 0 leaves it as it is."""
    decoder_minutes: float = 10.0
    """Wall time of the decoder's own training; 0 leaves it as it is."""
    seed: int = 0
    """Every random choice is drawn from it."""
    threads: int = 1
    """CPU threads."""
    pool: int = 16_000
    """Pictures whose latents the UNet is trained on."""
    vae_pool: int = 6_000
    """How many of these, the first, the autoencoder is trained on."""
    batch: int = 32
    """Latents of a step."""
    size: Size = field(default_factory=Size)
    """How large the parts are; a run that goes on from a pipeline takes its sizes."""
    start: Path | None = None
    """Pipeline to go on from; with no minutes for its autoencoder that stays as it is."""
    save_every: float = 5.0
    """Minutes between checkpoints."""


class Run:
    """One training run."""

    def __init__(self, plan: Plan, draughtsman: Draughtsman, out: Path) -> None:
        """Train the tokeniser and make fresh parts, or take those of `plan.start`; `out` receives the pipeline."""
        import torch

        keep_memory()
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.draughtsman, self.out = plan, draughtsman, out
        self.rng = random.Random(plan.seed)
        self.dtype = fast_dtype()
        self.parts: Parts = load(plan.start) if plan.start else self._fresh()

    def _fresh(self) -> Parts:
        rng = random.Random(f"captions {self.plan.seed}")
        drawn = (self.example(number) for number in range(min(2000, self.plan.pool)))
        texts = [request(example.shown, rng) for example in drawn for _ in range(4)]
        return build(train_tokenizer(texts, self.plan.size), self.plan.size)

    def example(self, number: int) -> Example:
        """Return a picture of the pool."""
        return numbered(self.draughtsman, self.plan.seed, number, trained_on(), side=self.plan.size.side)

    def train(self) -> None:
        """Train until the minutes are used up, and save now and then and at the end."""
        if self.plan.vae_minutes > 0:
            self.train_vae(self.plan.vae_minutes)
            save(self.parts, self.out)
        if self.plan.minutes > 0:
            self.train_unet()
        if self.plan.decoder_minutes > 0:
            self.train_vae(self.plan.decoder_minutes, decoder=True)
            save(self.parts, self.out)

    def train_vae(self, minutes: float, *, decoder: bool = False) -> None:
        """Train the autoencoder and whiten its latents; or the decoder alone."""
        pool = pixels([self.example(number) for number in range(min(self.plan.vae_pool, self.plan.pool))])
        name = "decoder" if decoder else "autoencoder"
        trainer = VaeTrainer(self.parts.vae, self.dtype, decoder=decoder)
        for step, done in until(minutes):
            losses = trainer.step(to_model(crops(pool, self.rng)), schedule(done, WARM))
            if step:
                log.info("%s: step %d done %.3f %s", name, step, done, losses)
        if not decoder:
            whiten(self.parts.vae, pool[:512], self.dtype)
        unseen = pixels([self.example(self.plan.pool + number) for number in range(64)])
        log.info("%s: %.2f dB on pictures not trained on", name, peak_ratio(self.parts.vae, unseen, self.dtype))

    def train_unet(self) -> None:
        """Train the UNet and the text encoder on the pool's latents, each time with another caption."""
        import torch

        latents, places, shown = self._pool()
        log.info("encoded %d pictures, variance %.3f", len(shown), float(latents.var()))
        trainer = DiffusionTrainer(self.parts, self.dtype)
        generator = torch.Generator().manual_seed(self.plan.seed)
        saved, losses = time.monotonic(), []
        for step, done in until(self.plan.minutes):
            chosen = [self.rng.randrange(len(shown)) for _ in range(self.plan.batch)]
            captions = [request(shown[number], self.rng) for number in chosen]
            losses.append(trainer.step(latents[chosen], captions, places[chosen], generator, schedule(done, WARM)))
            if step:
                log.info("UNet: step %d done %.3f loss %.4f", step, done, np.mean(losses))
                losses.clear()
            if time.monotonic() - saved > self.plan.save_every * 60:
                saved = time.monotonic()
                save(trainer.trained(), self.out)
        self.parts = trainer.trained()
        save(self.parts, self.out)
        log.info("UNet: %d steps of %d pictures", trainer.steps, self.plan.batch)

    def _pool(self, at_once: int = 256) -> tuple[Any, Any, list[Shown]]:
        """Return the latents (pool, C, H, W), where things cover them (pool, H, W), and what their pictures show."""
        import torch

        latents: list[Any] = []
        places: list[Any] = []
        shown: list[Shown] = []
        for start in range(0, self.plan.pool, at_once):
            part = [self.example(number) for number in range(start, min(start + at_once, self.plan.pool))]
            latents.append(encode(self.parts.vae, pixels(part), self.dtype))
            places.append(torch.from_numpy(covered(part, latents[-1].shape[-1])))
            shown.extend(example.shown for example in part)
        return torch.cat(latents), torch.cat(places), shown


def main(arguments: list[str] | None = None) -> int:
    """Train the embedded `generate`; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m training.generate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pipeline")
    parser.add_argument("--pictograms", type=Path, nargs="+", required=True, help="fonts and folders, each a style")
    parser.add_argument("--minutes", type=float, default=Plan.minutes, help="wall time of the UNet's training")
    parser.add_argument("--vae-minutes", type=float, default=Plan.vae_minutes, help="of the autoencoder's; 0 leaves it")
    parser.add_argument("--decoder-minutes", type=float, default=Plan.decoder_minutes, help="of the decoder's own")
    parser.add_argument("--pool", type=int, default=Plan.pool, help="pictures to train on")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--threads", type=int, default=Plan.threads)
    parser.add_argument("--start", type=Path, help="pipeline to go on from (default: from nothing)")
    parser.add_argument("--force", action="store_true", help="replace the folder where it is there")
    told = vars(parser.parse_args(arguments))
    out, paths, force = told.pop("out"), told.pop("pictograms"), told.pop("force")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        claim(out, "model_index.json", "pipeline", force=force)
        Run(replace(Plan(), **told), Draughtsman(Pictograms.load(paths)), out).train()
    except InputError as error:
        parser.exit(2, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
