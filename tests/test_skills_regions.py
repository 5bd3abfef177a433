"""Regions: pixels of a picture, areas, and what is refused."""

import numpy as np
import pytest

from skills import BadRegion, Boxes, Line, Masks, Picture, Points, Region, Regions, Rle, Text
from skills.regions import bounds, frames_of, resolve
from skills.store import Artifacts
from tests.probes import picture, table


def first(written: object, artifacts: Artifacts) -> Region:
    return resolve(written, artifacts.picture("img_1"), artifacts).items[0]


def test_numbers_are_shares_of_the_picture_in_any_order() -> None:
    artifacts = table(picture(40, 20))
    assert first([0.75, 1.0, 0.25, 0.5], artifacts).box == (10, 10, 30, 20)
    assert first([0.5, 0.25], artifacts).point == (20, 5)
    assert len(resolve([[0, 0, 1, 1], [0.5, 0.5]], artifacts.picture("img_1"), artifacts)) == 2


def test_boxes_are_clipped_to_the_picture_and_keep_their_label() -> None:
    artifacts = table(picture(40, 20), Boxes(xyxy=((-5, -5, 99, 7.5),), labels=("car",), frame="img_1"))
    region = first("boxes_1", artifacts)
    assert (region.box, region.label, region.pixels) == ((0, 0, 40, 7.5), "car", (0, 0, 40, 8))
    assert region.mask((40, 20)).sum() == 40 * 8


def test_a_mask_keeps_its_exact_area() -> None:
    mask = np.zeros((20, 40), dtype=bool)
    mask[3, 4] = mask[6, 9] = True
    artifacts = table(picture(40, 20), Masks.from_arrays([mask], frame="img_1"))
    region = first("mask_1[0]", artifacts)
    assert region.box == (4, 3, 10, 7)
    assert np.array_equal(region.mask((40, 20)), mask)
    assert bounds(np.zeros((2, 2), dtype=bool)) == (0, 0, 0, 0)


def test_regions_are_the_union_of_their_parts() -> None:
    parts = Regions(items=(Region(box=(0, 0, 2, 2)), Region(box=(1, 1, 3, 3), rle=Rle.encode(np.eye(4, dtype=bool)))))
    assert parts.mask((4, 4)).sum() == 4 + 2
    assert len(parts) == len(list(parts)) == 2


def test_a_point_has_no_area() -> None:
    with pytest.raises(BadRegion, match="a point has no area; call segment on it first, or give a box"):
        Region(box=(1, 1, 1, 1), point=(1, 1)).mask((4, 4))


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("cat", "'cat' names no region; there is boxes_1, text_1, points_1"),
        ("img_1", "'img_1' names no region; there is boxes_1"),
        ("boxes_01", "'boxes_01' names no region"),
        ("boxes_1[-1]", r"'boxes_1\[-1\]' names no region"),
        ("text_1[1]", r"'text_1\[1\]' has no place in the picture \(text without a box\)"),
        ([0.1, 0.2, 0.3], r"\[0.1, 0.2, 0.3\] is no region; expected \[x1, y1, x2, y2\] or \[x, y\], normalised 0-1"),
        ([0.1, float("nan")], "is no region"),
        ([10, 10, 20, 20], r"\[10, 10, 20, 20\] is no region"),
        ([[]], "no region was given; name one"),
        (3, "3 is no region; expected an id"),
        ({"box": 1}, "is no region; expected an id"),
    ],
)
def test_what_is_no_region_says_what_is(written: object, text: str) -> None:
    words = Text(lines=(Line(text="a", box=(0, 0, 9, 9)), Line(text="b")), frame="img_1")
    boxes = Boxes(xyxy=((0, 0, 9, 9),), frame="img_1")
    artifacts = table(picture(), boxes, words, Points(xy=((1, 1),), frame="img_1"))
    with pytest.raises(BadRegion, match=text):
        first(written, artifacts)


def test_a_region_of_another_frame_is_never_shifted() -> None:
    artifacts = table(picture(), Boxes(xyxy=((0, 0, 9, 9),), frame="img_2"))
    with pytest.raises(
        BadRegion, match="lies in the frame of img_2, the picture is in the frame of img_1; find it again"
    ):
        first("boxes_1", artifacts)


def test_frames_are_those_of_the_ids_alone() -> None:
    boxes = Boxes(xyxy=((0, 0, 9, 9),), frame="img_1")
    artifacts = table(picture(), boxes, boxes.model_copy(update={"frame": "img_2"}), Text.of("a"))
    assert frames_of(["boxes_1", [0, 0, 1, 1], "boxes_2[0]", "boxes_1", "text_1"], artifacts) == ("img_1", "img_2")
    assert frames_of([0.5, 0.5], artifacts) == ()


def test_an_array_of_a_region_has_the_shape_of_the_picture(plain: Picture) -> None:
    assert Region(box=(0.2, 0.2, 1.2, 2.2)).mask(plain.size).shape == (80, 120)
