"""`segment_scene` on a small random Mask2Former: masks of its classes, words for them, the coloured view."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skills import Cancel, Cancelled, Context, Masks, Picture, SkillError
from skills.builtin._segment_scene_mask2former import Scene
from skills.builtin.segment_scene import _known, _note, segment_scene
from skills.spec import Skill
from tests import tiny_models


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Skill[..., Any]:
    return segment_scene.using(checkpoint=str(tiny_models.mask2former(tmp_path_factory.mktemp("mask2former"))))


def _parts(result: Any) -> tuple[Masks, Picture]:
    masks, view = result.values
    assert isinstance(masks, Masks)
    assert isinstance(view, Picture)
    return masks, view


def _noise(size: tuple[int, int] = (120, 80), mode: str = "RGB") -> Picture:
    shape = (size[1], size[0], len(mode))
    return Picture.from_array(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), frame="img_7")


def test_it_is_unavailable_until_it_is_pulled() -> None:
    expected = "checkpoint 'facebook/mask2former-swin-large-ade-semantic' is not on this machine; "
    assert segment_scene.unavailable() == expected + "handeye pull segment_scene"


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_pixel_has_one_class_and_the_view_lies_in_the_frame(mode: str, scenes: Skill[..., Any]) -> None:
    picture, ctx = _noise(mode=mode), Context()
    masks, view = _parts(scenes.using(least=0.0)(picture, ctx=ctx))
    assert (masks.frame, view.frame, view.view, view.size, view.mode) == ("img_7", "img_7", True, (120, 80), "RGB")
    assert (masks.array.sum(axis=0) == 1).all()
    assert set(masks.labels) <= {"sky", "road", "wall-brick", "tree"}
    sizes = masks.array.sum(axis=(1, 2)).tolist()
    assert sizes == sorted(sizes, reverse=True)
    assert all(0 <= score <= 1 for score in masks.scores)  # 0 where no query claims the place
    assert (view.array != picture.rgb).any(axis=2).all()
    assert ctx.record.device == "cpu"


def test_words_for_classes_keep_to_the_words_and_what_is_absent_is_said(scenes: Skill[..., Any]) -> None:
    whole, _ = _parts(scenes.using(least=0.0)(_noise(), ctx=Context()))
    there = whole.labels[0]
    words = {"sky": "the Blue sky", "road": "roads", "wall-brick": "a wall", "tree": "trees"}
    absent = [words[name] for name in words if name not in whole.labels]
    made = scenes(_noise(), [words[there], *absent], ctx=Context())
    masks, view = _parts(made)
    assert masks.labels == (words[there],)
    assert masks.rle[0] == whole.rle[0]
    outside = ~masks.array[0]
    assert (view.array[outside] == _noise().array[outside]).all()
    assert made.note == ("not in this picture: " + ", ".join(map(repr, absent)) if absent else "")


def test_nothing_that_was_asked_for_is_an_empty_value(scenes: Skill[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(np.zeros((8, 12), np.int16), np.ones((8, 12), np.float32), ("sky", "road"))
    monkeypatch.setattr(Context, "run", lambda *_: scene)
    made = scenes(_noise(), ["road"], ctx=Context())
    masks, view = _parts(made)
    assert masks == Masks(frame="img_7")
    assert (view.array == _noise().array).all()
    assert made.note == "not in this picture: 'road'"


def test_small_classes_are_left_out_and_counted() -> None:
    assert _note([], {"sky": 0.9}, np.array([0.9, 0.1, 0, 0]), 1) == "1 smaller classes are left out"
    assert _note([], {"sky": 1.0}, np.array([1.0, 0, 0, 0]), 1) == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sky", (0,)),
        ("The blue skies", ()),
        ("buses", (2,)),
        ("wall", (1, 3)),
        ("wall-brick", (3,)),
        ("double doors", (4,)),
        ("door", (4,)),
        ("unicorn", ()),
    ],
)
def test_what_words_mean(words: str, expected: tuple[int, ...]) -> None:
    names = ["sky", "wall-other-merged", "bus", "wall-brick", "door, double door"]
    assert _known(words, names) == expected


def test_the_same_twice(scenes: Skill[..., Any]) -> None:
    assert scenes(_noise(), ctx=Context()) == scenes(_noise(), ctx=Context())


@pytest.mark.parametrize("size", [(1, 1), (300, 3), (900, 600)])
def test_other_sizes(size: tuple[int, int], scenes: Skill[..., Any]) -> None:
    masks, view = _parts(scenes.using(least=0.0)(_noise(size), ctx=Context()))
    assert masks.array.shape[1:] == size[::-1]
    assert (masks.array.sum(axis=0) == 1).all()
    assert view.size == size


def test_half_precision(scenes: Skill[..., Any]) -> None:
    ctx = Context()
    masks, _ = _parts(scenes.using(dtype="bfloat16", least=0.0)(_noise(), ctx=ctx))
    assert ctx.record.place.endswith("@cpu:bfloat16")
    assert (masks.array.sum(axis=0) == 1).all()


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["unicorn"], "this model does not know 'unicorn'; it knows sky, road, wall-brick, tree; "
         "`detect` finds other things"),
        ([" "], "no class is named; leave `classes` out for the whole scene, or say e.g. classes=['sky']"),
    ],
)  # fmt: skip
def test_wrong_arguments(classes: list[str], expected: str, scenes: Skill[..., Any]) -> None:
    with pytest.raises(SkillError) as caught:
        scenes(_noise(), classes, ctx=Context())
    assert str(caught.value) == expected


def test_a_cancelled_call_stops(scenes: Skill[..., Any]) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        scenes(_noise(), ctx=Context(cancel=cancel))


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    other = tiny_models.depth_anything(tmp_path)
    with pytest.raises(SkillError, match="cannot be loaded"):
        segment_scene.using(checkpoint=str(other))(_noise(), ctx=Context())


def test_a_picture_may_be_too_thin(scenes: Skill[..., Any]) -> None:
    with pytest.raises(SkillError) as caught:
        scenes(_noise((900, 1)), ctx=Context())
    assert str(caught.value) == "a picture of 900x1 is too thin for this model; crop it first"
