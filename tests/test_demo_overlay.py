"""Regions and marks drawn over pictures."""

import numpy as np

from demo.marking import Marking
from demo.overlay import PANEL, overlay, panel, with_mark
from skills import Boxes, Line, Masks, Number, Picture, Points, Text
from skills.store import Artifacts, Store


def table(plain):
    artifacts = Artifacts(Store())
    assert artifacts.add(plain.model_copy(update={"frame": ""})) == "img_1"
    return artifacts


def changed(one, other):
    """Return where two pictures differ, (H, W) bool."""
    return (one.rgb != other.rgb).any(axis=2)


def test_boxes_are_drawn_where_they_lie(plain):
    artifacts = table(plain)
    name = artifacts.add(Boxes(xyxy=((70, 20, 110, 70),), frame="img_1"))
    drawn = overlay(name, artifacts)
    assert drawn is not None
    assert drawn.view
    where = changed(drawn, plain)
    assert where[45, 70]
    assert where[20, 90]
    assert not where[45, 90]
    assert not where[45, 10]


def test_masks_and_points_and_placed_text_are_drawn(plain):
    artifacts = table(plain)
    mask = np.zeros((80, 120), dtype=bool)
    mask[30:60, 70:100] = True
    for value in (
        Masks.from_arrays([mask], frame="img_1"),
        Points(xy=((85.0, 45.0),), frame="img_1"),
        Text(lines=(Line(text="x", box=(70, 30, 100, 60)),), frame="img_1"),
    ):
        drawn = overlay(artifacts.add(value), artifacts)
        assert drawn is not None
        assert changed(drawn, plain)[28:62, 68:102].any()


def test_nothing_found_and_what_lies_in_no_picture_is_not_drawn(plain):
    artifacts = table(plain)
    for value in (Boxes(frame="img_1"), Boxes(xyxy=((0, 0, 5, 5),)), Text.of("hello"), Number(value=3)):
        assert overlay(artifacts.add(value), artifacts) is None
    assert overlay("img_1", artifacts) is None


def test_an_edited_picture_in_the_same_frame_is_drawn_on(plain):
    artifacts = table(plain)
    edited = Picture.from_array(np.zeros((80, 120, 3), dtype=np.uint8), frame="img_1")
    assert artifacts.add(edited, "call_1") == "img_2"
    name = artifacts.add(Boxes(xyxy=((70, 20, 110, 70),), frame="img_1"))
    drawn = overlay(name, artifacts, base="img_2")
    assert drawn is not None
    assert drawn.rgb[5, 5].tolist() == [0, 0, 0]


def test_a_large_picture_is_marked_at_the_panels_size():
    large = Picture.from_array(np.zeros((300, 2000, 3), dtype=np.uint8))
    assert max(panel(large).size) == PANEL


def test_one_click_is_a_point_two_are_a_box_and_the_third_starts_again(plain):
    marking = Marking()
    marking.click(3, 3)
    assert (marking.mark, marking.drawn) == ((), None)
    marking.show("a", plain)
    assert marking.hint == "**Mark a place:** click once for a point, twice for a box"
    marking.click(90, 60)
    assert marking.mark == (0.75, 0.75)
    marking.click(30, 20)
    assert marking.mark == (0.25, 0.25, 0.75, 0.75)
    drawn = marking.drawn
    assert drawn is not None
    assert changed(drawn, plain)[40, 28:33].any()
    marking.click(60, 40)
    assert marking.mark == (0.5, 0.5)
    marking.show("a", plain)
    assert marking.mark == (0.5, 0.5)
    marking.show("b", plain)
    assert marking.mark == ()


def test_a_second_click_at_the_same_place_is_a_point_again(plain):
    marking = Marking()
    marking.show("a", plain)
    marking.click(60, 40)
    marking.click(60.5, 70)
    assert len(marking.mark) == 2


def test_no_mark_draws_nothing(plain):
    assert with_mark(plain, ()) == plain
