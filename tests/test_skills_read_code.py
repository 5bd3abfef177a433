from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from skills import Picture
from skills.builtin.read_code import _text, read_code
from skills.pictures import read_picture


def _code(payload: str, module: int = 6) -> np.ndarray:
    small = cv2.QRCodeEncoder.create().encode(payload)
    return np.kron(small, np.ones((module, module), np.uint8))


def _picture(*codes: tuple[np.ndarray, tuple[int, int]], size: tuple[int, int]) -> Picture:
    paper = np.full((size[1], size[0], 3), 255, np.uint8)
    for code, (x, y) in codes:
        paper[y : y + code.shape[0], x : x + code.shape[1]] = code[..., None]
    return Picture.from_array(paper, frame="img_2")


def test_payload_box_and_frame() -> None:
    code = _code("https://example.org/?a=1&b=2")
    text = read_code(_picture((code, (200, 100)), size=(600, 400)))
    assert text.text == "https://example.org/?a=1&b=2"
    assert (text.frame, text.untrusted) == ("img_2", True)
    box = text.lines[0].box
    assert box is not None
    quiet = 6 * 4
    high, wide = code.shape
    assert box[0] == pytest.approx(200, abs=quiet + 6)
    assert box[3] == pytest.approx(100 + high, abs=quiet + 6)
    assert box[2] == pytest.approx(200 + wide, abs=quiet + 6)


def test_two_codes_from_left_to_right() -> None:
    codes = ((_code("second"), (400, 50)), (_code("first"), (40, 50)))
    assert read_code(_picture(*codes, size=(700, 300))).text == "first\nsecond"


@pytest.mark.parametrize("change", ["inverted", "tiny", "mirrored paper", "transparent"])
def test_codes_that_need_a_second_look(change: str) -> None:
    picture = _picture((_code("hello", 2 if change == "tiny" else 6), (30, 30)), size=(260, 240))
    array = picture.array.copy()
    if change == "inverted":
        array = 255 - array
    if change == "mirrored paper":
        array = array[::-1, ::-1].copy()
    if change == "transparent":
        alpha = 255 - array[..., :1]
        array = np.concatenate([np.zeros_like(array), alpha], axis=2)
    assert read_code(Picture.from_array(array)).text == "hello"


def test_a_barcode() -> None:
    """EAN-13 of 4006381333931, drawn by the rules of its standard."""
    words = "0001101 0011001 0010011 0111101 0100011 0110001 0101111 0111011 0110111 0001011"
    odd = words.split()
    right = ["".join("10"[int(bit)] for bit in word) for word in odd]
    even = [word[::-1] for word in right]
    digits, parity = "4006381333931", "010011"
    left = [(even if p == "1" else odd)[int(d)] for d, p in zip(digits[1:7], parity, strict=True)]
    tail = [right[int(d)] for d in digits[7:]]
    bits = "101" + "".join(left) + "01010" + "".join(tail) + "101"
    row = np.array([0 if bit == "1" else 255 for bit in bits], np.uint8)
    bars = np.kron(np.tile(row, (60, 1)), np.ones((2, 3), np.uint8))
    assert read_code(_picture((bars, (60, 60)), size=(420, 260))).text == digits


def test_bytes_are_read_honestly() -> None:
    assert _text("é café".encode()) == "é café"
    assert _text("ﾃﾞｻﾞｲﾝ".encode("cp932").decode("latin-1").encode()) == "ﾃﾞｻﾞｲﾝ"
    assert _text("über".encode().decode("latin-1").encode()) == "über"
    assert _text("café".encode("latin-1")) == "café"


def test_photographed_codes(shared: Callable[[str], Path]) -> None:
    files = sorted(shared("qr").glob("*.png"))
    found = 0
    for file in files:
        truth = file.with_suffix(".txt").read_text(encoding="utf-8").strip()
        lines = read_code(read_picture(file)[0]).lines
        found += any(line.text.replace("\r\n", "\n").strip() == truth for line in lines)
    assert found >= 0.9 * len(files)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
@pytest.mark.parametrize("channels", [3, 4])
def test_no_code_is_no_line(size: tuple[int, int], channels: int) -> None:
    picture = Picture.from_array(np.zeros((size[1], size[0], channels), np.uint8), frame="img_1")
    text = read_code(picture)
    assert text.lines == ()
    assert text.untrusted
