import numpy as np
import pytest

from skills import Picture, Region, Regions, Rle, SkillError
from skills.builtin.annotate import _inside, _names, annotate


def _changed(before: Picture, after: Picture) -> np.ndarray:
    return (before.array != after.array).any(axis=2)


def test_a_view_in_the_same_frame(plain: Picture) -> None:
    drawn = annotate(plain, Regions(items=(Region(box=(20, 30, 60, 70)),)))
    assert (drawn.view, drawn.frame, drawn.size) == (True, "img_1", plain.size)
    changed = _changed(plain, drawn)
    assert changed[30, 20:60].all()
    assert changed[69, 20:60].all()
    assert not changed[35:65, 25:55].any(), "the inside of a box stays as it is"


def test_labels_stay_inside_at_every_corner() -> None:
    white = Picture.from_array(np.full((200, 300, 3), 255, np.uint8))
    for box in ((0, 0, 10, 10), (290, 0, 300, 10), (0, 190, 10, 200), (290, 190, 300, 200)):
        region = Regions(items=(Region(box=box, label="a longer label"),))
        assert _changed(white, annotate(white, region)).sum() > 800
    assert _inside((290, -5, 340, 7), (300, 200)) == (250, 0, 300, 12)


def test_labels_grow_with_the_picture() -> None:
    areas = []
    for width in (300, 3000):
        white = Picture.from_array(np.full((width // 3, width, 3), 255, np.uint8))
        region = Region(box=(width / 3, 50, width / 3 + 20, 70), label="cup")
        areas.append(_changed(white, annotate(white, Regions(items=(region,)))).sum())
    assert areas[1] > 10 * areas[0]


def test_masks_are_tinted_and_outlined(plain: Picture) -> None:
    mask = np.zeros((80, 120), bool)
    mask[20:60, 70:110] = True
    region = Region(box=(70, 20, 110, 60), rle=Rle.encode(mask))
    changed = _changed(plain, annotate(plain, Regions(items=(region,))))
    assert changed[mask].all()
    assert changed[~mask].mean() < 0.05


def test_points_are_drawn(plain: Picture) -> None:
    points = tuple(
        Region(box=(x, 40, x, 40), point=(x, 40), include=keep) for x, keep in ((80.0, True), (110.0, False))
    )
    changed = _changed(plain, annotate(plain, Regions(items=points)))
    assert changed[36:44, 76:84].any()
    assert changed[36:44, 106:114].any()


def test_names() -> None:
    two = Regions(items=(Region(box=(0, 0, 1, 1), label="cat"), Region(box=(0, 0, 1, 1))))
    assert _names(two, None) == ["cat", "2"]
    assert _names(two, ["animal"]) == ["animal", "animal"]
    assert _names(two, ["a\n b", "x" * 60]) == ["a b", "x" * 39 + "…"]
    assert _names(Regions(items=two.items[1:]), None) == [""]


def test_wrong_number_of_labels(plain: Picture) -> None:
    one = Regions(items=(Region(box=(0, 0, 9, 9)),) * 3)
    with pytest.raises(SkillError, match="2 labels for 3 regions; give one for each region"):
        annotate(plain, one, ["a", "b"])


@pytest.mark.parametrize("size", [(1, 1), (3000, 2)])
@pytest.mark.parametrize("channels", [3, 4])
def test_extreme_sizes(size: tuple[int, int], channels: int) -> None:
    picture = Picture.from_array(np.zeros((size[1], size[0], channels), np.uint8))
    drawn = annotate(picture, Regions(items=(Region(box=(0, 0, *size), label="all of it"),)))
    assert (drawn.size, drawn.mode) == (size, picture.mode)
