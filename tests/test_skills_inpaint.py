"""`inpaint` on a small random pipeline: the frame, pixels outside the region, seeds, cancel, wrong arguments."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skills import BadRegion, Cancel, Cancelled, Context, Picture, Region, Regions, Rle, SkillError
from skills.builtin._inpaint_diffusion import around
from skills.builtin.inpaint import inpaint
from tests import tiny_models

SQUARE = Regions(items=(Region(box=(20, 10, 60, 50)),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.diffusion(tmp_path_factory.mktemp("inpaint"), made_for="inpaint")


def _tiny(folder: Path, **settings: Any) -> Any:
    return inpaint.using(**{"checkpoint": str(folder), "side": 64, "steps": 2, **settings})


def test_it_is_unavailable_until_it_is_pulled() -> None:
    name = "stable-diffusion-v1-5/stable-diffusion-inpainting"
    assert inpaint.unavailable() == f"checkpoint {name!r} is not on this machine; handeye pull inpaint"


def test_only_the_region_changes_and_the_frame_stays(plain: Picture, folder: Path) -> None:
    made = _tiny(folder)(plain, SQUARE, "a vase", seed=5, ctx=Context())
    (picture,) = made.values
    inside = SQUARE.mask(plain.size)
    assert (picture.size, picture.mode, picture.frame, picture.view) == ((120, 80), "RGB", "img_1", False)
    assert np.array_equal(picture.array[~inside], plain.array[~inside])
    assert (picture.array[inside] != plain.array[inside]).mean() > 0.5
    assert made.note.startswith("made from 'a vase': seed 5, 2 steps, guidance 7.5, 64x56 pixels, checkpoint ")


def test_a_mask_of_any_shape_and_several_regions(plain: Picture, folder: Path) -> None:
    y, x = np.mgrid[:80, :120]
    disc = (x - 90) ** 2 + (y - 30) ** 2 < 200
    line = np.zeros((80, 120), dtype=bool)
    line[70, 5:115] = True
    items = tuple(Region(box=(0, 0, 1, 1), rle=Rle.encode(mask)) for mask in (disc, line))
    (picture,) = _tiny(folder)(plain, Regions(items=items), "a vase", ctx=Context()).values
    changed = (picture.array != plain.array).any(axis=2)
    assert not (changed & ~(disc | line)).any()
    assert changed[disc].mean() > 0.5
    assert changed[line].mean() > 0.5


def test_a_cut_out_hole_is_filled_and_other_transparency_stays(plain: Picture, folder: Path) -> None:
    alpha = np.full((80, 120, 1), 90, dtype=np.uint8)
    alpha[10:50, 20:60] = 0
    hole = Picture.from_array(np.concatenate([plain.array, alpha], axis=2), frame="img_3")
    (picture,) = _tiny(folder)(hole, SQUARE, "a vase", ctx=Context()).values
    inside = SQUARE.mask(plain.size)
    assert (picture.mode, picture.frame) == ("RGBA", "img_3")
    assert np.array_equal(picture.array[~inside], hole.array[~inside])
    assert set(picture.array[inside][:, 3]) == {255}


def test_the_same_seed_gives_the_same_bytes(plain: Picture, folder: Path) -> None:
    tiny, ctx = _tiny(folder), Context(seed=3)
    first = tiny(plain, SQUARE, "a cat", seed=3, ctx=ctx).values[0].pixels
    assert tiny(plain, SQUARE, "a cat", ctx=ctx).values[0].pixels == first
    assert tiny(plain, SQUARE, "a cat", seed=4, ctx=ctx).values[0].pixels != first


def test_a_pipeline_that_only_generates_inpaints_too(plain: Picture, tmp_path: Path) -> None:
    """The AutoPipeline makes an inpainting pipeline of it, which repaints with a 4-channel UNet."""
    (picture,) = _tiny(tiny_models.diffusion(tmp_path))(plain, SQUARE, "a cat", ctx=Context()).values
    assert picture.frame == "img_1"


def test_a_small_region_of_a_large_picture_is_seen_with_its_surroundings() -> None:
    hole = np.zeros((1000, 2000), dtype=bool)
    hole[900:990, 100:300] = True
    assert around(hole) == (slice(800, 1090), slice(0, 400))
    assert np.zeros((1000, 2000))[around(hole)].shape == (200, 400)


def test_a_cancel_ends_it_within_a_step(plain: Picture, folder: Path) -> None:
    cancel, done = Cancel(), []

    def progress(step: int, total: int, text: str) -> None:
        done.append((step, total))
        if step == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        _tiny(folder, steps=50)(plain, SQUARE, "a cat", ctx=Context(cancel=cancel, progress=progress))
    assert done == [(1, 50), (2, 50)]


def test_the_safety_checker_may_be_off(plain: Picture, tmp_path: Path) -> None:
    strict = tiny_models.diffusion(tmp_path, made_for="inpaint", checker="stops")
    with pytest.raises(SkillError, match=r"^the safety checker held the picture back; "):
        _tiny(strict)(plain, SQUARE, "a cat", ctx=Context())
    made = _tiny(strict, safety_checker=False)(plain, SQUARE, "a cat", ctx=Context())
    assert made.note.endswith(", safety checker off")


@pytest.mark.parametrize(
    ("region", "prompt", "kind", "expected"),
    [
        (Region(box=(5, 5, 5, 5)), "x", SkillError, "the region is empty, nothing would be replaced; "),
        (Region(box=(5, 5, 5, 5), point=(5, 5)), "x", BadRegion, "a point has no area; call segment on it first, "),
        (Region(box=(0, 0, 9, 9)), "\n", SkillError, "the text is empty; say in words what is wanted, "),
    ],
)
def test_wrong_arguments(region: Region, prompt: str, kind: type[Exception], expected: str, plain: Picture) -> None:
    with pytest.raises(kind) as caught:
        inpaint(plain, Regions(items=(region,)), prompt, ctx=Context())
    assert str(caught.value).startswith(expected)
