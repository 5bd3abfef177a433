import numpy as np
import pytest

from skills import Picture, SkillError
from skills.builtin.rotate import rotate


def test_positive_is_counter_clockwise(plain: Picture) -> None:
    turned = rotate(plain, 90)
    assert turned.size == (80, 120)
    assert (turned.array == np.rot90(plain.array)).all()
    assert turned.frame == ""
    assert not turned.view


def test_quarter_turns_lose_nothing(plain: Picture) -> None:
    assert rotate(rotate(plain, 90), -90).pixels == plain.pixels
    assert rotate(rotate(plain, 180), 540).pixels == plain.pixels
    assert rotate(plain, 270).pixels == rotate(plain, -90).pixels


def test_other_angles_enlarge_and_fill_white(plain: Picture) -> None:
    turned = rotate(plain, 30)
    assert turned.size[0] > 120
    assert turned.size[1] > 80
    assert (turned.array[0, 0] == 255).all()


def test_other_angles_turn_the_same_way() -> None:
    array = np.full((101, 101, 3), 255, np.uint8)
    array[45:56, 90:] = 0
    turned = rotate(Picture.from_array(array), 45).array[..., 0]
    y, x = np.argwhere(turned < 50).mean(axis=0)
    assert x > turned.shape[1] / 2
    assert y < turned.shape[0] / 2


def test_corners_of_a_transparent_picture_are_transparent(plain: Picture) -> None:
    turned = rotate(Picture.from_image(plain.image.convert("RGBA")), 10)
    assert turned.mode == "RGBA"
    assert turned.array[0, 0, 3] == 0


@pytest.mark.parametrize("size", [(1, 1), (3000, 2)])
@pytest.mark.parametrize("degrees", [90.0, 33.3, -0.5])
def test_extreme_sizes(size: tuple[int, int], degrees: float) -> None:
    picture = Picture.from_array(np.zeros((size[1], size[0], 3), np.uint8))
    assert min(rotate(picture, degrees).size) >= 1


@pytest.mark.parametrize("degrees", [0, 360, -720])
def test_nothing_to_turn(plain: Picture, degrees: float) -> None:
    with pytest.raises(SkillError, match="leaves the picture as it is; give an angle between"):
        rotate(plain, degrees)


def test_no_angle(plain: Picture) -> None:
    with pytest.raises(SkillError, match="nan is no angle; give degrees"):
        rotate(plain, float("nan"))
