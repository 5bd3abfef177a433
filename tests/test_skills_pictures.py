"""Reading picture files: formats, orientation, limits, damage."""

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skills import InputError
from skills.pictures import FORMATS, read_picture

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 36, 3), dtype=np.uint8))


def encoded(format_: str, image: Image.Image = NOISE, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format_, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_is_read(format_: str) -> None:
    value, notes = read_picture(encoded(format_))
    assert (value.size, value.mode, value.frame, notes) == ((36, 24), "RGB", "", ())


def test_a_lossless_file_gives_its_pixels(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    assert np.array_equal(read_picture(tmp_path / "a.png")[0].array, np.asarray(NOISE))


def test_the_orientation_tag_is_applied_and_said() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    value, notes = read_picture(encoded("JPEG", exif=exif, quality=100, subsampling=0), "a.jpg")
    assert (value.size, notes) == ((24, 36), ("'a.jpg' was turned upright by its orientation tag",))
    difference = np.abs(value.array.astype(int) - np.rot90(np.asarray(NOISE), -1).astype(int))
    assert np.median(difference) < 20


def test_the_first_frame_is_taken_and_said() -> None:
    frames = encoded("GIF", NOISE, save_all=True, append_images=[Image.new("RGB", NOISE.size)])
    assert read_picture(frames, "a.gif")[1] == ("'a.gif' has several frames; the first is used",)


def test_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    value, _ = read_picture(encoded("PNG", exif=exif))
    assert b"secret" not in value.png


def _header(width: int, height: int) -> bytes:
    """The header of a PNG of any size, without pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return head + struct.pack(">I", 9) + b"IDAT" + bytes(9)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", r"'x' is not a picture of a known format \(PNG, JPEG, WEBP, TIFF, BMP, GIF\)"),
        (b"hello", "'x' is not a picture of a known format"),
        (b"%PDF-1.7", "'x' is a PDF: save the page as PNG first"),
        (b"\x00\x00\x00\x18ftypheic", "'x' is HEIC: save it as JPEG first"),
        (b"<svg></svg>", "'x' is SVG: save it as PNG first"),
        (encoded("PNG")[:900], r"'x' is damaged or cut short \(.+\); save the picture again"),
        (encoded("JPEG")[:700], "'x' is damaged or cut short"),
        (_header(10000, 5001), "'x' is 10000x5001, 50 megapixels; at most 50 are read: scale it down first"),
        (_header(30000, 30000), "'x' is larger than 50 megapixels; scale it down first"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, text: str) -> None:
    with pytest.raises(InputError, match=text):
        read_picture(data, "x")


def test_paths_that_hold_no_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no picture at '.*nowhere\.png'; check the path"):
        read_picture(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match=r"is a folder; give a picture file \(PNG, JPEG"):
        read_picture(tmp_path)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_damaged_file_is_read_or_refused_in_words(format_: str) -> None:
    """Broke with whatever error Pillow happened to raise; 60 damaged files of each format."""
    drawn = random.Random(format_)
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(format_, **({} if format_ in ("BMP", "GIF") else {"exif": exif}))
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(drawn.randint(1, 12)):
            data[drawn.randrange(min(len(data), drawn.choice([60, len(data)])))] = drawn.randrange(256)
        assert _outcome(bytes(data[: drawn.choice([len(data), drawn.randrange(len(data))])])).startswith("'x' is ")


def _outcome(data: bytes) -> str:
    try:
        width, height = read_picture(data, "x")[0].size
    except InputError as error:
        return str(error)
    return f"'x' is {width}x{height}"
