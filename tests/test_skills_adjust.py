import numpy as np
import pytest
from pydantic import ValidationError

from skills import Picture, SkillError
from skills.builtin.adjust import adjust


def test_brightness_scales_every_channel(plain: Picture) -> None:
    darker = adjust(plain, brightness=0.5)
    assert np.abs(darker.array.astype(int) - plain.array.astype(int) // 2).max() <= 1
    assert (darker.frame, darker.size) == ("img_1", plain.size)
    assert not adjust(plain, brightness=0).array.any()


def test_contrast_zero_is_flat_and_more_is_wider(plain: Picture) -> None:
    assert len(np.unique(adjust(plain, contrast=0).array)) == 1
    assert adjust(plain, contrast=1.5).array.std() > plain.array.std()


def test_saturation_zero_and_grayscale_are_grey(plain: Picture) -> None:
    for grey in (adjust(plain, saturation=0), adjust(plain, grayscale=True)):
        assert grey.mode == "RGB"
        assert (np.ptp(grey.array, axis=2) == 0).all()


def test_transparency_is_kept(plain: Picture) -> None:
    image = plain.image.convert("RGBA")
    image.putalpha(77)
    for change in ({"brightness": 2.0}, {"contrast": 0.0}, {"saturation": 3.0}, {"grayscale": True}):
        edited = adjust(Picture.from_image(image, frame="img_1"), **change)
        assert edited.mode == "RGBA"
        assert (edited.array[..., 3] == 77).all()


@pytest.mark.parametrize("size", [(1, 1), (3000, 2)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    picture = Picture.from_array(np.full((size[1], size[0], 3), 50, np.uint8))
    assert adjust(picture, 2, 2, 2, True).size == size


def test_nothing_to_change(plain: Picture) -> None:
    with pytest.raises(SkillError, match=r"nothing to adjust; give a brightness, contrast"):
        adjust(plain)


def test_the_schema_holds_the_limits() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 3"):
        adjust.arguments(brightness=3.1)
