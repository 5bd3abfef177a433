import numpy as np
import pytest

from skills import Picture, Region, Regions, Rle, SkillError
from skills.builtin.cut_out import cut_out


def _box(*box: float) -> Regions:
    return Regions(items=(Region(box=box),))  # type: ignore[arg-type]


def test_outside_is_transparent_and_inside_unchanged(plain: Picture) -> None:
    cut = cut_out(plain, _box(20, 10, 60, 50))
    assert (cut.mode, cut.size, cut.frame, cut.view) == ("RGBA", (120, 80), "img_1", False)
    assert (cut.array[10:50, 20:60] == (220, 20, 20, 255)).all()
    assert cut.array[..., 3].sum() == 255 * 40 * 40
    assert not cut.array[:10].any(), "hidden pixels keep no colour that could be brought back"


def test_a_mask_is_followed_exactly(plain: Picture) -> None:
    mask = np.zeros((80, 120), bool)
    mask[[3, 7], [4, 9]] = True
    region = Region(box=(4, 3, 10, 8), rle=Rle.encode(mask))
    assert ((cut_out(plain, Regions(items=(region,))).array[..., 3] > 0) == mask).all()


def test_transparency_inside_is_kept(plain: Picture) -> None:
    rgba = plain.image.convert("RGBA")
    rgba.putalpha(100)
    cut = cut_out(Picture.from_image(rgba, frame="img_1"), _box(0, 0, 50, 50))
    assert set(np.unique(cut.array[..., 3])) == {0, 100}


@pytest.mark.parametrize("size", [(1, 1), (3000, 2)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    picture = Picture.from_array(np.full((size[1], size[0], 3), 9, np.uint8), frame="img_1")
    assert (cut_out(picture, _box(0, 0, *size)).array[..., 3] == 255).all()


def test_an_empty_region(plain: Picture) -> None:
    with pytest.raises(SkillError, match="the region is empty, nothing would be left"):
        cut_out(plain, _box(120, 10, 120, 50))


def test_a_point(plain: Picture) -> None:
    point = Regions(items=(Region(box=(5, 5, 5, 5), point=(5, 5)),))
    with pytest.raises(SkillError, match="a point has no area; call segment on it first"):
        cut_out(plain, point)
