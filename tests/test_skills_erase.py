import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skills import Context, Picture, Region, Regions, Rle, SkillError
from skills.builtin.erase import erase
from skills.builtin.read_text import read_text
from skills.pictures import read_picture


def _boxes(*boxes: tuple[float, float, float, float]) -> Regions:
    return Regions(items=tuple(Region(box=box) for box in boxes))


def test_the_object_is_gone_and_the_rest_untouched(plain: Picture) -> None:
    edited = erase(plain, _boxes((20, 10, 60, 50)))
    assert (edited.frame, edited.view, edited.size) == ("img_1", False, plain.size)
    assert np.abs(edited.array.astype(int) - 160).max() <= 6
    far = np.ones((80, 120), bool)
    far[4:56, 14:66] = False
    assert (edited.array[far] == plain.array[far]).all()


def test_a_gradient_is_continued() -> None:
    ramp = np.tile(np.linspace(0, 255, 300), (200, 1)).astype(np.uint8)
    array = np.repeat(ramp[..., None], 3, axis=2)
    array[90:110, 140:160] = (255, 0, 0)
    edited = erase(Picture.from_array(array), _boxes((140, 90, 160, 110)))
    assert np.abs(edited.array[100, 140:160, 0].astype(int) - ramp[0, 140:160]).max() < 12


def test_no_text_is_left_on_a_page(shared: Callable[[str], Path]) -> None:
    page, _ = read_picture(shared("ocr/tesseract/phototest.tif"))
    context = Context()
    lines = read_text(page, ctx=context).lines
    assert len(lines) == 8
    edited = erase(page, _boxes(*(line.box for line in lines if line.box)))
    assert read_text(edited, ctx=context).lines == ()


def test_a_huge_hole_in_a_huge_picture_is_quick() -> None:
    rng = np.random.default_rng(2)
    array = rng.integers(100, 140, (3000, 4000, 3), dtype=np.uint8)
    array[500:2500, 500:3500] = 255
    started = time.monotonic()
    edited = erase(Picture.from_array(array), _boxes((500, 500, 3500, 2500)))
    assert time.monotonic() - started < 20
    hole = edited.array[500:2500, 500:3500]
    assert 100 <= hole.min() <= hole.max() <= 140


def test_a_mask_and_transparency(plain: Picture) -> None:
    image = plain.image.convert("RGBA")
    image.putalpha(120)
    mask = np.zeros((80, 120), bool)
    mask[8:52, 18:62] = True
    region = Region(box=(18, 8, 62, 52), rle=Rle.encode(mask))
    edited = erase(Picture.from_image(image, frame="img_1"), Regions(items=(region,)))
    assert (edited.array[..., 3] == 120).all()
    assert np.abs(edited.array[..., :3].astype(int) - 160).max() <= 6


def test_two_holes_that_touch_the_edge() -> None:
    array = np.full((100, 200, 3), 50, np.uint8)
    array[:30, :30] = array[70:, 170:] = 250
    edited = erase(Picture.from_array(array), _boxes((0, 0, 30, 30), (170, 70, 200, 100)))
    assert np.abs(edited.array.astype(int) - 50).max() <= 6


def test_extreme_sizes() -> None:
    line = np.full((2, 3000, 3), 70, np.uint8)
    line[:, 1000:1100] = 200
    edited = erase(Picture.from_array(line), _boxes((1000, 0, 1100, 2)))
    assert np.abs(edited.array.astype(int) - 70).max() <= 10
    with pytest.raises(SkillError, match="the region is the whole picture, nothing is left"):
        erase(Picture.from_array(line[:1, :1]), _boxes((0, 0, 1, 1)))


def test_all_but_a_rim() -> None:
    """The grown hole would be the whole picture; the hole as given still has something to fill it from."""
    array = np.full((20, 20, 3), 90, np.uint8)
    array[1:19, 1:19] = 10
    edited = erase(Picture.from_array(array), _boxes((1, 1, 19, 19)))
    assert np.abs(edited.array.astype(int) - 90).max() <= 6


def test_errors(plain: Picture) -> None:
    with pytest.raises(SkillError, match="the region is empty, nothing would be erased"):
        erase(plain, _boxes((120, 0, 120, 80)))
    with pytest.raises(SkillError, match="a point has no area"):
        erase(plain, Regions(items=(Region(box=(5, 5, 6, 6), point=(5, 5)),)))
