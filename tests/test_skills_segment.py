from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skills import Context, Masks, Picture, Region, Regions, Rle, SkillError
from skills.builtin.segment import segment as skill
from skills.pictures import read_picture
from skills.regions import bounds


def _point(x: float, y: float, include: bool = True) -> Region:
    return Region(box=(x, y, x, y), point=(x, y), include=include)


def _of(*regions: Region) -> Regions:
    return Regions(items=regions)


def segment(picture: Picture, regions: Regions, **more: object) -> Masks:
    (found,) = skill(picture, regions, **more, ctx=Context()).values  # type: ignore[arg-type]
    assert isinstance(found, Masks)
    return found


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def _scene(scale: int = 1, channels: int = 3) -> tuple[Picture, np.ndarray, np.ndarray]:
    """Return a noisy green picture with a red disc and a red square, and the two masks."""
    rng = np.random.default_rng(5)
    array = np.empty((200 * scale, 300 * scale, channels))
    array[...] = (40, 140, 60, 255)[:channels]
    y, x = np.indices(array.shape[:2]) / scale
    disc = (x - 90) ** 2 + (y - 100) ** 2 < 45**2
    square = (np.abs(x - 230) < 30) & (np.abs(y - 100) < 30)
    array[disc | square, :3] = (200, 40, 40)
    array[..., :3] += rng.normal(0, 8, array[..., :3].shape)
    picture = Picture.from_array(array.clip(0, 255).astype(np.uint8), frame="img_1")
    return picture, disc, square


@pytest.mark.parametrize("scale", [1, 5])
def test_a_box_a_mask_and_a_click_give_the_object(scale: int) -> None:
    picture, disc, square = _scene(scale)
    rough = np.zeros_like(disc)
    rough[70 * scale : 130 * scale, 60 * scale : 120 * scale] = True
    x1, y1, x2, y2 = bounds(disc)
    for region in (
        Region(box=(x1 - 8, y1 - 8, x2 + 8, y2 + 8)),
        Region(box=bounds(rough), rle=Rle.encode(rough)),
    ):
        found = segment(picture, _of(region))
        assert found.frame == "img_1"
        assert _iou(found.array[0], disc) > 0.7
        assert not (found.array[0] & square).any()
    clicked = segment(picture, _of(_point(90 * scale, 100 * scale)), detail="part")
    assert _iou(clicked.array[0], disc) > 0.9


def test_one_mask_a_box_and_one_for_all_clicks_with_labels() -> None:
    picture, disc, square = _scene()
    boxes = _of(Region(box=(40, 50, 140, 150), label="disc"), Region(box=(195, 65, 265, 135), label="square"))
    found = segment(picture, boxes)
    assert found.labels == ("disc", "square")
    assert _iou(found.array[1], square) > 0.9
    together = segment(picture, _of(_point(90, 100), _point(230, 100)))
    assert len(together) == 1
    assert _iou(together.array[0], disc | square) > 0.9


def test_points_beside_and_excluded_regions_are_background() -> None:
    picture, disc, _ = _scene()
    box = Region(box=(30, 40, 270, 160))
    for found in (
        segment(picture, _of(box), exclude=_of(Region(box=(195, 65, 265, 135)))),
        segment(picture, _of(_point(90, 100), _point(230, 100, include=False)), detail="part"),
    ):
        assert _iou(found.array[0], disc) > 0.85
        assert not found.array[0][100, 230]


def test_detail_narrows() -> None:
    picture, disc, square = _scene()
    two = _of(Region(box=(30, 40, 270, 160)))
    assert _iou(segment(picture, two).array[0], disc | square) > 0.85
    assert _iou(segment(picture, two, detail="part").array[0], disc) > 0.85
    array = picture.array.copy()
    array[80:120, 70:90] = (40, 60, 220)
    patched = Picture.from_array(array)
    subpart = segment(patched, _of(_point(80, 100)), detail="subpart").array[0]
    assert subpart[85:115, 72:88].mean() > 0.9
    assert subpart.sum() < 1200


def test_the_same_call_gives_the_same_mask() -> None:
    picture, _, _ = _scene()
    regions = _of(Region(box=(30, 40, 270, 160)))
    assert segment(picture, regions) == segment(picture, regions)


def test_photographs(shared: Callable[[str], Path]) -> None:
    cups, _ = read_picture(shared("img_misc/agentlego__cups.png"))
    truth = np.asarray(Image.open(shared("img_misc/agentlego__cups_mask.png")).convert("L")) > 0
    ys, xs = np.nonzero(truth)
    for region in (Region(box=bounds(truth)), _point(float(np.median(xs)), float(np.median(ys)))):
        assert _iou(segment(cups, _of(region)).array[0], truth) > 0.9


@pytest.mark.parametrize("size", [(1, 1), (3000, 2)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    picture = Picture.from_array(np.full((size[1], size[0], 3), 90, np.uint8))
    found = segment(picture, _of(Region(box=(0, 0, *size))))
    assert found.array.shape == (1, size[1], size[0])
    assert found.array.all()
    assert segment(picture, _of(_point(0.5, 0.5))).array[0][0, 0]


def test_transparent_pictures_and_the_edge() -> None:
    picture, _, _ = _scene(channels=4)
    found = segment(picture, _of(_point(299.9, 199.9)))
    assert found.array[0][199, 299]


def test_errors() -> None:
    picture, _, _ = _scene()
    with pytest.raises(SkillError, match="every point lies beside the object; add one on"):
        segment(picture, _of(_point(5, 5, include=False)))
    box, everything = Region(box=(40, 50, 140, 150)), _of(Region(box=(0, 0, 300, 200)))
    with pytest.raises(SkillError, match=r"nothing stands out .* give a box around the whole"):
        segment(picture, _of(box), exclude=everything)


def test_of_two_objects_the_one_that_does_not_stand_out_is_named() -> None:
    picture, disc, _ = _scene()
    two = _of(Region(box=(195, 65, 265, 135)), Region(box=(40, 50, 140, 150)))
    made = skill(picture, two, exclude=_of(Region(box=(190, 60, 270, 140))), ctx=Context())
    (found,) = made.values
    assert isinstance(found, Masks)
    assert made.note == "nothing stands out at [0]: its mask is empty"
    assert not found.array[0].any()
    assert _iou(found.array[1], disc) > 0.7
