"""Tokens a second, memory and MFU of `handeye train` on LLaVA-1.5-7B's architecture: python -m benchmarks.llava_7b.

Random weights, simulated chats with 576 tokens a picture, adapters and whole weights in turns. Without a GPU a model a
thousandth of the size is trained instead, to show that the program runs, and "GPU: not measured" is printed. `--peak`
is what the device does at most, in 10^12 operations a second (an H100 or H200: 989 in bfloat16, without sparsity).
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.home import human
from training.sft.fine_tune import Told, fine_tune
from training.sft.progress import LOG
from training.sft.recipe import Lora, Recipe

from .random_llava import SEVEN, Shape, checkpoint
from .sft_tokens import on_gpu, simulated, texts

WARM = 2
"""Steps that are not counted."""


def recipes(steps: int, pack: int, peak: float | None) -> Mapping[str, Recipe]:
    """Return both ways to train: adapters in the language model, and its whole weights."""
    common: dict[str, Any] = {
        "moves": ("projector", "language"), "steps": steps, "pack": pack, "checkpointing": True, "peak_tflops": peak,
    }  # fmt: skip
    return {"LoRA": Recipe(**common, lora=Lora(rank=64, alpha=128)), "full": Recipe(**common)}


def told(name: str, log: Sequence[Mapping[str, Any]]) -> str:
    """Return what the steps of a run did, in a line; the first WARM are left out."""
    rows = log[WARM:]
    seconds = sum(row["seconds"] for row in rows)
    tokens, supervised = (sum(row[key] for row in rows) / seconds for key in ("tokens", "supervised"))
    used = f", MFU {sum(row['mfu'] * row['seconds'] for row in rows) / seconds:.1%}" if "mfu" in rows[0] else ""
    memory = human(max(row["memory"] for row in log))
    return f"{name:<6}{tokens:8.0f} tokens/s{supervised:8.0f} supervised/s, memory {memory}{used} ({len(rows)} steps)"


def main(argv: Sequence[str] | None = None) -> None:
    """Train both ways and print a line of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llava_7b", description=__doc__)
    parser.add_argument("--steps", type=int, default=12, help=f"steps of each, {WARM} of them not counted")
    parser.add_argument("--pack", type=int, default=8192, help="tokens of a pack")
    parser.add_argument("--peak", type=float, help="10^12 operations a second of the device")
    args = parser.parse_args(argv)
    if args.steps <= WARM:
        parser.error(f"--steps {args.steps} leaves none to count; expected more than {WARM}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        file = home / "rows.jsonl"
        simulated(file, 4 * args.steps, 0)
        checkpoint(home / "model", texts([file]), SEVEN if on_gpu() else Shape())
        for name, recipe in recipes(args.steps, args.pack, args.peak).items():
            out = home / name
            fine_tune(recipe, Told((file,), str(home / "model"), out))
            log = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
            print(told(name, log), flush=True)
    if not on_gpu():
        print("GPU: not measured")


if __name__ == "__main__":
    main()
