"""Trains the embedded planner from nothing on simulated chats: `python -m training.planner`.

A run is made of a seed, a token budget and stages; it needs no file but this repository's. Equal seeds and workers
give equal runs where the tokens end the run; where the minutes do, the clock decides how far each stage goes.
"""

import argparse
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tool_data.boards import boards as draw_boards
from tool_data.generate import Generator
from tool_data.material import Material
from tool_data.pictures import Pool
from tool_data.pictures import pool as draw_pool

from .checkpoint import load_model, processor_of, save
from .data import REFINING, STAGES, Source, Stage, pixels, sample_texts
from .encode import Chats, Encoder, Group
from .forward import Reader, Seen
from .memory import keep_memory
from .model import Size, build
from .optimiser import Muon, fast_dtype, schedule
from .tokenizer import Cached, train_tokenizer
from .workers import Workers, together

log = logging.getLogger("training.planner")

PROMPT_WEIGHT = 0.1
"""Weight of the loss on tokens the planner did not write."""

PROMPT_SHARE = 0.12
"""Share of those tokens whose loss is computed in a step."""


CHOICE_WEIGHT = 4.0
"""Weight, among the planner's tokens, of those that choose: a slot, in both losses, and how an answer begins."""

BEGINNING = 4
"""Tokens of an answer that choose it."""

LOSSES = ("planner", "prompt", "copy", "match", "vote", "own")
"""What a step reports, by name."""

LOOKS = {"copy": 1.0, "match": 0.5, "vote": 0.3, "own": 0.3}
"""Weights of the losses on where attention looks, by kind (`forward.supervised`)."""


@dataclass(frozen=True)
class Plan:
    """What a run is made of."""

    tokens: int = 8_000_000
    """Tokens to train on, padding not counted."""
    minutes: float = 55.0
    """Wall time after which the run ends early, its schedule shortened to fit."""
    seed: int = 0
    """Every random choice is drawn from it."""
    threads: int = 1
    """CPU threads of a process."""
    workers: int = 2
    """Processes; see `workers`."""
    pictures: int = 3000
    """Pictures in the pool."""
    sample: int = 4000
    """Offers the tokeniser is trained on."""
    device: str = "cpu"
    """Where to train: "cpu" or "cuda"."""
    dtype: str = "auto"
    """Dtype of the matrix products: "auto" is bfloat16 where the processor has units for it, else float32."""
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


class Run:
    """One training run."""

    def __init__(
        self, plan: Plan, out: Path, workers: Workers | None = None, make: Callable[..., Generator] = Generator
    ) -> None:
        """Draw the data, train the tokeniser and make a fresh model; `out` receives checkpoints.

        `make` makes what draws the offers and chats.
        """
        import torch

        keep_memory()
        random.seed(plan.seed)
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.out, self.workers = plan, out, workers or Workers()
        material = Material.load()
        pool = draw_pool(plan.pictures, plan.seed)
        self.tokenizer = self._tokenizer(material, pool)
        encoder = Encoder(Cached(self.tokenizer), plan.size.image_tokens)
        boards = draw_boards(plan.pictures, plan.seed)
        seed = plan.seed * 1000 + self.workers.rank
        self.source = Source(material, pool, encoder, seed, boards=boards.truth, make=make)
        self.processor = processor_of(self.tokenizer, plan.size)
        self.device = torch.device(plan.device)
        self.dtype = _dtype(plan)
        table = pixels({**pool.pictures, **boards.pictures}, self.processor.image_processor)
        self.pixels = {digest: picture.to(self.device) for digest, picture in table.items()}
        ids = self.tokenizer
        if plan.start is None:
            size = replace(plan.size, vocabulary=len(ids))
            self.model = build(size, encoder.image_token_id, ids.pad_token_id, ids.bos_token_id, ids.eos_token_id)
        else:
            self.model = load_model(plan.start)
        self.model.to(self.device)
        self.say = ids.convert_tokens_to_ids("<say>")
        self.slots = torch.tensor(sorted(encoder.vocabulary.slots), device=self.device)
        self.seen, self.stopped = 0.0, False
        self.begun, self.seconds = time.monotonic(), 0.0
        self._optimisers()

    def _tokenizer(self, material: Material, pool: Pool) -> Any:
        """Train the tokeniser, or take that of the checkpoint the run goes on from."""
        if self.plan.start is None:
            generator = Generator(material, pool.kinds, content=False)
            return train_tokenizer(sample_texts(generator, self.plan.sample, self.plan.seed), self.plan.size.vocabulary)
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.plan.start)

    def _optimisers(self) -> None:
        import torch

        blocks = list(self.model.model.language_model.layers.named_parameters())
        matrices = [parameter for _, parameter in blocks if parameter.dim() == 2]
        known = {id(parameter) for parameter in matrices}
        others = [p for p in self.model.parameters() if id(p) not in known]
        self.muon = Muon(matrices, self.plan.muon, dtype=self.dtype)
        self.adam = torch.optim.AdamW(others, lr=self.plan.adam, betas=(0.9, 0.95), weight_decay=0.0)

    def train(self) -> None:
        """Train until the tokens or the minutes are used up; the first process saves now and then and at the end."""
        self.begun = told = saved = time.monotonic()
        step = 0
        while (done := self._done()) < 1:
            losses = self.step(self.groups(self._stage(done)), schedule(done, 0.03))
            step += 1
            now = time.monotonic()
            if self.workers.rank:
                continue
            if step <= 5 or now - told > 15:
                told = now
                rate = self.seen / self.seconds
                log.info("step %d done %.3f tokens %.2fM %.0f tok/s %s", step, done, self.seen / 1e6, rate, losses)
            if now - saved > self.plan.save_every * 60:
                saved = now
                self.save()
        if self.workers.rank == 0:
            self.save()
            log.info("trained on %.2fM tokens in %.0f s", self.seen / 1e6, self.seconds)

    def _done(self) -> float:
        """Return how much of the run is done, the same in every process."""
        return 1.0 if self.stopped else max(self.seen / self.plan.tokens, self.seconds / 60 / self.plan.minutes)

    def stopping(self) -> bool:
        """Return whether this process was asked to end the run; where one was, all end behind the same step."""
        return False

    def _stage(self, done: float) -> Stage:
        until = 0.0
        for stage in self.plan.stages:
            until += stage.share
            if done < until:
                return stage
        return self.plan.stages[-1]

    def groups(self, stage: Stage) -> list[Group]:
        """Draw this process's share of the offers and chats of one step."""
        count = max(1, stage.groups // self.workers.count)
        drawn = (self.source.group(stage, self.tokenizer.pad_token_id) for _ in range(count))
        return [group.to(self.device) for group in drawn]

    def step(self, groups: Sequence[Group], scale: float) -> dict[str, float]:
        """Take one step at `scale` times the learning rates and return the losses."""
        import torch

        self.model.train()
        self.model.zero_grad(set_to_none=True)
        reader = Reader(self.model, self.dtype)
        found = []
        for number, group in enumerate(groups):
            losses = self.losses(reader, group)
            (self.total(losses) / len(groups)).backward(retain_graph=number + 1 < len(groups))
            found.append([float(losses[name].detach()) for name in LOSSES])
        means = [sum(values) / len(found) for values in zip(*found, strict=True)]
        tokens = float(sum(group.tokens for group in groups))
        told = [*means, tokens, time.monotonic() - self.begun, float(self.stopping())]
        *means, tokens, self.seconds, stopping = self.workers.average(self.model.parameters(), told)
        self.stopped = stopping > 0
        self.seen += tokens * self.workers.count
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0))
        for parameters in self.adam.param_groups:
            parameters["lr"] = self.plan.adam * scale
        self.adam.step()
        self.muon.step(scale)
        return {n: round(v, 3) for n, v in zip((*LOSSES, "norm"), [*means, norm], strict=True)}

    def total(self, losses: Mapping[str, Any]) -> Any:
        """Return what a step lowers."""
        looks = sum(weight * losses[kind] for kind, weight in LOOKS.items())
        return losses["planner"] + PROMPT_WEIGHT * losses["prompt"] + looks

    def losses(self, reader: Reader, group: Group) -> dict[str, Any]:
        """Return the mean losses on planner tokens, on a sample of the others, and of the attention by kind."""
        import torch

        offer = reader.offer(group)
        nobody = torch.zeros_like(group.offer, dtype=torch.bool)
        parts = [self._sampled(offer.hidden, group.offer, nobody, ~nobody)]
        looks: dict[str, list[tuple[Any, Any]]] = {kind: [] for kind in LOOKS}
        looks["own"].append(_looked(offer, "own", None))
        read = [(chats, reader.chats(offer, chats, self.pixels)) for chats in group.chunks]
        for chats, seen in read:
            parts.append(self._sampled(seen.hidden, chats.ids, chats.targets, chats.real))
            chat, predicting, _ = chats.pairs.T
            looks["copy"].append(_looked(seen, "copy", self.weights(chats.ids[chat, predicting + 1])))
            looks["match"].append(_looked(seen, "match", None))
            looks["vote"].append(_looked(seen, "vote", None))
        hidden, told, mine, weights = (torch.cat(values) for values in zip(*parts, strict=True))
        logits = torch.nn.functional.linear(hidden.to(self.dtype), self.model.lm_head.weight.to(self.dtype))
        each = torch.nn.functional.cross_entropy(logits.float(), told, reduction="none")
        losses = {"planner": _mean(each[mine], weights[mine]), "prompt": each[~mine].mean()}
        for kind, found in looks.items():
            losses[kind] = _mean(*(torch.cat(values) for values in zip(*found, strict=True)))
        return {**losses, **self.further(group, read)}

    def further(self, group: Group, read: Sequence[tuple[Chats, Seen]]) -> dict[str, Any]:
        """Return further losses of chats that were read, by name; `total` has to add them."""
        return {}

    def _sampled(self, hidden: Any, ids: Any, targets: Any, real: Any) -> tuple[Any, Any, Any, Any]:
        """Return hidden states (N, width), the tokens they predict, which the planner wrote, their weights (N,)."""
        import torch

        told, wanted = ids[:, 1:], targets[:, 1:]
        sampled = torch.rand(told.shape, device=told.device) < PROMPT_SHARE
        sampled &= real[:, 1:] & (told != self.model.config.image_token_id)
        chosen = wanted | sampled
        weights = self.weights(told)
        for ahead in range(BEGINNING):
            behind_say = (ids[:, : told.shape[1] - ahead] == self.say) & wanted[:, ahead:]
            weights[:, ahead:][behind_say] = CHOICE_WEIGHT
        return hidden[:, :-1][chosen], told[chosen], wanted[chosen], weights[chosen]

    def weights(self, tokens: Any) -> Any:
        """Return the weight of each token in the losses: which skill is called matters most."""
        import torch

        return 1.0 + (CHOICE_WEIGHT - 1.0) * torch.isin(tokens, self.slots)

    def save(self) -> None:
        """Write a checkpoint that AutoModelForImageTextToText and AutoProcessor load."""
        save(self.model, self.processor, self.out)
        log.info("saved to %s", self.out)


def _looked(seen: Seen, kind: str, weights: Any) -> tuple[Any, Any]:
    """Return -log of the attention on the right places (heads * M,), and their weights; None weighs all alike."""
    import torch

    look = seen.looks[kind]
    each = torch.nn.functional.cross_entropy(look.scores, look.places, reduction="none")
    return each, torch.ones_like(each) if weights is None else weights.repeat(len(each) // max(1, len(weights)))


def _dtype(plan: Plan) -> Any:
    import torch

    if plan.dtype != "auto":
        return getattr(torch, plan.dtype)
    return torch.bfloat16 if plan.device == "cuda" else fast_dtype()


def _mean(values: Any, weights: Any) -> Any:
    return (values * weights).sum() / weights.sum().clamp_min(1e-6)


def _stages(fresh: bool, openings: float | None, talk: float | None) -> tuple[Stage, ...]:
    """Return the stages of a first or a later run, with the shares of openings and of talk that were told."""
    stages: tuple[Stage, ...] = STAGES if fresh else REFINING
    if openings is not None:
        stages = tuple(replace(stage, openings=openings) for stage in stages)
    if talk is not None:
        stages = tuple(replace(stage, mix=replace(stage.mix, talk=talk)) for stage in stages)
    return stages


def train(workers: Workers, plan: Plan, out: Path) -> None:
    """Train as one of the processes of a run."""
    level = logging.WARNING if workers.rank else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")
    Run(plan, out, workers).train()


def main(arguments: list[str] | None = None) -> int:
    """Train the embedded planner; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m training.planner", description=__doc__)
    parser.add_argument("--minutes", type=float, default=Plan.minutes, help="wall time of the training itself")
    parser.add_argument("--tokens", type=int, default=Plan.tokens, help="tokens to train on")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--threads", type=int, default=Plan.threads, help="CPU threads of a process")
    parser.add_argument("--device", choices=("cpu", "cuda"), default=Plan.device)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default=Plan.dtype)
    parser.add_argument("--workers", type=int, default=Plan.workers, help="processes that train together")
    parser.add_argument("--pictures", type=int, default=Plan.pictures, help="pictures the chats are about")
    parser.add_argument("--sample", type=int, default=Plan.sample, help="offers the tokeniser is trained on")
    parser.add_argument("--width", type=int, default=Size.width, help="hidden size, a multiple of 64")
    parser.add_argument("--layers", type=int, default=Size.layers)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (default: from nothing)")
    parser.add_argument("--openings", type=float, help="share of chats that end with the planner's first output")
    parser.add_argument("--talk", type=float, help="share of turns that need no skill")
    parser.add_argument("--muon", type=float, default=Plan.muon, help="learning rate of the block matrices")
    parser.add_argument("--adam", type=float, default=Plan.adam, help="learning rate of everything else")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/planner"))
    told = parser.parse_args(arguments)
    plan = Plan(
        tokens=told.tokens,
        minutes=told.minutes,
        seed=told.seed,
        threads=told.threads,
        workers=told.workers,
        pictures=told.pictures,
        sample=told.sample,
        size=Size(width=told.width, layers=told.layers),
        start=told.start,
        stages=_stages(told.start is None, told.openings, told.talk),
        muon=told.muon,
        adam=told.adam,
    )
    together(plan.workers, train, plan, told.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
