import numpy as np
import pytest
from pydantic import ValidationError

from skills import Picture, Region, Regions, Rle, SkillError
from skills.builtin.blur import blur


def _noise(height: int = 200, width: int = 300, channels: int = 3) -> Picture:
    rng = np.random.default_rng(3)
    array = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Picture.from_array(array, frame="img_7")


def _regions(*boxes: tuple[float, float, float, float]) -> Regions:
    return Regions(items=tuple(Region(box=box) for box in boxes))


def test_pixels_outside_are_exactly_unchanged() -> None:
    picture = _noise()
    edited = blur(picture, _regions((50, 40, 150, 140), (290, 190, 300, 200)))
    outside = np.ones((200, 300), bool)
    outside[40:140, 50:150] = outside[190:, 290:] = False
    assert (edited.array[outside] == picture.array[outside]).all()
    assert (edited.frame, edited.view, edited.size) == ("img_7", False, (300, 200))


def test_the_default_leaves_no_detail() -> None:
    """What is left must be coarser than an eighth of the region, or a face could still be told."""
    array = np.full((300, 300, 3), 255, np.uint8)
    array[:, ::50] = 0
    array[:, 1::50] = 0
    blocks = (np.indices((300, 300)) // 37).sum(axis=0) % 2 * 255
    array = np.repeat(blocks[..., None], 3, axis=2).astype(np.uint8)
    edited = blur(Picture.from_array(array), _regions((50, 50, 250, 250))).array[90:210, 90:210]
    assert edited.std() < 0.1 * array.std()


def test_strength_grows_and_size_does_not_matter() -> None:
    small, large = _noise(40, 40), Picture.from_image(_noise(40, 40).image.resize((400, 400), 0))
    rests = [blur(small, _regions((0, 0, 40, 40)), s).array.std() for s in (0.0, 0.3, 0.6, 1.0)]
    assert rests == sorted(rests, reverse=True)
    scaled = blur(large, _regions((0, 0, 400, 400)), 0.5).array.std()
    assert scaled == pytest.approx(blur(small, _regions((0, 0, 40, 40)), 0.5).array.std(), rel=0.4)


def test_a_mask_is_followed_and_transparency_stays() -> None:
    picture = _noise(channels=4)
    mask = np.zeros((200, 300), bool)
    mask[20:60, 20:60] = np.tri(40, dtype=bool)
    region = Region(box=(20, 20, 60, 60), rle=Rle.encode(mask))
    edited = blur(picture, Regions(items=(region,)))
    assert (edited.array[~mask] == picture.array[~mask]).all()
    assert (edited.array[..., 3] == picture.array[..., 3]).all()
    assert (edited.array[mask] != picture.array[mask]).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("size", [(1, 1), (3000, 2)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    picture = Picture.from_array(np.full((size[1], size[0], 3), 80, np.uint8))
    assert blur(picture, _regions((0, 0, *size))).pixels == picture.pixels


def test_errors(plain: Picture) -> None:
    with pytest.raises(SkillError, match="the region is empty, nothing would be blurred"):
        blur(plain, _regions((120, 80, 120, 80)))
    with pytest.raises(SkillError, match="a point has no area"):
        blur(plain, Regions(items=(Region(box=(5, 5, 6, 6), point=(5, 5)),)))
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        blur.arguments(regions="boxes_1", strength=1.5)
