"""What a planner reads about a value: short, complete in number, and nothing cut silently."""

import numpy as np
import pytest

from skills import Boxes, Line, Masks, Number, Picture, Points, Text, Value
from skills.describe import describe, summary
from tests.probes import picture


def boxes(count: int, *labels: str) -> Boxes:
    return Boxes(xyxy=tuple((0.0, 0.0, 10.0 + n, 10.0) for n in range(count)), labels=labels, frame="img_1")


def test_boxes_are_normalised_to_three_decimals() -> None:
    value = Boxes(xyxy=((10, 20, 30, 40),), labels=("cup",), scores=(0.914,), frame="img_1")
    assert describe("boxes_1", value, (300, 80)) == "boxes_1: 1 cup in img_1: [0] cup 0.91 (0.033, 0.250, 0.100, 0.500)"
    assert describe("boxes_1", value) == "boxes_1: 1 cup in img_1: [0] cup 0.91"


def test_twenty_four_boxes_are_written_the_rest_counted() -> None:
    assert "more in" not in describe("boxes_1", boxes(24), (100, 100))
    text = describe("boxes_1", boxes(55), (100, 100))
    assert text.startswith("boxes_1: 55 boxes in img_1: [0] (0.000,")
    assert "; [23] (" in text
    assert "[24]" not in text
    assert text.endswith("; ... and 31 more in boxes_1")


def test_two_thousand_characters_of_text_are_written_the_rest_counted() -> None:
    lines = tuple(Line(text="x" * 99) for _ in range(51))
    text = describe("text_1", Text(lines=lines, frame="img_1"))
    assert text.startswith("text_1: 51 lines in img_1:\n" + "x" * 99 + "\n")
    assert text.endswith("\n... and 31 more in text_1")
    assert text.count("x" * 99 + "\n") == 20


def test_one_endless_line_is_cut_and_says_so() -> None:
    text = describe("text_1", Text.of("x" * 5000, "y"))
    assert text.count("x\n") == 0
    assert "x" * 2000 + " ...\n... and 1 more in text_1" in text


def test_endless_labels_stay_short() -> None:
    """Broke when 24 labels of any length, and every different label, were written out."""
    value = boxes(40, *(f"{n}" + "l" * 3000 for n in range(40)))
    text = describe("boxes_1", value, (100, 100))
    assert len(text) < 3500
    assert "and 32 other labels" in text
    assert text.endswith(" more in boxes_1")
    assert len(summary(value)) < 700


@pytest.mark.parametrize(
    ("value", "text", "short"),
    [
        (picture(), "x: picture, 40x20", "picture, 40x20"),
        (
            picture().model_copy(update={"view": True, "frame": "img_1"}),
            "x: picture, a view, 40x20, frame of img_1",
            None,
        ),
        (Picture.from_array(np.zeros((2, 3, 4), dtype=np.uint8)), "x: picture, transparent, 3x2", None),
        (Number(value=7, unit="cups"), "x: 7 cups", "7 cups"),
        (Boxes(frame="img_2"), "x: nothing found in img_2", "nothing found in img_2"),
        (Text(), "x: nothing found", "nothing found"),
        (Text.of("STOP"), "x: 1 line:\nSTOP", None),
        (boxes(3, "cup", "dog", "cup"), "x: 2 cup, 1 dog in img_1: [0] cup; [1] dog; [2] cup", "2 cup, 1 dog in img_1"),
        (boxes(2, "cup", ""), "x: 2 boxes in img_1: [0] cup; [1]", "2 boxes in img_1"),
        (
            Points(xy=((1, 1), (2, 2)), include=(True, False), frame="img_1"),
            "x: 2 points in img_1: [0]; [1]",
            "2 points in img_1",
        ),
    ],
)
def test_every_kind_in_words(value: Value, text: str, short: str | None) -> None:
    assert describe("x", value) == text
    assert short is None or summary(value) == short


def test_masks_say_their_share_and_points_what_they_exclude() -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[:5] = True
    assert describe("mask_1", Masks.from_arrays([mask])) == "mask_1: 1 masks: [0] (50.0% of the picture)"
    points = Points(xy=((1, 1), (5, 5)), include=(True, False), frame="img_1")
    assert describe("points_1", points, (10, 10)).endswith(": [0] (0.100, 0.100); [1] (0.500, 0.500) not this")


def test_a_summary_of_text_is_an_excerpt() -> None:
    assert summary(Text.of("a  b", "c" * 90)) == "2 lines: a b " + "c" * 56 + " ..."
