"""`handeye train`: each recipe at small size, what moves, what is refused, going on exactly, the result."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from agent import Agent
from agent.cli import main
from agent.saved import store_of
from skills import InputError
from skills.store import Store
from tests import sft_rows
from tests.conftest import ROOT
from training.sft import base, parts
from training.sft.estimate import advice, need, ran_out
from training.sft.progress import Cost, plot
from training.sft.recipe import Embedded, Recipe, read_recipe

SMALL = ["--set", "steps=2", "--set", "workers=0", "--set", "pack=4000", "--set", "accumulate=2", "--set", "rate=1e-3"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Two chats with tools and two without."""
    return sft_rows.mixed(tmp_path / "rows.jsonl", 2)


def trained(recipe: str, rows: Path, checkpoint: Path, out: Path, *more: str) -> int:
    return main(["train", recipe, str(rows), "--model", str(checkpoint), "--out", str(out), *SMALL, *more])


def changed(before: Path, after: Path) -> set[str]:
    """Return the parts whose weights differ between two checkpoints."""
    old, new = load_file(before / "model.safetensors"), load_file(after / "model.safetensors")
    assert old.keys() == new.keys()
    return {parts.part_of(name) for name in old if not torch.equal(old[name], new[name])}


@pytest.mark.parametrize(
    ("recipe", "moved"),
    [
        ("stage1", {"projector"}),
        ("stage2", {"projector", "language"}),
        ("tool_use", {"projector", "language"}),
        ("reasoning", {"projector", "language"}),
    ],
)
def test_each_recipe_moves_its_parts_and_leaves_a_planner(
    recipe: str, moved: set[str], rows: Path, slots_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if recipe == "reasoning":
        store = Store(store_of(rows))
        sft_rows.write(rows, *(sft_rows.staged_chat(store, number) for number in range(3)), sft_rows.plain_chat(store))
    out = tmp_path / "out"
    assert trained(recipe, rows, slots_checkpoint, out) == 0
    assert changed(slots_checkpoint, out) == moved
    assert (out / "handeye.json").read_text() == json.dumps({"dialect": "slots/2", "max_length": 8192}, indent=2) + "\n"
    assert (out / "adapter" / "adapter_model.safetensors").is_file() == (recipe == "tool_use")
    answer = Agent(str(out)).ask("blur every face", images=[sft_rows.picture().image])
    assert answer.turn.stop_reason
    said = capsys.readouterr().err
    assert ("4 rows read, 3 trained on, 1 refused" if recipe == "reasoning" else "4 trained on, 0 refused") in said
    assert "parameters move: " in said
    assert "memory, about: " in said
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [1, 2]
    assert log[1]["loss"] < log[0]["loss"]
    assert (out / "loss.svg").read_text().startswith("<svg")
    assert not list(out.glob(".*"))


def test_fsdp_shards_the_layers_of_the_language_model(chat_checkpoint: Path) -> None:
    assert parts.layers(base.load_model(str(chat_checkpoint))) == ["LlamaDecoderLayer"]


def test_adapters_are_below_the_language_model_alone(chat_checkpoint: Path) -> None:
    recipe = read_recipe("tool_use")
    assert isinstance(recipe, Recipe)
    model = parts.choose(base.load_model(str(chat_checkpoint)), recipe)
    names = set(parts.moving(model))
    adapters = {name for name in names if "lora_" in name}
    assert len(adapters) == 2 * 2 * 7
    assert all(".language_model.layers." in name for name in adapters)
    assert {parts.part_of(name) for name in names - adapters} == {"projector"}
    assert parts.told(model).endswith("parameters move: projector 2,112, adapters 69,632")


def test_the_merged_model_says_what_base_and_adapter_say(rows: Path, chat_checkpoint: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    out = tmp_path / "out"
    trained("tool_use", rows, chat_checkpoint, out, "--set", "moves=[language]")
    ids = torch.arange(5, 40)[None]
    adapted: Any = PeftModel.from_pretrained(base.load_model(str(chat_checkpoint)), str(out / "adapter"))
    with torch.no_grad():
        merged, apart = base.load_model(str(out)).eval()(ids).logits, adapted.eval()(ids).logits
        before = base.load_model(str(chat_checkpoint)).eval()(ids).logits
    torch.testing.assert_close(merged, apart, atol=1e-5, rtol=1e-4)
    assert (merged - before).abs().max() > 1e-3


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    rows: Path, chat_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained("stage1", rows, chat_checkpoint, tmp_path / "out", "--dry-run") == 0
    assert not (tmp_path / "out").exists()
    assert "parameters move: projector 2,112" in capsys.readouterr().err
    assert main(["train", "embedded", "--out", "runs/x", "--dry-run", "--set", "tokens=5"]) == 0
    assert capsys.readouterr().out == (
        "python -m training.planner --tokens 5 --minutes 600.0 --seed 0 --threads 1 --workers 2 --pictures 3000 "
        "--sample 4000 --device cpu "
        "--dtype auto --width 256 --layers 4 --muon 0.02 --adam 0.003 --out runs/x\n"
    )


def test_refused_rows_are_reported_before_the_first_step(
    rows: Path, chat_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = [sft_rows.plain_chat(Store(), number) for number in range(5, 10)]
    with rows.open("a") as file:
        file.writelines(f"{trace.to_json()}\n" for trace in lost)
    out = tmp_path / "out"
    assert trained("stage1", rows, chat_checkpoint, out) == 0
    said = capsys.readouterr().err
    assert "9 rows read, 4 trained on, 5 refused\n  rows.jsonl:5 (plain-5): picture 'img_1' cannot be read" in said
    assert f"  and 2 more; {out / 'refused.jsonl'} names all" in said
    assert len((out / "refused.jsonl").read_text().splitlines()) == 5
    sft_rows.write(rows, *lost)
    assert trained("stage1", rows, chat_checkpoint, tmp_path / "other") == 2
    told = "the data hold no row that can be trained on; the first, rows.jsonl:1 (plain-5): picture 'img_1' cannot"
    assert told in capsys.readouterr().err
    assert not (tmp_path / "other" / "checkpoints").exists()


EXACT = [
    *("--set", "steps=4", "--set", "workers=2", "--set", "dropout=0.3", "--set", "save_every=1"),
    *("--set", "accumulate=3", "--set", "pack=400"),
]

KILLED = """
import os, signal, sys
from agent.cli import main
from training.sft.run import Run
step = Run._micro_step
def killed(self, batch, scale):
    found = step(self, batch, scale)
    if self.step == 2 and (seen := getattr(self, "seen", 0) + 1) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    self.seen = seen if self.step == 2 else 0
    return found
Run._micro_step = killed
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_run_killed_inside_a_window_goes_on_bit_for_bit(
    rows: Path, slots_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL after the second of a step's three packs, dropout on, two loader workers."""
    torch.multiprocessing.set_sharing_strategy("file_system")  # the other one opens sockets
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert trained("tool_use", rows, slots_checkpoint, whole, *EXACT) == 0
    argv = ["train", "tool_use", str(rows), "--model", str(slots_checkpoint), "--out", str(killed), *SMALL, *EXACT]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    run = subprocess.run(
        [sys.executable, "-c", KILLED, *argv], cwd=ROOT, env=environment, capture_output=True, timeout=90
    )
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    assert [path.name for path in sorted((killed / "checkpoints").iterdir())] == ["step-000001", "step-000002"]
    assert main(argv) == 2
    assert "holds a run already; add --resume to go on, or name another --out" in capsys.readouterr().err
    assert main([*argv, "--resume", "--set", "rate=0.5"]) == 2
    assert "began with recipe.rate 0.001, now it is 0.5; go on as it began" in capsys.readouterr().err
    assert main([*argv, "--resume", "--set", "workers=1"]) == 0
    for file in ("model.safetensors", "adapter/adapter_model.safetensors"):
        once, again = load_file(whole / file), load_file(killed / file)
        assert all(torch.equal(once[name], again[name]) for name in once)
    assert [path.name for path in sorted((killed / "checkpoints").iterdir())] == ["step-000003", "step-000004"]

    def losses(out: Path) -> list[float]:
        return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]

    assert len(losses(whole)) == 4
    assert losses(whole) == losses(killed)


def test_dropout_is_drawn_from_the_seed(rows: Path, chat_checkpoint: Path, tmp_path: Path) -> None:
    """Else the exact resume above would prove nothing about random states."""
    store = Store(store_of(rows))
    sft_rows.write(rows, sft_rows.plain_chat(store, 1), sft_rows.plain_chat(store, 2))
    for name, more in (("a", []), ("b", ["--set", "seed=1"]), ("c", ["--set", "dropout=0.0"])):
        trained("stage2", rows, chat_checkpoint, tmp_path / name, "--set", "steps=1", "--set", "dropout=0.3", *more)
    losses = {json.loads((tmp_path / name / "log.jsonl").read_text())["loss"] for name in "abc"}
    assert len(losses) == 3


def test_running_out_of_memory_is_advice(
    rows: Path,
    chat_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("training.sft.run.loss_of", full)
    assert trained("stage1", rows, chat_checkpoint, tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "out of memory in step 1 on " in said
    assert "in this order, --set pack=2000 with accumulate=4; checkpointing=true; lora.rank=16" in said
    assert ran_out(MemoryError())
    assert not ran_out(RuntimeError("shapes differ"))
    assert "batch=2 with accumulate=2" in advice(Recipe(moves=("projector",)), 1, 10, 1)


def test_the_estimate_counts_what_moves(chat_checkpoint: Path) -> None:
    recipe = Recipe(moves=("projector",))
    model = parts.choose(base.load_model(str(chat_checkpoint)), recipe)
    found = need(model, recipe, tokens=100, supervised=10, half=False)
    assert found.weights == 4 * sum(p.numel() for p in model.parameters())
    assert (found.gradients, found.optimiser) == (4 * 2112, 8 * 2112)
    assert found.activations == 100 * 32 * 2 * 34 * 2
    again = need(model, recipe.model_copy(update={"checkpointing": True}), tokens=100, supervised=10, half=False)
    assert again.activations < found.activations / 10
    assert str(found).startswith("memory, about: ")


def test_the_share_of_the_peak_is_told_where_the_peak_is() -> None:
    assert Cost(parameters=10**9, passes=6, peak=600e12).share(50_000) == pytest.approx(0.5)
    assert Cost(parameters=10**9, passes=4, peak=None).share(50_000) is None
    assert plot([(1, 3.0), (2, 2.0), (3, 2.5)]).count(",") >= 3
    assert "no step yet" in plot([])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("accumulat=2", "no key is named 'accumulat'; did you mean 'accumulate'?"),
        ("lora.rnk=2", "no key is named 'lora.rnk'; did you mean 'rank'?"),
        ("lora.rank=0", "lora.rank: Input should be greater than or equal to 1, not 0"),
        ("moves=[projector]", "lora is set but `moves` leaves out 'language'; add it, or set lora to null"),
        ("length=9000", "a sample of 9000 tokens does not fit a pack of 8192; raise `pack`"),
        ("rate", "--set 'rate' is no change; expected key=value, e.g. --set rate=1e-4"),
    ],
)
def test_a_change_that_does_not_fit_is_named(change: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        read_recipe("tool_use", [change])
    assert complaint in str(caught.value)


def test_recipes_are_read_by_name_and_by_file(tmp_path: Path) -> None:
    changed = read_recipe("tool_use", ["rate=5e-6", "lora.rank=4", "checkpointing=false"])
    assert isinstance(changed, Recipe)
    assert changed.lora is not None
    assert (changed.rate, changed.lora.rank, changed.checkpointing) == (5e-6, 4, False)
    assert isinstance(read_recipe("embedded"), Embedded)
    whole = read_recipe("tool_use", ["lora=null"])
    assert isinstance(whole, Recipe)
    assert whole.lora is None
    with pytest.raises(InputError, match=r"no recipe 'tooluse'; did you mean 'tool_use'\?"):
        read_recipe("tooluse")
    own = tmp_path / "own.yaml"
    own.write_text("moves: [projector]\nstage: 1\n")
    with pytest.raises(InputError, match=r"no key is named 'stage'; did you mean 'stages'\?"):
        read_recipe(str(own))
    own.write_text("- a\n")
    with pytest.raises(InputError, match=r"holds no keys; see training/sft/recipe\.py"):
        read_recipe(str(own))


def test_what_the_command_cannot_use_is_said(rows: Path, chat_checkpoint: Path, tmp_path: Path) -> None:
    from training.train import main as train

    out = ["--out", str(tmp_path / "out")]
    with pytest.raises(InputError, match=r"^--model CHECKPOINT is missing; `handeye train --help` shows the usage$"):
        train(["stage1", str(rows), *out])
    with pytest.raises(InputError, match=r"^no file at 'gone\.jsonl'; give a \.jsonl file of Traces$"):
        train(["stage1", "gone.jsonl", "--model", str(chat_checkpoint), *out])
    with pytest.raises(InputError, match=r"^checkpoint '.*rows\.jsonl' cannot be loaded: "):
        train(["stage1", str(rows), "--model", str(rows), *out])
    with pytest.raises(InputError, match=r"holds no checkpoint to go on from; leave out --resume$"):
        train(["stage1", str(rows), "--model", str(chat_checkpoint), *out, *SMALL, "--resume"])
    with pytest.raises(InputError, match=r"'embedded' draws its data itself"):
        train(["embedded", str(rows), *out])
    with pytest.raises(InputError, match=r"no layer below the language model is named query; name others as"):
        train(["tool_use", str(rows), "--model", str(chat_checkpoint), *out, *SMALL, "--set", "lora.targets=[query]"])
