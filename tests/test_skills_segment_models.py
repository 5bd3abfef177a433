"""`segment` on small random SAM, SAM 2 and the original SAM: prompts, one encoding a picture, detail, exclusion."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from skills import Cancel, Cancelled, Context, Masks, Picture, Region, Regions, Rle, SkillError
from skills.builtin import _segment_prompts as prompts
from skills.builtin._segment_original import OriginalSam
from skills.builtin._segment_sam import Sam
from skills.builtin.segment import segment
from skills.checkpoint import file_sha256
from skills.spec import Skill
from tests import tiny_models

AnySkill = Skill[..., Any]

NAMES = ["sam", "sam2", "segment_anything"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AnySkill]:
    """The skill with each model."""
    folder = tmp_path_factory.mktemp("sam")
    original = tiny_models.segment_anything(folder / "sam.pth")
    return {
        "sam": segment.using(implementation="sam", checkpoint=str(tiny_models.sam(folder / "sam"))),
        "sam2": segment.using(implementation="sam2", checkpoint=str(tiny_models.sam2(folder / "sam2"))),
        "segment_anything": segment.using(
            implementation="segment_anything", checkpoint=str(original), sha256=file_sha256(original)
        ),
    }


def _box(x1: float, y1: float, x2: float, y2: float, label: str = "") -> Region:
    return Region(box=(x1, y1, x2, y2), label=label)


def _point(x: float, y: float, include: bool = True) -> Region:
    return Region(box=(x, y, x, y), point=(x, y), include=include)


def _of(*regions: Region) -> Regions:
    return Regions(items=regions)


def _square(plain: Picture) -> Region:
    return Region(box=(20, 10, 60, 50), rle=Rle.encode(plain.array[..., 0] > 200), label="square")


def _masks(result: Any) -> Masks:
    (found,) = result.values
    assert isinstance(found, Masks)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sam", "checkpoint 'facebook/sam-vit-base' is not on this machine; handeye pull segment"),
        ("sam2", "checkpoint 'facebook/sam2.1-hiera-small' is not on this machine; handeye pull segment"),
        (
            "segment_anything",
            "checkpoint 'sam_vit_b_01ec64.pth' is not on this machine; handeye pull segment",
        ),
    ],
)
def test_a_model_is_unavailable_until_it_is_pulled_and_grabcut_never(name: str, expected: str) -> None:
    assert segment.using(implementation=name).unavailable() == expected
    assert segment.unavailable() == ""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_boxes_masks_and_clicks_become_masks_of_the_picture(
    name: str, mode: str, plain: Picture, made: dict[str, AnySkill]
) -> None:
    picture = Picture.from_image(plain.image.convert(mode), frame="img_7")
    ctx = Context()
    regions = _of(_point(40, 30), _box(20, 10, 60, 50, "red"), _square(plain), _point(90, 30, include=False))
    found = _masks(made[name](picture, regions, ctx=ctx))
    assert (found.frame, found.labels) == ("img_7", ("red", "square", ""))
    assert (found.array.shape, found.array.dtype) == ((3, 80, 120), bool)
    assert all(0 <= score <= 1 for score in found.scores)
    assert ctx.record.device == "cpu"


@pytest.mark.parametrize("name", NAMES)
def test_one_encoding_a_picture_and_one_decoder_call_for_many_boxes(
    name: str, plain: Picture, made: dict[str, AnySkill], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = OriginalSam if name == "segment_anything" else Sam
    calls: list[str] = []
    for method in ("encode", "decode"):
        monkeypatch.setattr(kind, method, _counting(calls, method, getattr(kind, method)))
    boxes = [_box(5 * i, 4 * i, 40 + 5 * i, 30 + 4 * i) for i in range(8)]
    ctx = Context()
    together = _masks(made[name](plain, _of(*boxes), ctx=ctx))
    assert calls == ["encode", "decode"]
    for i, box in enumerate(boxes):
        alone = _masks(made[name](plain, _of(box), ctx=ctx))
        assert (alone.array[0] == together.array[i]).mean() > 0.999  # a batch sums in another order
    assert calls == ["encode", *["decode"] * 9]
    other = Picture.from_array(255 - plain.array, frame="img_1")
    made[name](other, _of(boxes[0]), ctx=ctx)
    assert calls[-2:] == ["encode", "decode"]


def _counting(calls: list[str], name: str, run: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*args: Any) -> Any:
        calls.append(name)
        return run(*args)

    return counted


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_picture_gives_the_very_same_masks(name: str, plain: Picture, made: dict[str, AnySkill]) -> None:
    ctx = Context()
    made[name](plain, _of(_box(0, 0, 50, 50)), ctx=ctx)
    for region in (_box(20, 10, 60, 50), _point(40, 30), _square(plain)):
        assert made[name](plain, _of(region), ctx=ctx) == made[name](plain, _of(region), ctx=Context())


@pytest.mark.parametrize("name", NAMES)
def test_excluded_areas_are_background_and_excluded_clicks_are_heard(
    name: str, plain: Picture, made: dict[str, AnySkill]
) -> None:
    ctx, box = Context(), _box(10, 5, 110, 75)
    free = _masks(made[name](plain, _of(box), ctx=ctx)).array[0]
    for away in (_box(60, 20, 100, 60), _square(plain)):
        found = _masks(made[name](plain, _of(box), exclude=_of(away), ctx=ctx)).array[0]
        assert not found[away.mask(plain.size)].any()
    clicked = _masks(made[name](plain, _of(box), exclude=_of(_point(80, 40)), ctx=ctx)).array[0]
    beside = _masks(made[name](plain, _of(box, _point(80, 40, include=False)), ctx=ctx)).array[0]
    assert (clicked == beside).all()
    assert (clicked != free).any()


@pytest.mark.parametrize("name", NAMES)
def test_detail_chooses_by_size(name: str, plain: Picture, made: dict[str, AnySkill]) -> None:
    ctx, clicks = Context(), _of(_point(40, 30))
    sizes = [
        int(_masks(made[name](plain, clicks, detail=detail, ctx=ctx)).array.sum())
        for detail in ("subpart", "part", "whole")
    ]
    assert sizes == sorted(sizes)


def test_the_three_candidates_are_told_apart_by_what_lies_in_the_picture() -> None:
    import torch

    logits = torch.full((3, 16, 16), -1.0)
    logits[0, 9:] = 1  # below the picture
    logits[1, :4] = 1
    logits[2, :2] = 1
    inside = prompts._unpadded(logits, prompts.Seen((), (32, 64), 64))
    assert inside.shape == (3, 32, 64)
    assert [prompts._candidate(inside, detail) for detail in ("whole", "part", "subpart")] == [1, 2, 2]
    assert prompts._candidate(-logits.abs(), "whole") == 0


def test_the_innermost_point_of_a_ring_lies_in_the_ring() -> None:
    y, x = np.indices((60, 80))
    ring = np.hypot(x - 40, y - 30)
    ring = (ring < 25) & (ring > 10)
    px, py = prompts._innermost(Region(box=(15, 5, 65, 55), rle=Rle.encode(ring)))
    assert ring[int(py), int(px)]
    assert prompts._innermost(_box(10, 20, 30, 60)) == (20, 40)
    assert prompts._innermost(_point(3, 4)) == (3, 4)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_for_the_encoder_alone(name: str, plain: Picture, made: dict[str, AnySkill]) -> None:
    ctx = Context()
    half = made[name].using(dtype="bfloat16")
    found = _masks(half(plain, _of(_box(20, 10, 60, 50)), ctx=ctx))
    assert found.array.shape == (1, 80, 120)
    assert ctx.record.place.endswith("@cpu:bfloat16")
    assert half.chosen is not None
    model = half.chosen.recipe().load("cpu", "bfloat16").model
    encoder = model.image_encoder if name == "segment_anything" else model.vision_encoder
    dtypes = [{str(weight.dtype) for weight in part.parameters()} for part in (encoder, model.prompt_encoder)]
    assert dtypes == [{"torch.bfloat16"}, {"torch.float32"}]


@pytest.mark.parametrize("name", ["sam", "sam2"])
def test_a_thin_picture_is_outlined(name: str, made: dict[str, AnySkill]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3, 100, 3), dtype=np.uint8)
    line = Picture.from_array(noise, frame="img_1")
    found = _masks(made[name](line, _of(_box(0, 0, 100, 3)), ctx=Context()))
    assert found.array.shape == (1, 3, 100)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_that_is_too_thin_is_refused(name: str, made: dict[str, AnySkill]) -> None:
    with pytest.raises(SkillError) as caught:
        made[name](Picture.from_array(np.zeros((1, 900, 3), np.uint8)), _of(_box(0, 0, 9, 1)), ctx=Context())
    assert str(caught.value) == "a picture of 900x1 is too thin for this model; crop it first"


@pytest.mark.parametrize("name", NAMES)
def test_a_cancelled_call_stops(name: str, plain: Picture, made: dict[str, AnySkill]) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        made[name](plain, _of(_box(0, 0, 50, 50)), ctx=Context(cancel=cancel))
