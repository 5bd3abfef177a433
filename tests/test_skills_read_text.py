from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from skills import Context, Picture, Region, SkillError
from skills.builtin._reading_order import Fragment, in_reading_order
from skills.builtin.read_text import _owned, _strips, read_text
from skills.pictures import read_picture


@pytest.fixture(scope="module")
def ctx() -> Context:
    return Context()


def _fragment(text: str, x: float, y: float, width: float, height: float = 20) -> Fragment:
    quad = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    return Fragment(quad, text, 0.8)


def _page(*lines: tuple[str, tuple[int, int]], size: tuple[int, int] = (640, 240)) -> Picture:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for text, place in lines:
        draw.text(place, text, fill="black", font=ImageFont.load_default(size=32))
    return Picture.from_image(image, frame="img_3")


def _distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


@pytest.mark.parametrize(("page", "truth"), [("phototest.tif", "phototest.gold.txt"), ("eurotext.tif", "eurotext.txt")])
def test_pages_are_read(page: str, truth: str, ctx: Context, shared: Callable[[str], Path]) -> None:
    picture, _ = read_picture(shared(f"ocr/tesseract/{page}"))
    expected = " ".join(shared(f"ocr/tesseract/{truth}").read_text(encoding="utf-8").split())
    found = " ".join(read_text(picture, ctx=ctx).text.split())
    assert _distance(expected, found) <= 0.02 * len(expected)


def test_lines_boxes_and_frame(ctx: Context) -> None:
    text = read_text(_page(("Hello world", (40, 30)), ("Second line", (40, 150))), ctx=ctx)
    assert text.text == "Hello world\nSecond line"
    assert (text.frame, text.untrusted) == ("img_3", True)
    box = text.lines[1].box
    assert box is not None
    assert 25 <= box[0] <= 45
    assert 140 <= box[1] <= 165
    assert all(0.5 < (line.score or 0) <= 1 for line in text.lines)


def test_a_region_is_read_alone_and_its_boxes_lie_in_the_picture(ctx: Context) -> None:
    page = _page(("Hello world", (40, 30)), ("Second line", (40, 150)))
    text = read_text(page, Region(box=(0, 120, 640, 240)), ctx=ctx)
    assert text.text == "Second line"
    whole = read_text(page, ctx=ctx).lines[1].box
    assert whole is not None
    assert text.lines[0].box == pytest.approx(whole, abs=8)


def test_transparent_paper_is_white(ctx: Context) -> None:
    page = _page(("Hello world", (40, 30))).image
    ink = Image.new("RGBA", page.size, (0, 0, 0, 0))
    ink.putalpha(page.convert("L").point(lambda v: 255 - v))
    assert read_text(Picture.from_image(ink), ctx=ctx).text == "Hello world"


def test_a_long_screenshot_is_read_in_strips(ctx: Context) -> None:
    """Scaled down as a whole its letters would be 3 pixels high; cut without overlap a line would be lost."""
    written = [f"Line number {n}" for n in range(24)]
    lines = [(line, (20, 20 + 78 * n)) for n, line in enumerate(written)]
    text = read_text(_page(*lines, size=(320, 1900)), ctx=ctx)
    assert [line.text for line in text.lines] == written


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
def test_extreme_sizes_hold_no_text(size: tuple[int, int], ctx: Context) -> None:
    picture = Picture.from_array(np.full((size[1], size[0], 3), 255, np.uint8))
    assert read_text(picture, ctx=ctx).lines == ()


def test_errors(plain: Picture, ctx: Context) -> None:
    with pytest.raises(SkillError, match="a point has no area to read; give a box"):
        read_text(plain, Region(box=(5, 5, 5, 5), point=(5, 5)), ctx=ctx)
    with pytest.raises(SkillError, match="holds no pixel of the picture; give another"):
        read_text(plain, Region(box=(120, 5, 120, 9)), ctx=ctx)


def test_fragments_of_a_row_are_one_line() -> None:
    lines = in_reading_order(
        [_fragment("fox", 160, 2, 60), _fragment("below", 0, 40, 90), _fragment("quick", 0, 0, 140)]
    )
    assert [line.text for line in lines] == ["quick fox", "below"]
    assert lines[0].box == (0, 0, 220, 22)
    assert lines[0].score == pytest.approx(0.8)


def test_a_distant_price_stays_a_line_of_its_row() -> None:
    rows = [("tea", "1.20"), ("bread", "2.50"), ("milk", "0.99"), ("total", "4.69")]
    fragments = [_fragment(name, 0, 30 * n, 80) for n, (name, _) in enumerate(rows)]
    fragments += [_fragment(price, 300, 30 * n + 3, 60) for n, (_, price) in enumerate(rows)]
    expected = [word for row in rows for word in row]
    assert [line.text for line in in_reading_order(fragments)] == expected


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [_fragment(f"left {n}", 0, 100 + 30 * n, 280) for n in range(4)]
    right = [_fragment(f"right {n}", 340, 100 + 30 * n, 280) for n in range(4)]
    title, foot = _fragment("title", 100, 20, 420), _fragment("foot", 0, 300, 600)
    lines = in_reading_order([*right, foot, *left, title])
    words = ["title", *(f.text for f in left), *(f.text for f in right), "foot"]
    assert [line.text for line in lines] == words


def test_a_sloping_page_keeps_its_rows() -> None:
    turn = np.array([[0.995, 0.0998], [-0.0998, 0.995]])
    level = [_fragment(f"{x} {y}", 400 * x, 30 * y, 100) for y in range(3) for x in range(2)]
    sloping = [Fragment(item.quad @ turn, item.text, item.score) for item in level]
    lines = in_reading_order(sloping[::-1])
    assert [line.text for line in lines] == [item.text for item in level]


def test_strips_cover_the_picture_and_overlap() -> None:
    strips = _strips(320, 6400)
    assert strips[0][1] == 0
    assert strips[-1][3] == 6400
    assert all(after[1] < before[3] for before, after in pairwise(strips))
    assert _strips(640, 480) == [(0, 0, 640, 480)]
    assert not _owned(_fragment("again", 2, 1, 100), [_fragment("again", 0, 0, 100)])
