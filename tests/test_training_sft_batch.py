"""Packed samples give the loss and the gradients of samples read alone; a model that mixes them is found out."""

from pathlib import Path
from typing import Any

import pytest
import torch

from agent.saved import store_of
from skills.store import Store
from tests import sft_rows
from training.sft import attention, base
from training.sft.batch import IGNORED, Loaded, Samples, pack, pad
from training.sft.isolation import keeps_apart
from training.sft.plan import Plan
from training.sft.recipe import Recipe
from training.sft.rows import Encoder, read_rows
from training.sft.run import loss_of, schedule

RECIPE = Recipe(moves=("tower", "projector", "language"), workers=0)


@pytest.fixture(scope="module")
def loaded(chat_checkpoint: Path) -> base.Base:
    return base.load(str(chat_checkpoint), RECIPE)


@pytest.fixture(scope="module")
def samples(loaded: base.Base, tmp_path_factory: pytest.TempPathFactory) -> list[Loaded]:
    """Samples with two pictures, with one, and of different lengths."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    store = Store(store_of(path))
    chats = (sft_rows.plain_chat(store, 1), sft_rows.tool_chat(store), sft_rows.plain_chat(store, 2))
    rows = read_rows([sft_rows.write(path, *chats)], Encoder(loaded.rendering, 8192))
    found = Samples(rows.samples, loaded.rendering)
    return [found[number] for number in range(len(found))]


def grown(model: Any, *batches: Any) -> tuple[float, dict[str, Any]]:
    """Return the summed loss of batches and the gradients it gives."""
    model.eval()
    model.zero_grad(set_to_none=True)
    total = sum(loss_of(model, batch) for batch in batches)
    total.backward()
    return float(total.detach()), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("group", [pack, lambda samples: pad(samples, 0)], ids=["packed", "padded"])
def test_samples_read_together_are_trained_as_alone(loaded: base.Base, samples: list[Loaded], group: Any) -> None:
    assert [len(sample.pictures) for sample in samples] == [1, 2, 1]
    alone, apart = grown(loaded.model, *(pad([sample], 0).on("cpu") for sample in samples))
    assert group is not pack or attention.use(loaded.model)
    together, joined = grown(loaded.model, group(samples).on("cpu"))
    attention.undo(loaded.model)
    assert together == pytest.approx(alone, rel=1e-5)
    assert apart.keys() == joined.keys()
    assert {part for part in ("vision_tower", "projector", "language_model") if any(part in n for n in joined)} == {
        "vision_tower",
        "projector",
        "language_model",
    }
    for name, gradient in apart.items():
        torch.testing.assert_close(joined[name], gradient, atol=1e-5, rtol=1e-4)


def test_a_pack_is_one_row_of_blocks(samples: list[Loaded]) -> None:
    batch = pack(samples)
    lengths = [len(sample.sample.ids) for sample in samples]
    ends = batch.on("cpu").inputs["cu_seq_lens_q"]
    assert ends == (0, lengths[0], lengths[0] + lengths[1], sum(lengths))
    assert batch.inputs["position_ids"][0, lengths[0] : lengths[0] + 2].tolist() == [0, 1]
    assert batch.inputs["pixel_values"].shape == (4, 3, 48, 48)
    assert batch.keep.numel() == sum(sample.sample.supervised for sample in samples)
    assert (batch.labels != IGNORED).all()
    assert (batch.tokens, batch.pictures) == (sum(lengths), 4)


def test_a_model_that_mixes_packed_samples_is_found_out(loaded: base.Base, samples: list[Loaded]) -> None:
    assert attention.use(loaded.model)
    assert keeps_apart(loaded.model, samples[:2])
    attention.undo(loaded.model)
    assert not keeps_apart(Deaf(loaded.model), samples)
    config = loaded.model.config.get_text_config()
    config.layer_types = ["full_attention", "sliding_attention"]
    assert not attention.use(loaded.model)
    del config.layer_types
    assert config._attn_implementation == "sdpa"


class Deaf:
    """A model whose rows are one text, whatever is packed in them."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.device, self.dtype = model.device, model.dtype

    def eval(self) -> None:
        self._model.eval()

    def __call__(self, cu_seq_lens_q: Any = None, position_ids: Any = None, **inputs: Any) -> Any:
        return self._model(**inputs)


LENGTHS = [7, 30, 12, 3, 25, 18, 9, 9, 40, 2]


def test_packs_hold_every_sample_once_and_no_more_than_fits() -> None:
    plan = Plan(LENGTHS, RECIPE.model_copy(update={"pack": 40}), packed=True)
    packs = plan.epoch(0)
    assert sorted(at for pack in packs for at in pack) == list(range(len(LENGTHS)))
    sizes = [sum(LENGTHS[at] for at in pack) for pack in packs]
    assert max(sizes) <= 40
    assert len(packs) == 4
    assert plan.epoch(0) == packs != plan.epoch(1)


def test_batches_hold_samples_of_like_length() -> None:
    batches = Plan(LENGTHS, RECIPE.model_copy(update={"batch": 3}), packed=False).epoch(0)
    spans = [[LENGTHS[at] for at in batch] for batch in batches]
    assert sorted(spans) == [[2], [9, 7, 3], [18, 12, 9], [40, 30, 25]]


def test_windows_go_on_where_they_stopped_and_are_all_full() -> None:
    recipe = RECIPE.model_copy(update={"pack": 40, "accumulate": 2, "epochs": 3})
    plan = Plan(LENGTHS, recipe, packed=True, processes=2)
    windows = list(plan.windows())
    assert plan.steps == len(windows) == 3
    assert all(len(window) == 4 for window in windows)
    assert list(plan.windows(2)) == windows[2:]


def test_the_rate_rises_then_falls_as_a_cosine() -> None:
    rates = [schedule(step, 20, 0.1) for step in range(20)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[11] == pytest.approx(0.5)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert 0 < rates[-1] < 0.01
