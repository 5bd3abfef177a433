"""Measures a planner on simulated chats whose phrasings were kept out of its training.

`python -m training.measure CHECKPOINT`. What greedy decoding would write is read off one forward pass: a call is exact
where every token behind `<call>` is the most likely one after those before it.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tool_data.material import Material
from tool_data.pictures import pool as draw_pool

from .copies import Vocabulary
from .data import Source, Stage, pixels
from .encode import Chats, Encoder
from .forward import Reader
from .memory import keep_memory
from .tokenizer import Cached

FULL = Stage(share=1.0, least=1, most=24, full=1.0, groups=1, tokens=4000, openings=0.0)
"""Rows under the offer that serving shows."""

VARIED = Stage(share=1.0, least=4, most=24, full=0.0, groups=1, tokens=4000, openings=0.0)
"""Rows under drawn offers: renamed and made-up skills, random slots."""


@dataclass(frozen=True)
class Output:
    """One thing a planner wrote in a measured row."""

    chat: int
    """Its chat."""
    begin: int
    """Its first token."""
    end: int
    """One past its last."""


def outputs(chats: Chats) -> Iterator[Output]:
    """Yield the planner's outputs: each run of target tokens."""
    for chat, targets in enumerate(chats.targets.tolist()):
        begin = None
        for at, mine in enumerate([*targets, False]):
            if mine and begin is None:
                begin = at
            elif not mine and begin is not None:
                yield Output(chat, begin, at)
                begin = None


class Score:
    """Counts what came out right."""

    def __init__(self, tokenizer: Any) -> None:
        """Start at zero."""
        self._call, self._say = (tokenizer.convert_tokens_to_ids(name) for name in ("<call>", "<say>"))
        self._references = Vocabulary.of(tokenizer).references
        self.right: Counter[str] = Counter()
        self.all: Counter[str] = Counter()

    def add(self, told: Sequence[int], likely: Sequence[int], slot: str) -> None:
        """Count one output: its tokens, the most likely ones, the name of the skill it calls (or "")."""
        acts = told[0] != self._say
        self._count("acts or answers", (likely[0] != self._say) == acts)
        if not acts:
            cited = [i for i, token in enumerate(told) if token in self._references]
            if cited:
                self._count("citations", all(told[i] == likely[i] for i in cited))
            return
        at = told.index(self._call)
        chosen = likely[at + 1] == told[at + 1]
        exact = all(a == b for a, b in zip(told[at + 1 :], likely[at + 1 :], strict=True))
        for name in ("tool", f"tool {slot}"):
            self._count(name, chosen)
        for name in ("exact call", f"exact call {slot}"):
            self._count(name, exact)

    def _count(self, name: str, right: bool) -> None:
        self.all[name] += 1
        self.right[name] += right

    def shares(self) -> dict[str, tuple[float, int]]:
        """Return name -> (share right, how many)."""
        return {name: (round(self.right[name] / count, 3), count) for name, count in sorted(self.all.items())}


def measure(
    model: Any, source: Source, table: dict[str, Any], tokenizer: Any, stage: Stage, groups: int
) -> dict[str, Any]:
    """Return the shares of right choices over `groups` groups of `stage`."""
    import torch

    score = Score(tokenizer)
    model.eval()
    names = [skill.name for skill in source.generator.material.skills]
    for _ in range(groups):
        with torch.no_grad():
            group = source.group(stage, tokenizer.pad_token_id)
            reader = Reader(model, torch.float32)
            offer = reader.offer(group)
            for chats in group.chunks:
                likely = model.lm_head(reader.chats(offer, chats, table).hidden).argmax(-1)
                for item in outputs(chats):
                    told = chats.ids[item.chat, item.begin : item.end].tolist()
                    guess = likely[item.chat, item.begin - 1 : item.end - 1].tolist()
                    score.add(told, guess, _called(told, tokenizer, names) if stage.full == 1 else "")
    return score.shares()


def _called(told: Sequence[int], tokenizer: Any, names: Sequence[str]) -> str:
    slots = [t for t in tokenizer.convert_ids_to_tokens(list(told)) if t.startswith("<s") and t[2:-1].isdigit()]
    number = int(slots[0][2:-1]) if slots else -1
    return names[number] if 0 <= number < len(names) else "added"


def load(checkpoint: Path) -> tuple[Any, Any]:
    """Return (model in float32, processor) of a checkpoint."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32)
    return model, AutoProcessor.from_pretrained(checkpoint)  # type: ignore[no-untyped-call]


def main(arguments: list[str] | None = None) -> int:
    """Measure a checkpoint and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m training.measure", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--groups", type=int, default=12, help="offers drawn, each with 4,000 tokens of chats")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seen", action="store_true", help="draw phrasings that were trained on instead")
    told = parser.parse_args(arguments)
    keep_memory()
    model, processor = load(told.checkpoint)
    tokenizer = processor.tokenizer
    pool = draw_pool(160, told.seed + 1000)
    table = pixels(pool.pictures, processor.image_processor)
    material = Material.load(held_back=not told.seen)
    found = {}
    for name, stage in (("full offer", FULL), ("varied offers", VARIED)):
        encoder = Encoder(Cached(tokenizer), model.config.image_seq_length)
        source = Source(material, pool, encoder, told.seed)
        found[name] = measure(model, source, table, tokenizer, stage, told.groups)
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
