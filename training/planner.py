"""Trains the embedded planner from nothing on simulated chats: `python -m training.planner`.

A run is made of a seed, a token budget and stages; it needs no file but this repository's.
"""

import argparse
import logging
import random
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tool_data.generate import Generator, Material
from tool_data.pictures import pool as draw_pool

from .attention import Supervisor
from .checkpoint import load_model, processor_of, save
from .data import REFINING, STAGES, Source, Stage, pixels, sample_texts
from .encode import Batch, Rows
from .forward import hidden_states
from .model import Size, build
from .optimiser import Muon, schedule
from .tokenizer import Cached, train_tokenizer

log = logging.getLogger("training.planner")

PROMPT_WEIGHT = 0.1
"""Weight of the loss on tokens the planner did not write."""

PROMPT_SHARE = 0.25
"""Share of those tokens whose loss is computed in a step."""


SLOT_WEIGHT = 4.0
"""Weight of a slot among the planner's tokens, in both losses."""


@dataclass(frozen=True)
class Plan:
    """What a run is made of."""

    tokens: int = 8_000_000
    """Tokens to train on, padding not counted."""
    minutes: float = 55.0
    """Wall time after which the run ends early, its schedule shortened to fit."""
    seed: int = 0
    """Every random choice is drawn from it."""
    threads: int = 2
    """CPU threads."""
    pictures: int = 256
    """Pictures in the pool."""
    sample: int = 1500
    """Offers the tokeniser is trained on."""
    size: Size = field(default_factory=Size)
    """How large the planner is; a run that goes on from a checkpoint takes its size."""
    start: Path | None = None
    """Checkpoint to go on from, with a schedule of its own; None starts from nothing."""
    stages: tuple[Stage, ...] = STAGES
    """Parts of the run, in order."""
    muon: float = 0.02
    """Learning rate of the block matrices."""
    adam: float = 3e-3
    """Learning rate of embeddings, norms, biases and the picture tower."""
    save_every: float = 5.0
    """Minutes between checkpoints."""


def keep_memory() -> None:
    """Tell glibc to keep freed memory: returning it to the system takes a third of a step's time.

    Does nothing where the C library has no `mallopt`.
    """
    import ctypes

    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**28)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            tune(option, value)


class Run:
    """One training run."""

    def __init__(self, plan: Plan, out: Path, material: Material | None = None) -> None:
        """Draw the data, train the tokeniser and make a fresh model; `out` receives checkpoints."""
        import torch

        keep_memory()
        random.seed(plan.seed)
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.out = plan, out
        material = material or Material.load()
        pool = draw_pool(plan.pictures, plan.seed)
        self.tokenizer = self._tokenizer(Generator(material, pool.digests, content=False))
        rows = Rows(Cached(self.tokenizer), plan.size.image_tokens)
        self.source = Source(material, pool, rows, plan.seed)
        self.processor = processor_of(self.tokenizer, plan.size)
        self.pixels = pixels(pool, self.processor.image_processor)
        ids = self.tokenizer
        if plan.start is None:
            size = replace(plan.size, vocabulary=len(ids))
            self.model = build(size, rows.image_token_id, ids.pad_token_id, ids.bos_token_id, ids.eos_token_id)
        else:
            self.model = load_model(plan.start)
        self.supervisor = Supervisor(self.model.model.language_model)
        self.seen = 0
        self._optimisers()

    def _tokenizer(self, generator: Generator) -> Any:
        """Train the tokeniser, or take that of the checkpoint the run goes on from."""
        if self.plan.start is None:
            return train_tokenizer(sample_texts(generator, self.plan.sample, self.plan.seed), self.plan.size.vocabulary)
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.plan.start)

    def _optimisers(self) -> None:
        import torch

        blocks = list(self.model.model.language_model.layers.named_parameters())
        matrices = [parameter for _, parameter in blocks if parameter.dim() == 2]
        known = {id(parameter) for parameter in matrices}
        others = [p for p in self.model.parameters() if id(p) not in known]
        self.muon = Muon(matrices, self.plan.muon)
        self.adam = torch.optim.AdamW(others, lr=self.plan.adam, betas=(0.9, 0.95), weight_decay=0.0)

    def train(self) -> None:
        """Train until the tokens or the minutes are used up, saving now and then and at the end."""
        begun = saved = time.monotonic()
        step, told = 0, time.monotonic()
        while (done := self._done(time.monotonic() - begun)) < 1:
            batch = self.source.batch(self._stage(done), self.tokenizer.pad_token_id)
            losses = self.step(batch, schedule(done, 0.03))
            step += 1
            now = time.monotonic()
            if step <= 5 or now - told > 15:
                told = now
                rate = self.seen / (now - begun)
                log.info("step %d done %.3f tokens %.2fM %.0f tok/s %s", step, done, self.seen / 1e6, rate, losses)
            if now - saved > self.plan.save_every * 60:
                saved = now
                self.save()
        self.save()
        log.info("trained on %.2fM tokens in %.0f s", self.seen / 1e6, time.monotonic() - begun)

    def _done(self, seconds: float) -> float:
        return max(self.seen / self.plan.tokens, seconds / 60 / self.plan.minutes)

    def _stage(self, done: float) -> Stage:
        until = 0.0
        for stage in self.plan.stages:
            until += stage.share
            if done < until:
                return stage
        return self.plan.stages[-1]

    def step(self, batch: Batch, scale: float) -> dict[str, float]:
        """Take one step at `scale` times the learning rates and return the losses."""
        import torch

        self.model.train()
        planner, prompt, attention = self.losses(batch)
        loss = planner + PROMPT_WEIGHT * prompt + attention
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.plan.adam * scale
        self.adam.step()
        self.muon.step(scale)
        self.seen += int(batch.real.sum())
        named = {"planner": planner, "prompt": prompt, "attention": attention, "norm": norm}
        return {name: round(float(value.detach()), 3) for name, value in named.items()}

    def losses(self, batch: Batch) -> tuple[Any, Any, Any]:
        """Return the mean losses on planner tokens, on a sample of prompt tokens, and of the attention."""
        import torch

        hidden = hidden_states(self.model, batch, self.pixels)[:, :-1]
        told, wanted = batch.ids[:, 1:], batch.targets[:, 1:]
        image = self.model.config.image_token_id
        prompt = batch.real[:, 1:] & ~wanted & (told != image) & (batch.positions[:, 1:] > 0)
        prompt &= torch.rand(prompt.shape) < PROMPT_SHARE
        entropy = torch.nn.functional.cross_entropy
        logits = self.model.lm_head(hidden[wanted | prompt])
        each = entropy(logits.float(), told[wanted | prompt], reduction="none")
        mine = wanted[wanted | prompt]
        weights = self._weights(told[wanted])
        row, _, place = batch.pairs.T
        attention = self.supervisor.loss(batch.pairs, batch.visible, self._weights(batch.ids[row, place]))
        return (each[mine] * weights).sum() / weights.sum(), each[~mine].mean(), attention

    def _weights(self, tokens: Any) -> Any:
        """Return the weight of each token in the losses (N,): which skill is called matters most."""
        import torch

        slots = torch.tensor(sorted(self.source.rows.vocabulary.slots))
        return 1.0 + (SLOT_WEIGHT - 1.0) * torch.isin(tokens, slots)

    def save(self) -> None:
        """Write a checkpoint that AutoModelForImageTextToText and AutoProcessor load."""
        save(self.model, self.processor, self.out)
        log.info("saved to %s", self.out)


def _stages(fresh: bool, openings: float | None) -> tuple[Stage, ...]:
    """Return the stages of a first or a later run, with the share of openings told."""
    stages = STAGES if fresh else REFINING
    return stages if openings is None else tuple(replace(stage, openings=openings) for stage in stages)


def main(arguments: list[str] | None = None) -> int:
    """Train the embedded planner; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m training.planner", description=__doc__)
    parser.add_argument("--minutes", type=float, default=Plan.minutes, help="wall time of the training itself")
    parser.add_argument("--tokens", type=int, default=Plan.tokens, help="tokens to train on")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--threads", type=int, default=Plan.threads)
    parser.add_argument("--width", type=int, default=Size.width, help="hidden size, a multiple of 64")
    parser.add_argument("--layers", type=int, default=Size.layers)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (default: from nothing)")
    parser.add_argument("--openings", type=float, help="share of chats that end with the planner's first output")
    parser.add_argument("--muon", type=float, default=Plan.muon, help="learning rate of the block matrices")
    parser.add_argument("--adam", type=float, default=Plan.adam, help="learning rate of everything else")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/planner"))
    told = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    plan = Plan(
        tokens=told.tokens,
        minutes=told.minutes,
        seed=told.seed,
        threads=told.threads,
        size=Size(width=told.width, layers=told.layers),
        start=told.start,
        stages=_stages(told.start is None, told.openings),
        muon=told.muon,
        adam=told.adam,
    )
    Run(plan, told.out).train()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
