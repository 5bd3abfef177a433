"""Training with an offer read once for all its chats, against once for each: `python -m benchmarks.shared_offer`.

Both ways take the forward and backward passes of the same chats in the same process, in turns; the attention losses
are asserted equal. Prints the ratio of the medians.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from training.data import STAGES
from training.encode import Group, collate
from training.forward import Reader
from training.planner import Plan, Run

ROUNDS = 5
"""Times each way is taken."""


def passes(run: Run, groups: Sequence[Group]) -> tuple[float, float]:
    """Return (seconds of the passes, the mean attention loss over all copied tokens)."""
    torch.manual_seed(0)
    run.model.zero_grad(set_to_none=True)
    begun, total, count = time.perf_counter(), 0.0, 0.0
    for group in groups:
        losses = run.losses(Reader(run.model, torch.float32), group)
        looks = losses["copy"]
        run.total(losses).backward()
        copied = [chats.ids[chats.pairs[:, 0], chats.pairs[:, 1] + 1] for chats in group.chunks]
        weight = sum(float(run.weights(tokens).sum()) for tokens in copied)
        total, count = total + float(looks.detach()) * weight, count + weight
    return time.perf_counter() - begun, total / count


def main() -> None:
    """Print the ratio."""
    with TemporaryDirectory() as folder:
        run = Run(Plan(sample=200, pictures=32), Path(folder))
        offer, lines, examples = run.source.drawn(STAGES[-1])
        pad = run.tokenizer.pad_token_id
        ways = {
            "once": [collate(offer, lines, examples, pad)],
            "each": [collate(offer, lines, [e], pad) for e in examples if e.copies],
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        losses: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, groups in ways.items():
                took, losses[name] = passes(run, groups)
                seconds[name].append(took)
    assert abs(losses["once"] - losses["each"]) < 1e-3, losses
    ratio = median(seconds["each"]) / median(seconds["once"])
    print(f"{len(examples)} chats, an offer of {len(offer)} tokens: read once, {ratio:.1f} x faster than for each chat")


if __name__ == "__main__":
    main()
