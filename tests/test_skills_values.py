"""Values: frozen, comparable, JSON round-trip exact."""

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from skills import Boxes, Line, Masks, Number, Picture, Points, Rle, Text, Value
from skills.values import value_bytes, value_from_json

MASK = np.zeros((6, 9), dtype=bool)
MASK[2:4, 3:8] = True
VALUES: list[Value] = [
    Boxes(xyxy=((0.1, 0.25, 3.0, 4.5),), labels=("face",), scores=(0.123456789,), frame="img_1"),
    Masks.from_arrays([MASK, ~MASK], labels=("a", "b"), frame="img_1"),
    Points(xy=((1.5, 2.0),), include=(False,), frame="img_2"),
    Text(lines=(Line(text="é ☕\n", box=(0, 0, 1, 1), score=0.5), Line(text="")), untrusted=True),
    Number(value=10**30, unit="m"),
    Number(value=0.1),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.kind)
def test_json_gives_back_an_equal_value(value: Value) -> None:
    import json

    assert value_from_json(json.loads(value_bytes(value))) == value
    assert hash(value) == hash(value.model_copy())


def test_a_picture_is_its_pixels() -> None:
    array = np.random.default_rng(0).integers(0, 256, (4, 7, 3), dtype=np.uint8)
    value = Picture.from_array(array)
    assert (value.size, value.mode) == ((7, 4), "RGB")
    assert np.array_equal(value.array, array)
    assert Picture.from_image(value.image) == value
    assert value.png == Picture.from_array(array).png
    with pytest.raises(ValueError, match="read-only"):
        value.array[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("mode", "expected"), [("L", "RGB"), ("LA", "RGBA"), ("P", "RGB"), ("CMYK", "RGB"), ("1", "RGB"), ("RGBA", "RGBA")]
)
def test_any_mode_of_picture_becomes_eight_bit_rgb(mode: str, expected: str) -> None:
    assert Picture.from_image(Image.new(mode, (3, 2))).mode == expected


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    deep = Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16))
    assert Picture.from_image(deep).array[0, :, 0].tolist() == [0, 128, 255]


def test_an_edit_keeps_the_frame_and_must_keep_the_size(plain: Picture) -> None:
    assert plain.redrawn(plain.image).frame == "img_1"
    with pytest.raises(ValueError, match=r"an edit in the same frame keeps the size \(120, 80\), got \(60, 80\)"):
        plain.redrawn(plain.image.resize((60, 80)))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Picture(pixels=b"12", size=(1, 1)), "a RGB picture of 1x1 has 3 bytes, not 2"),
        (lambda: Picture(pixels=b"", size=(0, 1)), "a RGB picture of 0x1"),
        (
            lambda: Picture.from_array(np.zeros((2, 2, 3))),
            r"a picture array is \(H, W, 3 or 4\) uint8, not \(2, 2, 3\) float64",
        ),
        (lambda: Boxes(xyxy=((3, 0, 1, 1),)), "a box is x1 <= x2, y1 <= y2"),
        (lambda: Boxes(xyxy=((0, 0, float("nan"), 1),)), "finite"),
        (lambda: Points(xy=((float("inf"), 1),)), "finite"),
        (lambda: Number(value=float("nan")), "finite"),
        (lambda: Boxes(xyxy=((0, 0, 1, 1),), labels=("a", "b")), "boxes: 1 items but 2 'labels'"),
        (lambda: Masks.from_arrays([MASK, MASK[:3]]), "masks of one value share one size"),
        (lambda: value_from_json({"kind": "song"}), "song"),
        (lambda: Number(value=1, colour="red"), "Extra inputs are not permitted"),
    ],
)
def test_what_is_no_value_says_why(make: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()  # type: ignore[operator]


def test_values_are_frozen() -> None:
    with pytest.raises(ValidationError, match="Instance is frozen"):
        VALUES[0].frame = "img_9"  # type: ignore[misc, union-attr]


def test_masks_come_back_as_they_were() -> None:
    assert np.array_equal(Masks.from_arrays([MASK, ~MASK]).array, np.stack([MASK, ~MASK]))
    assert np.array_equal(Rle.encode(MASK).decode(), MASK)
    assert Masks().array.shape == (0, 0, 0)
    assert Boxes().array.shape == (0, 4)


@pytest.mark.parametrize(
    ("number", "text"), [(84, "84"), (2.5, "2.5"), (1e21, "1e+21"), (10**30, str(10**30)), (0.1 + 0.2, "0.3")]
)
def test_a_number_is_written_as_people_do(number: float, text: str) -> None:
    assert Number(value=number).text == text
    assert Number(value=number, unit="m").text == f"{text} m"
