"""The trainer of the embedded `generate`: captions, held-out pairs, pictures, both trainings, the saved pipeline."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from skills import Context, InputError
from skills.builtin.generate import generate
from tool_data.pictograms import Pictograms, names
from tool_data.scenes import Thing
from training import generate as trainer
from training.generate_data import Draughtsman, Example, covered, numbered, pixels
from training.generate_diffusion import DiffusionTrainer
from training.generate_model import Parts, Size, build, load, save, train_tokenizer
from training.generate_vae import VaeTrainer, encode, peak_ratio, to_model, whiten
from training.generate_words import HELD_OUT, Shown, caption, colours, grounds, held_out, nouns, request, trained_on

SIZE = Size(vae=(8, 8, 8, 8), unet=(16, 16, 16), head=8, groups=4, text=32, layers=1, vocabulary=560)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A style that draws every noun: a disc with a bar, dark at the left."""
    made = tmp_path_factory.mktemp("round")
    for character, told in names().items():
        if told["en"] in nouns():
            image = Image.new("RGBA", (40, 40))
            draw = ImageDraw.Draw(image)
            draw.ellipse((2, 2, 37, 37), fill=(220, 220, 220, 255))
            draw.rectangle((2, 16, 12, 24), fill=(90, 90, 90, 255))
            image.save(made / f"{ord(character):x}.png")
    return made


@pytest.fixture(scope="module")
def draughtsman(folder: Path) -> Draughtsman:
    return Draughtsman(Pictograms.load([folder]))


def _parts() -> Parts:
    torch.manual_seed(0)
    return build(train_tokenizer(["a red star", "dos estrellas rojas"], SIZE), SIZE)


def _moved(before: Any, after: Any) -> set[str]:
    kept = after.state_dict()
    return {name for name, value in before.state_dict().items() if not torch.equal(kept[name], value)}


@pytest.mark.parametrize(
    ("shown", "english", "spanish"),
    [
        (Shown("umbrella", "red"), "a red umbrella", "un paraguas rojo"),
        (Shown("star", "blue", 2, "grass"), "two blue stars on grass", "dos estrellas azules sobre la hierba"),
        (Shown("automobile", "orange", 3), "three orange cars", "tres coches naranjas"),
        (Shown("pear", "black", 1, "night"), "a black pear at night", "una pera negra de noche"),
    ],
)
def test_captions_in_both_languages(shown: Shown, english: str, spanish: str) -> None:
    assert (caption(shown, "en"), caption(shown, "es")) == (english, spanish)


def test_the_article_agrees_with_what_follows_it() -> None:
    assert caption(Shown("umbrella", "red"), "en", colour=False) == "an umbrella"
    assert caption(Shown("umbrella", "orange"), "en") == "an orange umbrella"


def test_the_held_out_pairs_stay_the_same() -> None:
    assert len(held_out()) == HELD_OUT
    assert sorted(held_out())[:3] == [("black", "anchor"), ("black", "automobile"), ("black", "balloon")]
    assert not held_out() & set(trained_on())
    assert {noun for _, noun in trained_on()} == set(nouns())
    assert {colour for colour, _ in trained_on()} == set(colours())


def test_captions_tell_what_was_drawn_and_no_held_out_pair_is(draughtsman: Draughtsman) -> None:
    rng = random.Random(0)
    counts = set()
    for number in range(120):
        example = numbered(draughtsman, 0, number, trained_on(), side=48)
        shown = example.shown
        assert (shown.colour, shown.noun) not in held_out()
        assert {(thing.colour, thing.noun) for thing in example.things} == {(shown.colour, shown.noun)}
        assert shown.count == len(example.things)
        counts.add(shown.count)
        told = request(shown, rng)
        assert caption(shown, "en", colour=False, ground=False).split()[-1] in told or any(
            word in told for word in caption(shown, "es", colour=False, ground=False).split()[1:]
        )
    assert counts == {1, 2, 3}


def test_a_pictogram_takes_the_colour_and_keeps_its_shades(draughtsman: Draughtsman) -> None:
    drawn = np.asarray(
        draughtsman.drawn("star", draughtsman.pictograms.styles[0], 40, colours()["blue"]).convert("RGBA")
    )
    middle, bar = drawn[8, 20], drawn[20, 3]
    assert middle[2] > middle[1] > middle[0]
    assert bar[2] < middle[2]


def test_a_named_ground_has_its_colours(draughtsman: Draughtsman) -> None:
    found = [numbered(draughtsman, 0, number, trained_on(), side=48) for number in range(40)]
    at_night = [np.asarray(example.picture) for example in found if example.shown.ground == "night"]
    assert at_night
    assert all(np.median(picture) < max(grounds()["night"][1]) for picture in at_night)


def test_equal_numbers_draw_equal_pictures(draughtsman: Draughtsman) -> None:
    def drawn(number: int) -> Example:
        return numbered(draughtsman, 3, number, trained_on(), side=48)

    assert np.array_equal(pixels([drawn(5)]), pixels([drawn(5)]))
    assert not np.array_equal(pixels([drawn(5)]), pixels([drawn(6)]))


def test_squares_that_things_cover() -> None:
    thing = Thing("star", "red", "", (16.0, 0.0, 40.0, 32.0), b"")
    found = covered([Example(Image.new("RGB", (64, 64)), Shown("star", "red"), (thing,))], 4)
    assert found[0].tolist() == [[0, 1, 0.5, 0], [0, 1, 0.5, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_styles_that_lack_a_noun_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "2b50.png").write_bytes((folder / "2b50.png").read_bytes())
    with pytest.raises(InputError) as caught:
        Draughtsman(Pictograms.load([tmp_path]))
    assert str(caught.value) == (
        f"no style of {tmp_path.name!r} draws 'umbrella' (63 nouns lack); give more fonts or folders to --pictograms"
    )


def test_the_tokenizer_reads_words_whole_and_spells_the_rest() -> None:
    tokenizer = train_tokenizer(["a red star"] * 3, SIZE)
    assert tokenizer.tokenize("A red star") == ["a</w>", "red</w>", "star</w>"]
    ids = tokenizer("ñandú")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "ñandú"


def test_a_step_of_the_autoencoder_lowers_the_error(draughtsman: Draughtsman) -> None:
    batch = to_model(pixels([numbered(draughtsman, 0, number, trained_on(), side=32) for number in range(4)]))
    vae = VaeTrainer(_parts().vae, torch.float32)
    errors = [vae.step(batch)["pixels"] for _ in range(12)]
    assert errors[-1] < 0.9 * errors[0]


def test_whitening_changes_the_latents_and_nothing_that_is_decoded(draughtsman: Draughtsman) -> None:
    pictures = pixels([numbered(draughtsman, 0, number, trained_on(), side=64) for number in range(6)])
    vae = _parts().vae.eval()
    before = vae.decode(encode(vae, pictures, torch.float32)).sample
    ratio = peak_ratio(vae, pictures, torch.float32)
    whiten(vae, pictures, torch.float32)
    latents = encode(vae, pictures, torch.float32)
    assert torch.allclose(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(latents.std((0, 2, 3)), torch.ones(4), atol=1e-4)
    assert torch.allclose(vae.decode(latents).sample, before, atol=1e-4)
    assert peak_ratio(vae, pictures, torch.float32) == pytest.approx(ratio, abs=1e-3)


def test_steps_of_the_unet_lower_the_loss_and_train_the_text_encoder() -> None:
    parts = _parts()
    words = parts.text.state_dict()
    embedding = next(value for name, value in words.items() if "token_embedding" in name).clone()
    diffusion = DiffusionTrainer(parts, torch.float32)
    latents, captions = torch.randn(4, 4, 8, 8), ["a red star"] * 4

    nothing = torch.zeros(4, 8, 8)
    losses = [diffusion.step(latents, captions, nothing, torch.Generator().manual_seed(1)) for _ in range(20)]
    assert losses[-1] < 0.9 * losses[0]
    trained = next(value for name, value in parts.text.state_dict().items() if "token_embedding" in name)
    assert not torch.equal(trained, embedding)
    averaged = diffusion.trained().text.state_dict()
    assert not any(torch.equal(value, trained) for name, value in averaged.items() if "token_embedding" in name)


def test_a_saved_pipeline_paints_128_px_through_the_skill(tmp_path: Path) -> None:
    save(_parts(), tmp_path / "pipeline")
    skill = generate.using(checkpoint=str(tmp_path / "pipeline"), side=128, steps=2, safety_checker=False)
    made = skill("a red umbrella", seed=1, ctx=Context())
    assert made.values[0].size == (128, 128)
    assert made.note.endswith(", safety checker off")
    weights = next((tmp_path / "pipeline" / "unet").glob("*.safetensors"))
    assert weights.stat().st_size < 2**24
    again = load(tmp_path / "pipeline")
    assert again.tokenizer.model_max_length == SIZE.length


def test_the_trainer_writes_a_pipeline_and_never_replaces_one(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = trainer.Plan(minutes=0.01, vae_minutes=0.01, decoder_minutes=0, pool=8, batch=2, size=SIZE)
    trainer.Run(plan, Draughtsman(Pictograms.load([folder])), out).train()
    assert (out / "model_index.json").is_file()
    before = load(out)
    onward = trainer.Plan(minutes=0, vae_minutes=0, decoder_minutes=0.01, pool=4, batch=2, start=out)
    trainer.Run(onward, Draughtsman(Pictograms.load([folder])), tmp_path / "next").train()
    after = load(tmp_path / "next")
    assert _moved(before.unet, after.unet) == set()
    assert {name.split(".")[0] for name in _moved(before.vae, after.vae)} == {"decoder", "post_quant_conv"}
    with pytest.raises(SystemExit) as caught:
        trainer.main(["--out", str(out), "--pictograms", str(folder)])
    assert caught.value.code == 2
