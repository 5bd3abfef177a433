import json

import pytest

from agent.slots import Slots
from skills.registry import Registry
from tool_data.generate import Mix
from training.data import Stage
from training.model import Size
from training.optimiser import Muon, orthogonal, schedule
from training.planner import Plan, Run

TOY = Plan(
    tokens=2_000,
    minutes=2,
    threads=1,
    pictures=4,
    sample=20,
    size=Size(width=128, layers=4, vocabulary=900, vision_width=32),
    stages=(Stage(1.0, 2, 3, 0.0, 2, 300, 0.3, Mix(talk=0)),),
)


def _toy(tmp_path, **changes):
    from dataclasses import replace

    return Run(replace(TOY, **changes), tmp_path / "planner")


@pytest.mark.slow
def test_training_lowers_the_loss_and_the_checkpoint_loads(tmp_path):
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    run = _toy(tmp_path)
    groups = run.groups(TOY.stages[0])
    first = run.step(groups, 0.5)
    for _ in range(25):
        last = run.step(groups, 0.5)
    assert last["planner"] < 0.6 * first["planner"]
    assert last["copy"] < 0.6 * first["copy"]
    run.train()
    model = AutoModelForImageTextToText.from_pretrained(run.out)
    processor = AutoProcessor.from_pretrained(run.out)
    assert model.dtype == torch.float32
    assert model.lm_head.weight.to(torch.bfloat16).equal(run.model.lm_head.weight.to(torch.bfloat16))
    assert json.loads((run.out / "handeye.json").read_text()) == {"dialect": "slots/2", "max_length": 2048}
    assert all(file.stat().st_size <= 16 * 2**20 for file in run.out.glob("*.safetensors"))
    told = "<s><offer> blur(regions) Blur.<s3><chat><user> hide it<end><call>"
    assert processor.tokenizer(told).input_ids == run.tokenizer(told).input_ids
    inputs = processor(images=_picture(), text="<user><image> hi<end>", return_tensors="pt")
    assert (inputs.input_ids == model.config.image_token_id).sum() == Size().image_tokens
    with torch.no_grad():
        assert model(**inputs).logits.shape[-1] == len(processor.tokenizer)
    further = _toy(tmp_path / "further", start=run.out)
    assert further.step(groups, 0.5)["planner"] < 0.6 * first["planner"]


def _picture():
    from PIL import Image

    return Image.new("RGB", (40, 30), (200, 10, 10))


def test_chats_behind_a_kept_offer_give_what_the_model_itself_gives(tmp_path):
    import torch

    from training.forward import Reader

    run = _toy(tmp_path)
    run.model.eval()
    (group, _) = run.groups(TOY.stages[0])
    with torch.no_grad():
        reader = Reader(run.model, torch.float32)
        offer = reader.offer(group)
        for chats in group.chunks:
            seen = reader.chats(offer, chats, run.pixels)
            pictures = list(chats.pictures)
            for number, ids in enumerate(chats.ids):
                mine = ids[chats.real[number]]
                shown = [run.pixels[pictures.pop(0)] for _ in range(_pictures(run, mine))]
                alone = run.model.model(
                    input_ids=torch.cat((group.offer[0], mine))[None],
                    pixel_values=torch.stack(shown) if shown else None,
                    position_ids=torch.cat((torch.arange(group.offer.numel()), chats.positions[number][: len(mine)]))[
                        None
                    ],
                ).last_hidden_state[0, group.offer.numel() :]
                torch.testing.assert_close(seen.hidden[number, : len(mine)], alone, atol=2e-4, rtol=2e-3)


def _pictures(run, ids):
    return int((ids == run.model.config.image_token_id).sum()) // TOY.size.image_tokens


def test_equal_seeds_give_equal_runs(tmp_path):
    def losses(seed: int) -> list[dict[str, float]]:
        run = _toy(tmp_path, seed=seed)
        stage = TOY.stages[0]
        return [run.step(run.groups(stage), 0.5) for _ in range(2)]

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_muon_makes_updates_orthogonal():
    import torch

    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(24, 60)))
    assert values.min() > 0.6
    assert values.max() < 1.3
    matrix = torch.nn.Parameter(torch.zeros(8, 8))
    matrix.grad = torch.eye(8)
    Muon([matrix], rate=0.1, decay=0).step()
    assert matrix.diagonal().max() < 0


def test_the_rate_goes_up_stays_and_goes_down():
    assert schedule(0.0, 0.1) == 0.02
    assert schedule(0.05, 0.1) == pytest.approx(0.5)
    assert schedule(0.2, 0.1) == 1.0
    assert schedule(0.625, 0.1) == pytest.approx(0.51)
    assert schedule(1.0, 0.1) == pytest.approx(0.02)


def test_the_offer_of_serving_fits_the_context():
    offer = Slots(Registry.load().offer()).offer()
    assert len("".join(s.text for s in offer)) < 4 * 1000
