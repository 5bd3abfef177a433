"""`generate` on small random Stable Diffusion pipelines: sizes, seeds, cancel, the safety checker, wrong arguments."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skills import Cancel, Cancelled, Context, SkillError
from skills.builtin._diffusion import grid, rounded, scaled
from skills.builtin.generate import generate
from tests import tiny_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.diffusion(tmp_path_factory.mktemp("diffusion"))


def _tiny(folder: Path, **settings: Any) -> Any:
    return generate.using(**{"checkpoint": str(folder), "side": 64, "steps": 2, **settings})


def _copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / "copy"))


def test_it_is_unavailable_until_it_is_pulled() -> None:
    name = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert generate.unavailable() == f"checkpoint {name!r} is not on this machine; handeye pull generate"


def test_a_picture_of_its_own_frame_with_how_it_was_made(folder: Path) -> None:
    told: list[tuple[int, int, str]] = []
    ctx = Context(progress=lambda *news: told.append(news))
    made = _tiny(folder)("a  red cat", seed=7, ctx=ctx)
    (picture,) = made.values
    assert (picture.size, picture.mode, picture.frame, picture.view) == ((64, 64), "RGB", "", False)
    assert made.note == (
        f"made from 'a red cat': seed 7, 2 steps, guidance 7.5, 64x64 pixels, checkpoint {folder}, safety checker on"
    )
    assert picture.made == made.note
    assert Image.open(io.BytesIO(picture.png)).info["Comment"] == made.note
    assert told == [(1, 2, "diffusion steps"), (2, 2, "diffusion steps")]
    assert ctx.record.place.endswith("@cpu:float32")


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(folder: Path) -> None:
    tiny, ctx = _tiny(folder), Context(seed=3)
    first = tiny("a cat", seed=3, ctx=ctx).values[0].pixels
    assert tiny("a cat", seed=3, ctx=Context()).values[0].pixels == first
    assert tiny("a cat", ctx=ctx).values[0].pixels == first
    assert tiny("a cat", seed=4, ctx=ctx).values[0].pixels != first
    assert tiny("a dog", seed=3, ctx=ctx).values[0].pixels != first
    assert len(ctx.runtime.keys()) == 1


@pytest.mark.parametrize(
    ("width", "height", "painted"), [(70, 100, "72x104"), (96, None, "96x64"), (None, 65, "64x72")]
)
def test_any_size_is_painted_on_the_grid_and_comes_back_as_asked(
    width: int | None, height: int | None, painted: str, folder: Path
) -> None:
    made = _tiny(folder)("a cat", width, height, ctx=Context())
    assert made.values[0].size == (width or 64, height or 64)
    assert f" {painted} pixels, " in made.note


def test_a_cancel_during_step_two_of_fifty_ends_it_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import UNet2DConditionModel

    cancel, steps = Cancel(), []
    forward = UNet2DConditionModel.forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        steps.append(1)
        if len(steps) == 2:
            cancel.set()
        return forward(self, *args, **kwargs)

    tiny, ctx = _tiny(folder, steps=50), Context(cancel=cancel)
    with monkeypatch.context() as patched:
        patched.setattr(UNet2DConditionModel, "forward", counted)
        with pytest.raises(Cancelled):
            tiny("a cat", ctx=ctx)
    assert len(steps) == 2
    again = Context(runtime=ctx.runtime)
    assert tiny("a cat", ctx=again).values[0].pixels == tiny("a cat", ctx=Context()).values[0].pixels


def test_half_precision(folder: Path) -> None:
    ctx = Context()
    (picture,) = _tiny(folder, dtype="bfloat16", device="cpu")("a cat", ctx=ctx).values
    assert ctx.record.place.endswith("@cpu:bfloat16")
    (model,) = [entry.model for entry in ctx.runtime._entries.values()]
    assert {str(p.dtype) for part in (model.unet, model.vae, model.text_encoder) for p in part.parameters()} == {
        "torch.bfloat16"
    }
    assert picture.png != _tiny(folder)("a cat", ctx=Context()).values[0].pixels


def test_the_safety_checker_is_on_unless_the_profile_turns_it_off_and_that_is_said(tmp_path: Path) -> None:
    strict = tiny_models.diffusion(tmp_path / "strict", checker="stops")
    with pytest.raises(SkillError) as caught:
        _tiny(strict)("a cat", ctx=Context())
    expected = "the safety checker held the picture back; ask for something else, or try another seed"
    assert str(caught.value) == expected
    made = _tiny(strict, safety_checker=False)("a cat", ctx=Context())
    assert made.note.endswith(", safety checker off")
    assert np.ptp(made.values[0].array) > 0


def test_a_checkpoint_without_a_safety_checker_needs_the_profiles_word(tmp_path: Path) -> None:
    free = tiny_models.diffusion(tmp_path / "free", checker="absent")
    with pytest.raises(SkillError) as caught:
        _tiny(free)("a cat", ctx=Context())
    assert str(caught.value) == (
        f"diffusion cannot be loaded: {str(free)!r} has no safety checker; set safety_checker = false in the profile "
        "to paint without one, or name a checkpoint that has it"
    )
    assert _tiny(free, safety_checker=False)("a cat", ctx=Context()).note.endswith(", safety checker off")


@pytest.mark.parametrize(("part", "kind"), [("unet", "UNet2DConditionModel"), ("text_encoder", "CLIPTextModel")])
def test_weights_that_are_missing_are_never_left_at_random(part: str, kind: str, folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    (file,) = (_copy(folder, tmp_path) / part).glob("*.safetensors")
    weights = load_file(file)
    weights.pop(name := max(weights))
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(SkillError, match=rf"lacks 1 weights of {kind} \(first '\S*{name.rpartition('.')[2]}'\)"):
        _tiny(tmp_path / "copy")("a cat", ctx=Context())


def test_what_is_no_pipeline_is_said(folder: Path, tmp_path: Path) -> None:
    copy = _copy(folder, tmp_path)
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, "_class_name": "AudioLDM2Pipeline"}))
    with pytest.raises(SkillError, match="cannot be loaded as 'diffusion': AutoPipeline can't find a pipeline linked"):
        _tiny(copy)("a cat", ctx=Context())
    (copy / "model_index.json").unlink()
    with pytest.raises(SkillError) as caught:
        _tiny(copy)("a cat", ctx=Context())
    expected = f"{str(copy)!r} holds no model_index.json; name a pipeline in the layout of diffusers"
    assert str(caught.value) == f"diffusion cannot be loaded: {expected}"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"prompt": " "}, "the text is empty; say in words what is wanted, e.g. 'a red fox in the snow'"),
        ({"prompt": "x", "width": 5000}, "width 5000 cannot be painted; expected 64 to 1024 pixels"),
        ({"prompt": "x", "height": 0}, "height 0 cannot be painted; expected 64 to 1024 pixels"),
        ({"prompt": "x", "seed": -1}, "seed -1 cannot be used; expected a whole number from 0 to 4294967295"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(SkillError) as caught:
        generate(**arguments, ctx=Context())
    assert str(caught.value) == expected


def test_no_steps_are_refused(folder: Path) -> None:
    with pytest.raises(SkillError, match=r"^diffusion cannot be loaded: the profile's steps is 0; expected 1 or more$"):
        _tiny(folder, steps=0)("a cat", ctx=Context())


def test_a_text_longer_than_the_model_reads_is_said(folder: Path) -> None:
    note = _tiny(folder)("a very long story about a cat", ctx=Context()).note
    assert note.endswith("; the text is longer than the 16 tokens the model reads; its end had no effect")


def test_sizes() -> None:
    assert (rounded((64, 65), 8), scaled((4000, 3000), 512), scaled((2000, 1), 64)) == ((64, 72), (512, 384), (64, 1))
    transformer = type("Flux", (), {"transformer": object(), "vae_scale_factor": 8})()
    assert (grid(transformer), grid(type("Sd", (), {"unet": object(), "vae_scale_factor": 2})())) == (16, 8)
