"""Each recipe that is shipped, run at small size: the parameters it moves, by name, the tokens it trains, decoded."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from agent.cli import main
from agent.saved import store_of
from skills.store import Store
from tests import sft_rows
from training import planner
from training.sft import run
from training.sft.batch import IGNORED
from training.sft.parts import moving
from training.sft.recipe import RECIPES

PROJECTOR = {f"model.multi_modal_projector.linear_{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")}
LINEAR = [f"self_attn.{name}_proj" for name in "qkvo"] + [f"mlp.{name}_proj" for name in ("gate", "up", "down")]
LAYERS = [f"model.language_model.layers.{number}" for number in (0, 1)]
LANGUAGE = {f"{layer}.{name}.weight" for layer in LAYERS for name in LINEAR} | {
    *(f"{layer}.{name}_layernorm.weight" for layer in LAYERS for name in ("input", "post_attention")),
    *("model.language_model.embed_tokens.weight", "model.language_model.norm.weight", "lm_head.weight"),
}
ADAPTERS = {f"{layer}.{name}.lora_{half}.default.weight" for layer in LAYERS for name in LINEAR for half in "AB"}
MOVED = {
    "stage1": PROJECTOR,
    "stage2": PROJECTOR | LANGUAGE,
    "tool_use": PROJECTOR | ADAPTERS,
    "reasoning": PROJECTOR | LANGUAGE,
}

TALK = {"a red car 0<end>"}
CALLS = {
    'find the faces<tool_call>{"name": "find_faces", "arguments": {}}</tool_call><end>',
    '<tool_call>{"name": "blur", "arguments": {"regions": "boxes_1"}}</tool_call><end>',
    "Blurred [boxes_1.count]: [img_2]<end>",
    "You are welcome.<end>",
}
STAGED = {f"<SUMMARY> the car {n} </SUMMARY>" for n in (0, 1)}
TRAINED = {"stage1": TALK, "stage2": TALK, "tool_use": TALK | CALLS}


def test_every_recipe_is_tried_here() -> None:
    assert {path.stem for path in RECIPES.glob("*.yaml")} == {*MOVED, "embedded"}


@pytest.mark.parametrize("recipe", MOVED)
def test_what_moves_and_what_is_trained(
    recipe: str, chat_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, seen = tmp_path / "rows.jsonl", _spied(monkeypatch)
    store = Store(store_of(rows))
    shown = {
        "reasoning": [sft_rows.staged_chat(store, 0), sft_rows.staged_chat(store, 1)],
        "tool_use": [sft_rows.plain_chat(store), sft_rows.tool_chat(store)],
    }
    sft_rows.write(rows, *shown.get(recipe, [sft_rows.plain_chat(store)]))
    out = tmp_path / "out"
    small = [part for change in ("steps=1", "workers=0", "pack=6000") for part in ("--set", change)]
    assert main(["train", recipe, str(rows), "--model", str(chat_checkpoint), "--out", str(out), *small]) == 0
    assert {name.removeprefix("base_model.model.") for name in seen["moved"]} == MOVED[recipe]
    assert seen["moved"] == seen["in_optimiser"]
    words = _words(chat_checkpoint, seen["trained"])
    if recipe == "reasoning":
        assert len(words) == 2
        assert {text.split("\n")[0] for text in words} == STAGED
        assert all(text.endswith("</REASONING>\n\n<CONCLUSION> red </CONCLUSION><end>") for text in words)
    else:
        assert words == TRAINED[recipe]


def _spied(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Record what a run's optimiser has, and the ids of the runs of tokens its losses are of."""
    seen: dict[str, Any] = {"trained": []}
    loss_of, begun = run.loss_of, run.Run.train

    def spied(model: Any, batch: Any) -> Any:
        places, previous = batch.keep.tolist(), None
        for place, label in zip(places, batch.labels[0].tolist(), strict=True):
            if label == IGNORED:
                continue
            if previous is None or place != previous + 1:
                seen["trained"].append([])
            seen["trained"][-1].append(label)
            previous = place
        return loss_of(model, batch)

    def begin(self: Any) -> None:
        named = moving(self.model)
        held = {id(p) for group in self.optimiser.param_groups for p in group["params"]}
        seen["moved"] = set(named)
        seen["in_optimiser"] = {name for name, p in self.model.named_parameters() if id(p) in held}
        begun(self)

    monkeypatch.setattr(run, "loss_of", spied)
    monkeypatch.setattr(run.Run, "train", begin)
    return seen


def _words(checkpoint: Path, runs: list[list[int]]) -> set[str]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    return {tokenizer.decode(ids) for ids in runs}


STILL = {
    *(f"model.vision_tower.post_layernorm.{kind}" for kind in ("weight", "bias")),  # LLaVA reads what lies before it
    *(f"model.language_model.layers.{number}.self_attn.o_proj.bias" for number in range(4)),  # zeros, and left out
}
"""What the embedded recipe leaves as it was."""


@pytest.mark.slow
def test_the_embedded_recipe_moves_everything_and_trains_what_the_planner_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still: list[str] = []
    trained: list[str] = []
    train, sampled = planner.Run.train, planner.Run._sampled

    def begin(self: Any) -> None:
        before = {name: value.detach().clone() for name, value in self.model.named_parameters()}
        train(self)
        still.extend(name for name, value in self.model.named_parameters() if torch.equal(value, before[name]))

    def spied(self: Any, hidden: Any, ids: Any, targets: Any, real: Any) -> Any:
        for row, told in zip(ids.tolist(), targets.tolist(), strict=True):
            trained.append(self.tokenizer.decode([token for token, mine in zip(row, told, strict=True) if mine]))
        return sampled(self, hidden, ids, targets, real)

    monkeypatch.setattr(planner.Run, "train", begin)
    monkeypatch.setattr(planner.Run, "_sampled", spied)
    monkeypatch.setattr(logging, "basicConfig", lambda **kwargs: None)
    out = tmp_path / "out"
    small = ("tokens=1500", "width=64", "workers=1", "pictures=4", "sample=20", "dtype=float32")
    assert main(["train", "embedded", "--out", str(out), *(part for one in small for part in ("--set", one))]) == 0
    assert (out / "model.safetensors").is_file()
    assert set(still) == STILL
    written = [text.strip() for text in trained if text.strip()]
    assert written
    assert all(text.startswith(("<call>", "<say>", "<think>")) for text in written), written[:3]
    assert all(text.endswith("<end>") for text in written)
