"""The small Grounding DINO's trainer on a few drawn pictograms: tokens, split, prompts, a step, a checkpoint."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skills import Context, InputError, Picture
from skills.builtin.detect import detect
from tool_data.pictograms import Pictograms
from tool_data.scenes import Scene, Thing, scene
from training.detect import Plan, Run
from training.detect_data import ask, batch_of
from training.detect_drawn import HELD_STYLE, Varied, held_out, split
from training.detect_looks import Looks
from training.detect_loss import decoder_loss
from training.detect_model import Size, processor_of
from training.detect_optimiser import Optimiser
from training.detect_tokenizer import MARKS, train_tokenizer
from training.optimiser import Muon

NOUNS = {"1f436": "dog face", "1f34e": "red apple", "1f511": "key", "1f697": "automobile", "1f335": "cactus"}
TOY = Plan(
    minutes=0.01,
    batch=3,
    singles=6,
    grounds=2,
    size=Size(
        width=64, stem=8, stages=(8, 8, 16, 16), depths=(1, 1, 1, 1), encoder=1, queries=8, side=128
    ),  # the smallest pictures have more cells than queries
)


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two drawing styles of five nouns: squares of noise, told apart by their colours."""
    from PIL import Image

    folders = []
    for number, style in enumerate(("plain", HELD_STYLE)):
        folder = tmp_path_factory.mktemp("styles") / style
        folder.mkdir()
        for place, code in enumerate(NOUNS):
            noise = np.random.default_rng(place + 10 * number).integers(0, 256, (4, 4, 4), dtype=np.uint8)
            noise[..., 3] = 255
            Image.fromarray(noise).resize((40, 40), Image.Resampling.NEAREST).save(folder / f"{code}.png")
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def run(styles: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(TOY, styles, tmp_path_factory.mktemp("run") / "out")


def test_the_marks_of_the_tokenizer_lie_where_transformers_expects_them() -> None:
    from transformers.models.grounding_dino.modeling_grounding_dino import SPECIAL_TOKENS

    tokenizer = train_tokenizer(["Black cat", "red umbrella"] * 3, 1200)
    assert tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]", ".", "?"]) == SPECIAL_TOKENS
    assert tokenizer.convert_ids_to_tokens(list(MARKS)) == list(MARKS.values())
    assert tokenizer("black cat. zebra.").input_ids[0] == 101
    assert tokenizer.tokenize("Black cat.") == ["black", "cat", "."]
    assert tokenizer.decode(tokenizer("quilt").input_ids, skip_special_tokens=True) == "quilt"  # by its letters
    assert tokenizer("é").input_ids == tokenizer("e").input_ids
    assert len(tokenizer) == len(set(tokenizer.get_vocab().values()))
    assert max(tokenizer.get_vocab().values()) == len(tokenizer) - 1


def test_what_is_held_out_never_changes() -> None:
    nouns = [told for told in _everything() if held_out(told)]
    assert nouns[:4] == ["airplane", "axe", "balloon", "breast-feeding"]
    assert not held_out("star")
    assert 0.08 < len(nouns) / len(_everything()) < 0.13


def _everything() -> list[str]:
    from tool_data.pictograms import names

    return sorted({told["en"] for told in names().values()})


def test_held_out_nouns_and_the_held_out_style_are_not_taught(
    styles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.detect_drawn.held_out", lambda noun: noun == "key")
    parts = split(Pictograms.load(styles))
    assert parts.train.styles == parts.nouns.styles == ("plain",)
    assert parts.train.nouns == parts.style.nouns == ("automobile", "cactus", "dog face", "red apple")
    assert (parts.nouns.nouns, parts.style.styles) == (("key",), (HELD_STYLE,))


def test_without_pictograms_nothing_is_taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tool_data.pictograms.FONTS", ())
    with pytest.raises(InputError) as caught:
        Run(TOY, [], tmp_path)
    told = "no pictograms to teach with; install a font such as Noto Color Emoji or give --pictograms"
    assert str(caught.value) == told


def test_a_varied_pictogram_keeps_its_size_and_its_ink(styles: list[Path]) -> None:
    varied = Varied.of(Pictograms.load(styles[:1]), random.Random(0))
    drawn = [varied.draw("key", "plain", 30) for _ in range(20)]
    assert {max(made.size) for made in drawn} == {30}
    assert all(made.getchannel("A").getbbox() == (0, 0, *made.size) for made in drawn)
    assert len({made.tobytes() for made in drawn}) > 15


def _thing(noun: str, colour: str, x: float) -> Thing:
    return Thing(noun, colour, "", (x, 0.0, x + 8, 16.0), b"")


def test_a_prompt_names_what_is_there_and_what_is_not() -> None:
    from PIL import Image

    things = (_thing("dog", "", 0), _thing("cup", "red", 8), _thing("cup", "blue", 16), _thing("cup", "red", 24))
    made = Scene(Image.new("RGB", (32, 32)), things)
    plain = ask(random.Random(0), made, ["cat", "dog", "cup", "key"], most=4, hidden=0, coloured=0)
    assert set(plain.phrases) >= {"dog", "cup"}
    assert {plain.phrases[n] for n, _ in plain.found} == {"dog", "cup"}
    assert sorted(box[0] for n, box in plain.found if plain.phrases[n] == "cup") == [8, 16, 24]
    by_colour = ask(random.Random(1), made, ["cat"], most=1, hidden=0, coloured=1)
    assert {(by_colour.phrases[n], box[0]) for n, box in by_colour.found} == {
        ("dog", 0.0), ("red cup", 8.0), ("blue cup", 16.0), ("red cup", 24.0)
    }  # fmt: skip
    nothing = ask(random.Random(0), made, ["cat", "dog"], most=2, hidden=1)
    assert (set(nothing.phrases) <= {"cat"}, nothing.found) == (True, ())


def test_a_batch_is_what_the_processor_would_make_of_it(styles: list[Path]) -> None:
    tokenizer = train_tokenizer(NOUNS.values(), 1200)
    processor = processor_of(tokenizer, 96)
    parts = Pictograms.load(styles[:1])
    scenes = [scene(random.Random(seed), parts, side=96) for seed in range(2)]
    asked = [ask(random.Random(seed), made, parts.nouns, most=2) for seed, made in enumerate(scenes)]
    batch = batch_of(list(zip(scenes, asked, strict=True)), tokenizer)
    for number, (made, told) in enumerate(zip(scenes, asked, strict=True)):
        seen = processor(images=made.picture, text=[list(told.phrases)], return_tensors="pt")
        assert np.allclose(batch.pixel_values[number], seen.pixel_values[0], atol=1e-5)
        assert batch.input_ids[number][batch.attention_mask[number] == 1].tolist() == seen.input_ids[0].tolist()
        centre, size = batch.labels[number]["boxes"][:, :2], batch.labels[number]["boxes"][:, 2:]
        corners = np.concatenate([centre - size / 2, centre + size / 2], axis=1) * 96
        assert np.allclose(corners, np.array([box for _, box in told.found]).reshape(-1, 4), atol=1e-3)


def test_a_scene_stands_on_the_ground_it_is_given(styles: list[Path]) -> None:
    from PIL import Image

    ground = Image.new("RGB", (96, 96), (10, 200, 30))
    made = scene(random.Random(0), Pictograms.load(styles[:1]), side=96, most=1, ground=ground)
    assert ground.getcolors() == [(96 * 96, (10, 200, 30))]
    (thing,) = made.things
    x0, y0, x1, y1 = map(round, thing.box)
    left = np.asarray(made.picture).copy()
    left[y0:y1, x0:x1] = (10, 200, 30)
    assert (left == (10, 200, 30)).all()
    assert made.picture != ground


def test_a_kernel_moves_as_its_matrix_does() -> None:
    import torch

    torch.manual_seed(0)
    kernel = torch.nn.Parameter(torch.randn(4, 2, 3, 3))
    matrix = torch.nn.Parameter(kernel.detach().reshape(4, 18).clone())
    kernel.grad = torch.randn(4, 2, 3, 3)
    matrix.grad = kernel.grad.reshape(4, 18).clone()
    Muon([kernel, matrix]).step()
    assert torch.equal(kernel.detach().reshape(4, 18), matrix.detach())


def test_a_fresh_model_expects_nothing(run: Run) -> None:
    import torch

    batch = run.lessons.batch(2)
    with torch.no_grad():
        made = run.model(pixel_values=batch.pixel_values, input_ids=batch.input_ids)
    real = made.enc_outputs_class[made.enc_outputs_class.isfinite()]
    assert float(real.mean()) == pytest.approx(-4.5, abs=2)
    assert all(parameter.requires_grad for parameter in run.model.parameters())


def test_single_pictograms_teach_the_towers_of_the_detector(run: Run) -> None:
    looks = Looks(run.model, run.tokenizer, run.lessons.shown, 0)
    optimiser = Optimiser(looks.named_parameters(), 0.02, 2e-3, run.dtype)
    shown = run.lessons.single(12)
    first = float(looks.loss(*shown)[0].detach())
    for _ in range(12):
        looks.loss(*shown)[0].backward()
        optimiser.step(1.0)
    assert float(looks.loss(*shown)[0].detach()) < 0.7 * first
    looks.finish()
    looks.resnet.eval()
    theirs = run.model.model.backbone.conv_encoder.model(shown[0]).feature_maps
    assert all(
        np.allclose(a.detach(), b.detach(), atol=1e-4) for a, b in zip(theirs, looks.resnet(shown[0])[0], strict=True)
    )


def test_steps_lower_the_loss_and_the_checkpoint_loads_as_detect(
    styles: list[Path], tmp_path: Path, plain: Picture
) -> None:
    run = Run(TOY, styles, tmp_path / "out")  # one of its own: others train the one they share
    assert run.model.loss_function is decoder_loss
    optimiser, batch = run.optimiser(), run.lessons.batch(4)
    losses = [run.step(batch, optimiser, 0.2) for _ in range(24)]
    assert losses[-1]["encoder"] < 0.6 * losses[0]["encoder"]
    assert losses[-1]["decoder"] < 0.7 * losses[0]["decoder"]
    run.save()
    made = detect.using(implementation="grounding_dino", checkpoint=str(run.out))(plain, ["key"], 0.0, ctx=Context())
    assert (len(made.values[0]), set(made.values[0].labels)) == (8, {"key"})
    assert sum(file.stat().st_size for file in run.out.iterdir()) < 2**20


def test_the_whole_run(styles: list[Path], tmp_path: Path) -> None:
    Run(replace(TOY, looks=0.5), styles, tmp_path / "out").train()
    assert (tmp_path / "out" / "model.safetensors").is_file()
