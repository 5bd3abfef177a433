"""Tokens a second of `handeye train` over TRL's SFTTrainer: python -m benchmarks.sft_tokens [--rows N] [--rounds N].

Both train the same random LLaVA (576 tokens a picture; projector and language model move) on the same simulated chats,
in turns within one run: ours packed, TRL's as `handeye data export trl` writes them, with assistant-only loss and a
template that holds offer and calls. TRL reads chats anew in every batch, ours once before the first step: the time of
that is told apart. The model is small, so that the share of its output layer, which ours computes for trained tokens
alone, is larger than in a model of billions.
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.saved import store_of
from agent.trace import Trace
from skills.store import Store
from tool_data.exporting import main as export
from tool_data.formats.tools import tools_of
from tool_data.make import PICTURES, drawn
from tool_data.pictures import pool
from training.sft import attention, base, parts
from training.sft.batch import Samples
from training.sft.plan import Plan
from training.sft.recipe import Recipe
from training.sft.rows import Encoder, Rows, read_rows
from training.sft.run import Run, Work

SIDE, PATCH, VOCABULARY = 336, 14, 4096
"""LLaVA-1.5's picture, and tokens of the text."""

STEP = 4
"""Chats of a step of TRL's."""

OFFER = "You look at pictures and use tools. To call one, write"
"""How the template's line of the offer begins."""


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
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Speed(*(mine + its for mine, its in pairs))

    def told(self, name: str) -> str:
        """Return it in a line."""
        return (
            f"{name:<8} {self.tokens / self.seconds:9.0f} tokens/s {self.supervised / self.seconds:8.0f} supervised/s "
            f"({self.tokens} tokens, {self.supervised} supervised, {self.seconds:.1f} s + {self.encoding:.1f} s before)"
        )


def chats(path: Path, count: int, seed: int) -> None:
    """Write simulated chats whose every picture has one of the pool's as its payload."""
    pictures = pool(PICTURES, seed).pictures
    store, names = Store(store_of(path)), sorted(pictures)
    for digest, picture in pictures.items():
        png = io.BytesIO()
        picture.save(png, format="PNG", compress_level=1)
        store.keep(digest, png.getvalue())
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(drawn(count, seed, 0.5)):
            trace = Trace.from_json(row)
            records = {
                name: record.model_copy(update={"sha256": names[(number + at) % len(names)]})
                if record.kind == "picture"
                else record
                for at, (name, record) in enumerate(trace.artifacts.items())
            }
            file.write(f"{trace.model_copy(update={'artifacts': records}).to_json()}\n")


def checkpoint(folder: Path, texts: Iterator[str], width: int, layers: int) -> None:
    """Save a random LLaVA whose tokeniser is trained on `texts`."""
    import torch
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    from tests.tiny import tokenizer

    words = tokenizer(["<pad>", "<s>", "</s>", "<unk>", "<image>"]).train_new_from_iterator(texts, VOCABULARY)
    words.eos_token = "</s>"
    number = {token: words.convert_tokens_to_ids(token) for token in ("<pad>", "<s>", "</s>", "<image>")}
    torch.manual_seed(0)
    text = LlamaConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=width * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=16384,
        bos_token_id=number["<s>"],
        eos_token_id=number["</s>"],
        pad_token_id=number["<pad>"],
    )
    vision = CLIPVisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
    )
    config = LlavaConfig(text_config=text, vision_config=vision, image_token_id=number["<image>"])
    model = LlavaForConditionalGeneration(config)
    model.generation_config.eos_token_id = number["</s>"]
    model.save_pretrained(folder)
    side = {"height": SIDE, "width": SIDE}
    LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=side, crop_size=side, do_center_crop=False),
        tokenizer=words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)


def ours(where: str, files: Sequence[Path], recipe: Recipe, out: Path) -> Iterator[Speed]:
    """Yield the speed of training on each file, ours."""
    from accelerate import Accelerator

    for file in files:
        began = time.perf_counter()
        loaded = base.load(where, recipe)
        rows = read_rows([file], Encoder(loaded.rendering, recipe.pack))
        assert not rows.refused, rows.refused[0]
        encoded = time.perf_counter()
        run = _run(loaded, rows, recipe, out)
        began_steps = time.perf_counter()
        run.train()
        yield Speed(
            sum(len(sample.ids) for sample in rows.samples),
            sum(sample.supervised for sample in rows.samples),
            time.perf_counter() - began_steps,
            encoded - began,
        )
        Accelerator().free_memory()


def _run(loaded: base.Base, rows: Rows, recipe: Recipe, out: Path) -> Run:
    from accelerate import Accelerator

    assert attention.use(loaded.model)
    plan = Plan([len(sample.ids) for sample in rows.samples], recipe, packed=True)
    samples = Samples(rows.samples, loaded.rendering)
    supervised = [sample.supervised for sample in rows.samples]
    work = Work(parts.choose(loaded.model, recipe), samples, supervised, 0, {})
    run = Run(recipe, plan, work, out, Accelerator())
    run.save = lambda: None  # type: ignore[method-assign]
    return run


def theirs(where: str, files: Sequence[Path], recipe: Recipe, out: Path, batch: int) -> Iterator[Speed]:
    """Yield the speed of training on each file, TRL's, in padded batches of `batch` chats."""
    from transformers import AutoProcessor
    from trl import SFTConfig, SFTTrainer

    for number, file in enumerate(files):
        model = parts.choose(base.load_model(where), recipe)
        processor: Any = AutoProcessor.from_pretrained(where)
        processor.chat_template = processor.tokenizer.chat_template = _template()
        config = SFTConfig(
            output_dir=str(out / f"trl-{number}"),
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=STEP // batch,
            num_train_epochs=1,
            learning_rate=recipe.rate,
            assistant_only_loss=True,
            max_length=None,
            gradient_checkpointing=False,
            bf16=_on_gpu(),
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_steps=10**6,
        )
        trainer = SFTTrainer(model=model, args=config, train_dataset=_table(file), processing_class=processor)
        count = _counted(trainer)
        began = time.perf_counter()
        trainer.train()
        yield replace(count(), seconds=time.perf_counter() - began)


def _template() -> str:
    """Return our template for TRL: the offer as a system message, for its collator passes no tools, and marks."""
    text = (Path(__file__).parent.parent / "agent" / "templates" / "vicuna.jinja").read_text(encoding="utf-8")
    text = text[text.index("{%- for message in messages %}") :].replace("{{ image_token }}", "<image>")
    text = text.replace(
        '{%- if message.role == "tool" %}',
        '{%- if message.role == "system" %}{{ message.content[0].text }}{%- elif message.role == "tool" %}',
    ).replace("{{ message.content }}</tool_response>", "{{ message.content[0].text }}</tool_response>")
    text = text.replace("{{ call.function.arguments | tojson }}", "{{ call.function.arguments }}")
    begin = text.index("{%- if message.content is string %}")
    end = text.index('{{- eos_token if message.role == "assistant" else " " }}')
    said = text[begin:end]
    return (
        f'{text[:begin]}{{%- if message.role == "assistant" %}}{{% generation %}}{said}{{{{- eos_token }}}}'
        f"{{% endgeneration %}}{{%- else %}}{said}{{{{- ' ' }}}}{{%- endif %}}"
        f"{text[end:].partition('}}')[2]}"
    )


def _table(file: Path) -> Any:
    """Return a file of chats as TRL reads them, exported by our own command."""
    from datasets import Dataset, Image, List

    exported = file.with_suffix(".trl.jsonl")
    if not exported.exists():
        export(["trl", str(file), str(exported)])
    store = Store(store_of(file))
    rows = [json.loads(line) for line in exported.read_text(encoding="utf-8").splitlines()]
    offers = [_offer(line) for line in file.read_text(encoding="utf-8").splitlines()]
    table = [
        {
            "messages": [{"role": "system", "content": [{"type": "text", "text": offer}]}, *row["messages"]],
            "images": [{"bytes": store.payload(name), "path": None} for name in row["images"]],
        }
        for row, offer in zip(rows, offers, strict=True)
    ]
    return Dataset.from_list(table).cast_column("images", List(Image()))


def _offer(line: str) -> str:
    """Return the text of a chat's offer as our template writes it."""
    tools = tools_of(Trace.from_json(line))
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    return f"{OFFER} <tool_call>. Tools:\n{listed}\n" if tools else ""


def _counted(trainer: Any) -> Any:
    """Count the tokens of a trainer's batches as it reads them; return what tells them."""
    collate, seen = trainer.data_collator, [0, 0]

    def counted(examples: Any) -> Any:
        batch = collate(examples)
        seen[0] += int(batch["attention_mask"].sum())
        seen[1] += int((batch["labels"] != -100).sum())
        return batch

    trainer.data_collator = counted
    return lambda: Speed(*seen)


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def main(argv: Sequence[str] | None = None) -> None:
    """Print the speed of both and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sft_tokens", description=__doc__)
    parser.add_argument("--rows", type=int, default=8, help="chats of a round")
    parser.add_argument("--rounds", type=int, default=1, help="times both train, in turns")
    parser.add_argument("--batch", type=int, choices=(1, 2, 4), default=4, help="chats TRL pads to one batch")
    parser.add_argument("--width", type=int, default=128, help="hidden size of the language model")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--pack", type=int, default=16384, help="tokens of a pack")
    told = parser.parse_args(argv)
    recipe = Recipe(moves=("projector", "language"), pack=told.pack, rate=1e-4, workers=0)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = [home / f"rows-{number}.jsonl" for number in range(told.rounds + 1)]
        for number, file in enumerate(files):
            chats(file, told.rows if number else 2, number)
        lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines())
        checkpoint(home / "model", (text for line in lines for text in (line, _offer(line))), told.width, told.layers)
        where, pairs = str(home / "model"), []
        their_speeds = theirs(where, files, recipe, home, told.batch)
        for pair in zip(ours(where, files, recipe, home), their_speeds, strict=True):
            pairs.append(pair)
    mine, its = (sum(speeds[1:], Speed()) for speeds in zip(*pairs, strict=True))  # the first warms both up
    print(f"{mine.told('handeye')}\n{its.told('TRL')}")
    for name, count in (("tokens/s", "tokens"), ("supervised tokens/s", "supervised")):
        ratio = getattr(mine, count) / mine.seconds / (getattr(its, count) / its.seconds)
        whole = getattr(mine, count) / (mine.seconds + mine.encoding) / (getattr(its, count) / its.seconds)
        print(f"{name}: {ratio:.2f} x TRL, {whole:.2f} x with our encoding counted")
    if not _on_gpu():
        print("GPU: not measured")


if __name__ == "__main__":
    main()
