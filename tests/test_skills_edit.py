"""`edit` on a small random InstructPix2Pix: frame and size kept, seeds, cancel, checkpoints of another kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skills import Cancel, Cancelled, Context, Picture, SkillError
from skills.builtin.edit import edit
from tests import tiny_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.diffusion(tmp_path_factory.mktemp("edit"), made_for="edit")


def _tiny(folder: Path, **settings: Any) -> Any:
    return edit.using(**{"checkpoint": str(folder), "side": 64, "steps": 2, **settings})


def test_it_is_unavailable_until_it_is_pulled() -> None:
    expected = "checkpoint 'timbrooks/instruct-pix2pix' is not on this machine; handeye pull edit"
    assert edit.unavailable() == expected


@pytest.mark.parametrize(("size", "worked"), [((120, 80), "64x48"), ((33, 47), "48x64"), ((200, 5), "64x8")])
def test_frame_and_size_are_kept_whatever_the_size(size: tuple[int, int], worked: str, folder: Path) -> None:
    array = np.full((size[1], size[0], 3), 90, dtype=np.uint8)
    made = _tiny(folder)(Picture.from_array(array, frame="img_4"), "make it  snow", seed=1, ctx=Context())
    (picture,) = made.values
    assert (picture.size, picture.frame, picture.view, picture.mode) == (size, "img_4", False, "RGB")
    assert made.note.startswith(f"made from 'make it snow': seed 1, 2 steps, guidance 7.5, {worked} pixels, ")
    assert picture.made == made.note
    (again,) = _tiny(folder)(picture, "make it rain", seed=1, ctx=Context()).values
    assert again.made.startswith(f"{made.note}; then made from 'make it rain': seed 1, ")


def test_transparency_stays(plain: Picture, folder: Path) -> None:
    alpha = np.arange(80 * 120, dtype=np.uint8).reshape(80, 120, 1)
    clear = Picture.from_array(np.concatenate([plain.array, alpha], axis=2), frame="img_2")
    (picture,) = _tiny(folder)(clear, "make it snow", ctx=Context()).values
    assert (picture.mode, picture.frame) == ("RGBA", "img_2")
    assert np.array_equal(picture.array[:, :, 3], alpha[:, :, 0])


def test_seeds_and_pictures_make_the_difference(plain: Picture, folder: Path) -> None:
    tiny, ctx = _tiny(folder), Context(seed=3)
    first = tiny(plain, "make it snow", seed=3, ctx=ctx).values[0].pixels
    assert tiny(plain, "make it snow", ctx=ctx).values[0].pixels == first
    assert tiny(plain, "make it snow", seed=4, ctx=ctx).values[0].pixels != first
    other = plain.redrawn(255 - plain.array)
    assert tiny(other, "make it snow", ctx=ctx).values[0].pixels != first
    assert _tiny(folder, image_guidance=3)(plain, "make it snow", ctx=ctx).values[0].pixels != first


def test_a_cancel_ends_it_within_a_step(plain: Picture, folder: Path) -> None:
    cancel, done = Cancel(), []

    def progress(step: int, total: int, text: str) -> None:
        done.append((step, total))
        if step == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        _tiny(folder, steps=50)(plain, "make it snow", ctx=Context(cancel=cancel, progress=progress))
    assert done == [(1, 50), (2, 50)]


def test_a_checkpoint_of_another_kind_is_refused(plain: Picture, tmp_path: Path) -> None:
    other = tiny_models.diffusion(tmp_path)
    with pytest.raises(SkillError) as caught:
        _tiny(other)(plain, "make it snow", ctx=Context())
    assert str(caught.value) == (
        f"instruct_pix2pix cannot be loaded: the UNet of {str(other)!r} takes 4 channels, expected 8; "
        "name a checkpoint of InstructPix2Pix"
    )


def test_the_safety_checker_may_be_off(plain: Picture, tmp_path: Path) -> None:
    strict = tiny_models.diffusion(tmp_path, made_for="edit", checker="stops")
    with pytest.raises(SkillError, match=r"^the safety checker held the picture back; "):
        _tiny(strict)(plain, "make it snow", ctx=Context())
    made = _tiny(strict, safety_checker=False)(plain, "make it snow", ctx=Context())
    assert made.note.endswith(", safety checker off")


def test_an_empty_instruction(plain: Picture) -> None:
    with pytest.raises(SkillError, match=r"^the text is empty; say in words what is wanted, "):
        edit(plain, "", ctx=Context())
