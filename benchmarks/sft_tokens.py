"""Tokens a second of `handeye train` over TRL's SFTTrainer: python -m benchmarks.sft_tokens [--rows N] [--data FILE].

Both train the same random LLaVA (576 tokens a picture; projector and language model move) on the same chats, simulated
ones or rows spread over a file of `handeye data make --run`, for one epoch, in turns within one run: ours packed, TRL's
in padded batches (it packs no pictures) of rows that `handeye data export trl` wrote, with assistant-only loss and our
template, which holds offer and calls. TRL reads a chat in every step, ours once before the first step: that time is
told apart. `--batch 1` gives TRL a chat at a time, neither padded nor masked, four of them a step. The model is small,
so that the share of the output layer, which ours computes for trained tokens alone, is larger than in a model of
billions.
"""

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.messages import family_template
from agent.saved import store_of
from agent.trace import Trace, Turn
from skills.store import Store
from tool_data.exporting import main as export
from tool_data.make import PICTURES, drawn
from tool_data.pictures import pool
from training.sft import base, parts
from training.sft.fine_tune import Told, fine_tune
from training.sft.progress import LOG
from training.sft.recipe import Recipe
from training.sft.rows import Encoder, read_rows

from .random_llava import Shape, checkpoint

STEP = 4
"""Chats of a step of TRL's."""


@dataclass(frozen=True)
class Speed:
    """What one of the two did."""

    tokens: int = 0
    """Tokens read, padding not counted."""
    supervised: int = 0
    """Tokens trained."""
    seconds: float = 0.0
    """Time of the steps."""
    encoding: float = 0.0
    """Time spent on encoding before the first step."""

    def __add__(self, other: "Speed") -> "Speed":
        """Return both together."""
        return Speed(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))

    def told(self, name: str) -> str:
        """Return it in a line."""
        return (
            f"{name:<8}{self.tokens / self.seconds:8.0f} tokens/s{self.supervised / self.seconds:7.0f} supervised/s "
            f"({self.tokens} tokens, {self.supervised} supervised, {self.seconds:.1f} s + {self.encoding:.1f} s before)"
        )


def some(data: Path, path: Path, count: int, number: int, rounds: int) -> None:
    """Write the rows of one of some rounds, spread evenly over a file of Traces, and export them for TRL."""
    rows = data.read_text(encoding="utf-8").splitlines()
    apart = len(rows) // (count * rounds)
    store_of(path).symlink_to(store_of(data).resolve())
    _written([Trace.from_json(row) for row in rows[number * apart :: apart * rounds][:count]], path)


def simulated(path: Path, count: int, seed: int) -> None:
    """Write simulated chats whose every picture has one of the pool's as its payload, and export them for TRL."""
    pictures = pool(PICTURES, seed).pictures
    store, digests = Store(store_of(path)), sorted(pictures)
    for digest, picture in pictures.items():
        png = io.BytesIO()
        picture.save(png, format="PNG", compress_level=1)
        store.keep(digest, png.getvalue())
    rows = []
    for number, row in enumerate(drawn(count, seed, 0.5)):
        trace = Trace.from_json(row)
        records = {
            name: record.model_copy(update={"sha256": digests[(number + at) % len(digests)]})
            if record.kind == "picture"
            else record
            for at, (name, record) in enumerate(trace.artifacts.items())
        }
        rows.append(trace.model_copy(update={"artifacts": records}))
    _written(rows, path)


def _written(rows: Sequence[Trace], path: Path) -> None:
    """Write rows and export them for TRL; both train the answers as the user read them, for TRL rows cite nothing."""
    spelled = [row.model_copy(update={"turns": tuple(_spelled(turn) for turn in row.turns)}) for row in rows]
    path.write_text("".join(f"{row.to_json()}\n" for row in spelled), encoding="utf-8")
    export(["trl", str(path), str(path.with_suffix(".trl.jsonl"))])


def _spelled(turn: Turn) -> Turn:
    """Return a turn whose planner wrote out what it cited."""
    *steps, last = turn.steps
    output = last.output.model_copy(update={"answer": turn.answer})
    return turn.model_copy(update={"steps": (*steps, last.model_copy(update={"output": output}))})


def texts(files: Sequence[Path]) -> Iterator[str]:
    """Yield the texts of exported chats, offers among them."""
    for file in files:
        for line in file.with_suffix(".trl.jsonl").read_text(encoding="utf-8").splitlines():
            yield from (p["text"] for m in json.loads(line)["messages"] for p in m["content"] or () if p.get("text"))


def ours(where: str, file: Path, recipe: Recipe, out: Path) -> Speed:
    """Train on a file's chats as `handeye train` does."""
    loaded = base.load(where, recipe)
    began = time.perf_counter()
    rows = read_rows([file], Encoder(loaded.rendering, recipe.pack))
    encoding = time.perf_counter() - began
    if rows.refused:
        raise RuntimeError("{}: {}".format(*rows.refused[0]))
    fine_tune(recipe, Told((file,), where, out))
    log = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
    tokens, supervised, seconds = (sum(row[key] for row in log) for key in ("tokens", "supervised", "seconds"))
    return Speed(tokens, supervised, seconds, encoding)


def theirs(where: str, file: Path, recipe: Recipe, out: Path) -> Speed:
    """Train on the same chats with TRL."""
    from transformers import AutoProcessor
    from trl import SFTConfig, SFTTrainer

    model = parts.choose(base.load_model(where), recipe)
    processor: Any = AutoProcessor.from_pretrained(where)
    processor.chat_template = processor.tokenizer.chat_template = family_template("vicuna")
    config = SFTConfig(
        output_dir=str(out),
        per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=STEP // recipe.batch,
        num_train_epochs=1,
        learning_rate=recipe.rate,
        assistant_only_loss=True,
        max_length=None,
        gradient_checkpointing=False,
        bf16=on_gpu(),
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_steps=10**6,
    )
    trainer = SFTTrainer(model=model, args=config, train_dataset=_table(file), processing_class=processor)
    collate, seen = trainer.data_collator, [0, 0]

    def counted(examples: Any) -> Any:
        batch = collate(examples)
        seen[0] += int(batch["attention_mask"].sum())
        seen[1] += int((batch["labels"] != -100).sum())
        return batch

    trainer.data_collator = counted
    began = time.perf_counter()
    trainer.train()
    return Speed(*seen, time.perf_counter() - began)


def _table(file: Path) -> Any:
    """Return a file's chats as TRL reads them."""
    from datasets import Dataset, Image, List

    lines = file.with_suffix(".trl.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    table = [row | {"images": [str(store_of(file) / name) for name in row["images"]]} for row in rows]
    return Dataset.from_list(table).cast_column("images", List(Image()))


def on_gpu() -> bool:
    """Return whether there is a GPU."""
    import torch

    return torch.cuda.is_available()


def main(argv: Sequence[str] | None = None) -> None:
    """Print the speed of both and their ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sft_tokens", description=__doc__)
    parser.add_argument("--rows", type=int, default=8, help="chats of a round")
    parser.add_argument("--rounds", type=int, default=1, help="times both train, in turns, after one to warm up")
    parser.add_argument("--data", type=Path, help="file of `handeye data make --run` (default: simulated chats)")
    parser.add_argument("--width", type=int, default=128, help="hidden size of the language model")
    parser.add_argument("--layers", type=int, default=2, help="its layers")
    parser.add_argument("--pack", type=int, default=16384, help="tokens of a pack of ours")
    parser.add_argument("--batch", type=int, choices=(1, 2, 4), default=4, help="chats TRL pads to a batch")
    told = parser.parse_args(argv)
    recipe = Recipe(moves=("projector", "language"), pack=told.pack, batch=told.batch, rate=1e-4, workers=0)
    speeds = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = [home / f"rows-{number}.jsonl" for number in range(told.rounds + 1)]
        for number, file in enumerate(files):
            if told.data is None:
                simulated(file, told.rows if number else 1, number)
            else:
                some(told.data, file, told.rows if number else 1, number, len(files))
        checkpoint(home / "model", texts(files), Shape(width=told.width, layers=told.layers, heads=told.width // 32))
        for number, file in enumerate(files):
            mine = ours(str(home / "model"), file, recipe, home / f"ours-{number}")
            its = theirs(str(home / "model"), file, recipe, home / f"trl-{number}")
            print(f"round {number}: {mine.told('ours')} {its.told('TRL')}", file=sys.stderr)
            speeds.append((mine, its))
    mine, its = (sum(of_one, Speed()) for of_one in zip(*speeds[1:], strict=True))
    print(f"{mine.told('handeye')}\n{its.told('TRL')}")
    for name, count in (("tokens/s", "tokens"), ("supervised tokens/s", "supervised")):
        done, other = getattr(mine, count), getattr(its, count) / its.seconds
        print(f"{name}: {done / mine.seconds / other:.2f} x TRL's; with our encoding counted "
              f"{done / (mine.seconds + mine.encoding) / other:.2f} x")  # fmt: skip
    if not on_gpu():
        print("GPU: not measured")


if __name__ == "__main__":
    main()
