"""`segment_like` on a small random SAM 3."""

from typing import Any

import numpy as np
import pytest

from skills import Cancel, Cancelled, Context, Masks, Picture, Region, Rle, SkillError
from skills.builtin import _segment_like_sam3
from skills.builtin.segment_like import segment_like
from skills.spec import Skill
from tests import tiny_models

EXAMPLE = Region(box=(20, 10, 60, 50), label="red square")


@pytest.fixture(scope="module")
def like(tmp_path_factory: pytest.TempPathFactory) -> Skill[..., Any]:
    return segment_like.using(checkpoint=str(tiny_models.sam3(tmp_path_factory.mktemp("sam3"))), threshold=0.0)


def _masks(result: Any) -> Masks:
    (found,) = result.values
    assert isinstance(found, Masks)
    return found


def test_it_is_unavailable_until_it_is_pulled() -> None:
    assert segment_like.unavailable() == "checkpoint 'facebook/sam3' is not on this machine; handeye pull segment_like"


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_masks_lie_in_the_picture_best_first_with_the_examples_label(
    mode: str, plain: Picture, like: Skill[..., Any]
) -> None:
    ctx = Context()
    picture = Picture.from_image(plain.image.convert(mode), frame="img_7")
    made = like(picture, EXAMPLE, ctx=ctx)
    found = _masks(made)
    assert len(found) > 0
    assert found.frame == "img_7"
    assert found.array.shape == (len(found), 80, 120)
    assert found.array.any(axis=(1, 2)).all()
    assert set(found.labels) == {"red square"}
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert made.note == ""
    assert ctx.record.device == "cpu"


def test_nothing_alike_is_said_with_the_best_there_was(plain: Picture, like: Skill[..., Any]) -> None:
    best = max(_masks(like(plain, EXAMPLE, ctx=Context())).scores)
    made = like.using(threshold=1.0)(plain, EXAMPLE, ctx=Context())
    assert made.values == (Masks(frame="img_1"),)
    assert made.note.startswith("nothing alike found at 1; best ")
    assert float(made.note.rpartition(" ")[2]) >= round(best, 2)


def test_the_picture_is_encoded_once_and_the_box_matters(
    plain: Picture, like: Skill[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[Picture] = []
    encode = _segment_like_sam3._features
    monkeypatch.setattr(
        _segment_like_sam3, "_features", lambda sam, image: (encoded.append(image), encode(sam, image))[1]
    )
    ctx, other = Context(), Region(box=(70, 20, 110, 70))
    first = like(plain, EXAMPLE, ctx=ctx)
    second = like(plain, other, ctx=ctx)
    assert len(encoded) == 1
    assert first != second
    assert second == like(plain, other, ctx=Context())
    assert _masks(second).labels == ()


def test_a_mask_stands_for_its_box(plain: Picture, like: Skill[..., Any]) -> None:
    masked = Region(box=EXAMPLE.box, rle=Rle.encode(plain.array[..., 0] > 200), label="red square")
    assert like(plain, masked, ctx=Context()) == like(plain, EXAMPLE, ctx=Context())


def test_half_precision_and_thin_pictures(like: Skill[..., Any]) -> None:
    ctx = Context()
    line = Picture.from_array(np.full((3, 300, 3), 90, np.uint8), frame="img_1")
    found = _masks(like.using(dtype="bfloat16")(line, Region(box=(0, 0, 30, 3)), ctx=ctx))
    assert ctx.record.place.endswith("@cpu:bfloat16")
    assert all(mask.size == (3, 300) for mask in found.rle)


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (
            Region(box=(5, 5, 5, 5), point=(5, 5)),
            "a point has no size; give a box around one example, or call segment on the point first",
        ),
        (Region(box=(5, 5, 5, 9)), "the example has no area in this picture; give a box around one example"),
    ],
)
def test_wrong_arguments(example: Region, expected: str, plain: Picture) -> None:
    with pytest.raises(SkillError) as caught:
        segment_like(plain, example, ctx=Context())
    assert str(caught.value) == expected


def test_a_cancelled_call_stops(plain: Picture, like: Skill[..., Any]) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        like(plain, EXAMPLE, ctx=Context(cancel=cancel))
