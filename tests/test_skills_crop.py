import numpy as np
import pytest

from skills import Picture, Region, SkillError
from skills.builtin.crop import crop


def test_the_part_is_exact_and_starts_a_frame(plain: Picture) -> None:
    part = crop(plain, Region(box=(20, 10, 60, 50)))
    assert part.size == (40, 40)
    assert (part.array == (220, 20, 20)).all()
    assert part.frame == ""
    assert not part.view


def test_every_touched_pixel_is_inside(plain: Picture) -> None:
    assert crop(plain, Region(box=(20.9, 10.9, 21.1, 11.1))).size == (2, 2)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
def test_the_whole_of_an_extreme_picture(size: tuple[int, int]) -> None:
    picture = Picture.from_array(np.zeros((size[1], size[0], 3), np.uint8), frame="img_1")
    assert crop(picture, Region(box=(0, 0, *size))).size == size


def test_a_box_over_the_edge_is_cut_at_the_edge(plain: Picture) -> None:
    assert crop(plain, Region(box=(110, 70, 130, 90))).size == (10, 10)


def test_transparency_is_kept(plain: Picture) -> None:
    rgba = Picture.from_image(plain.image.convert("RGBA"), frame="img_1")
    assert crop(rgba, Region(box=(0, 0, 5, 5))).mode == "RGBA"


def test_a_point_has_no_area(plain: Picture) -> None:
    with pytest.raises(SkillError, match="a point has no area to crop; give a box"):
        crop(plain, Region(box=(5, 5, 5, 5), point=(5, 5)))


def test_nothing_of_the_picture_inside(plain: Picture) -> None:
    with pytest.raises(SkillError, match="holds no pixel of the 120x80 picture"):
        crop(plain, Region(box=(120, 80, 120, 80)))
