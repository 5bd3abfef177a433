"""`handeye train` where something is wrong: rows, models, losses that are no numbers, runs that were killed early."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from agent.planners.llava import load_planner
from agent.rendering import readable
from agent.saved import store_of
from agent.trace import Origin, PlannerOutput, Trace
from skills import InputError
from skills.store import Store
from tests import sft_rows
from tests.test_training_train import trained
from training.sft.recipe import read_recipe
from training.sft.rows import Encoder, Place, read_rows

ONE_BY_ONE = ("--set", "steps=3", "--set", "save_every=1", "--set", "accumulate=1")


def _train(recipe: str, rows: Path, checkpoint: Path, out: Path, *more: str) -> int:
    return trained(recipe, rows, checkpoint, out, *ONE_BY_ONE, *more)


def _offering(trace: Trace, tool: Any) -> Trace:
    """Return a chat with an added tool on offer."""
    origin = Origin(format="trl", row="a", extra={"tools": {"lift": tool}})
    return trace.model_copy(update={"meta": trace.meta.model_copy(update={"offer": ("lift",), "origin": origin})})


def _tool(properties: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": "lift", "description": "x", "parameters": {"properties": properties}},
    }


@pytest.mark.parametrize("tool", ["x", {"function": None}, {"function": {}}, _tool(None), _tool([1])])
def test_an_odd_offer_is_refused_or_read_and_never_ends_the_run(
    tool: Any, slots_checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    plain = sft_rows.plain_chat(Store(store_of(path)))
    sft_rows.write(path, _offering(plain, tool), plain)
    rows = read_rows([path], Encoder(load_planner(str(slots_checkpoint)).rendering, 8192))
    assert [sample.row for sample in rows.samples][-1] == "plain-0"
    assert len(rows.samples) + len(rows.refused) == 2
    for name, why in rows.refused:
        assert name == "rows.jsonl:1 (plain-0)"
        assert "'lift'" in why
        assert "; expected " in why


def test_a_picture_without_a_record_is_refused(chat_checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    plain = sft_rows.plain_chat(Store(store_of(path)))
    turn = plain.turn.model_copy(update={"images": ("img_1", "img_9")})
    sft_rows.write(path, plain.model_copy(update={"turns": (turn,)}))
    rows = read_rows([path], Encoder(load_planner(str(chat_checkpoint)).rendering, 8192))
    expected = "a request shows 'img_9', of which the row has no record; add it to `artifacts`"
    assert rows.refused == [("rows.jsonl:1 (plain-0)", expected)]


@pytest.mark.parametrize(
    "properties",
    [{"<end>": {}}, {"a": {"type": "<end>"}}, {"a": {"format": "<s>"}}, {"<image>": {}}, {"\ue0020\ue003": {}}],
)
def test_a_schema_writes_no_control_token(properties: Any, chat_checkpoint: Path, tmp_path: Path) -> None:
    encoder = Encoder(load_planner(str(chat_checkpoint)).rendering, 8192)
    store, place = Store(tmp_path / "s"), Place(tmp_path / "s", tmp_path)
    plain = sft_rows.plain_chat(store)

    def marks(tool: Any) -> list[int]:
        ids = encoder.sample(_offering(plain, tool), place).ids.tolist()
        return [ids.count(token) for token in range(5)]

    assert marks(_tool(properties)) == marks(_tool({"a": {}}))


@pytest.mark.parametrize("answer", [None, " "])
def test_an_answer_in_stages_has_a_conclusion(answer: str | None, chat_checkpoint: Path, tmp_path: Path) -> None:
    staged = sft_rows.staged_chat(Store(tmp_path / "s"))
    encoder = Encoder(load_planner(str(chat_checkpoint)).rendering, 8192, stages=True)
    place = Place(tmp_path / "s", tmp_path)
    assert encoder.sample(staged, place).supervised
    thought = staged.turn.steps[0].output.thought
    for told in (
        PlannerOutput(thought=thought, answer=answer),
        PlannerOutput(thought=thought.replace("the car 0", " ", 1), answer="red"),
        PlannerOutput(thought=thought.replace("<SUMMARY>", "<SUMMARY> a </SUMMARY><SUMMARY>"), answer="red"),
    ):
        step = staged.turn.steps[0].model_copy(update={"output": told})
        turn = staged.turn.model_copy(update={"steps": (step,)})
        with pytest.raises(ValueError, match="has not the four stages of LLaVA-o1"):
            encoder.sample(staged.model_copy(update={"turns": (turn,)}), place)


def test_a_model_that_must_be_told_where_pictures_are_is_refused() -> None:
    class Told:
        config = SimpleNamespace(model_type="qwen2_vl")

        def forward(self, input_ids: Any, mm_token_type_ids: Any = None) -> None: ...

    with pytest.raises(InputError, match=r"^a 'qwen2_vl' model reads 'mm_token_type_ids', which handeye does not give"):
        readable(Told())


def test_a_loss_that_is_no_number_ends_the_run_and_changes_nothing(
    chat_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.sft import run

    rows, out, loss_of, taken = sft_rows.mixed(tmp_path / "rows.jsonl", 1), tmp_path / "out", run.loss_of, [0]

    def broken(model: Any, batch: Any) -> Any:
        taken[0] += 1
        return loss_of(model, batch) * (float("nan") if taken[0] == 2 else 1.0)

    monkeypatch.setattr(run, "loss_of", broken)
    assert _train("stage2", rows, chat_checkpoint, out) == 2
    said = capsys.readouterr().err
    assert "step 2 has loss nan and gradient norm nan, so it was not taken; lower `rate` (now 0.001)" in said
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-000001"]
    assert not (out / "model.safetensors").exists()
    assert _train("stage2", rows, chat_checkpoint, out, "--resume") == 0


def test_memory_that_runs_out_in_the_optimiser_is_advice_too(
    chat_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    rows = sft_rows.mixed(tmp_path / "rows.jsonl", 1)
    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    assert _train("stage1", rows, chat_checkpoint, tmp_path / "out") == 2
    assert "in this order, --set pack=2000" in capsys.readouterr().err


def test_a_run_killed_in_its_first_checkpoint_begins_anew_and_half_a_line_of_the_log_is_cut(
    chat_checkpoint: Path, tmp_path: Path
) -> None:
    rows, out = sft_rows.mixed(tmp_path / "rows.jsonl", 1), tmp_path / "out"
    (out / "checkpoints" / ".step-000001.part").mkdir(parents=True)
    assert _train("stage1", rows, chat_checkpoint, out) == 0
    with (out / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "lo')
    assert _train("stage1", rows, chat_checkpoint, out, "--resume", "--set", "workers=1") == 0
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_other_data_are_told_by_their_counts(
    chat_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, out = sft_rows.mixed(tmp_path / "rows.jsonl", 1), tmp_path / "out"
    assert _train("stage1", rows, chat_checkpoint, out) == 0
    sft_rows.mixed(rows, 2)
    assert _train("stage1", rows, chat_checkpoint, out, "--resume") == 2
    assert "began with data.rows 2, now it is 4; go on as it began" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "- a\n", "word\n"])
def test_a_recipe_without_keys_is_named_before_it_is_changed(text: str, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(InputError, match="holds no keys"):
        read_recipe(str(own), ["rate=1"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("trainer=dpo", "trainer: expected 'sft' or 'embedded', not 'dpo'"),
        ("trainer=null", "trainer: expected 'sft' or 'embedded', not None"),
        ("seed=-1", "seed: Input should be greater than or equal to 0, not -1"),
        ("betas=[1,1]", "betas.0: Input should be less than 1, not 1"),
        ("decay=.inf", "decay: Input should be a finite number, not inf"),
        ("lora.targets=[]", "lora.targets: Tuple should have at least 1 item"),
        ("lora.targets=['q_proj(']", "lora.targets.0: String should match pattern"),
        ("moves=[projector", "--set 'moves=[projector': the value is no YAML"),
    ],
)
def test_changes_that_no_run_could_use_are_named(change: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        read_recipe("tool_use", [change])
    assert complaint in str(caught.value)


@pytest.mark.parametrize("change", ["pack=0", "precision=bfloat16", "lora=null", "checkpointing=false"])
def test_every_way_to_run_a_recipe_leaves_a_planner(change: str, chat_checkpoint: Path, tmp_path: Path) -> None:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # it keeps the precision of a process's first run
    rows, out = sft_rows.mixed(tmp_path / "rows.jsonl", 1), tmp_path / "out"
    assert _train("tool_use", rows, chat_checkpoint, out, "--set", "steps=1", "--set", change) == 0
    AcceleratorState._reset_state(reset_partial_state=True)
    (row,) = (json.loads(line) for line in (out / "log.jsonl").read_text().splitlines())
    assert 0 < row["loss"] < 20
    assert load_planner(str(out)).rendering.template is not None
