"""Reading a person's picture file once, safely: header first, orientation applied, metadata dropped."""

import io
import warnings
from pathlib import Path

from .errors import InputError
from .values import Picture

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
"""The formats read, by Pillow's names."""

MAX_MEGAPIXELS = 50
"""A picture larger than this is refused from its header, before it is decoded."""

_WAYS = {
    b"%PDF": "a PDF: save the page as PNG first (pdftoppm -png FILE.pdf page)",
    b"ftypheic": "HEIC: save it as JPEG first (heif-convert FILE.heic FILE.jpg)",
    b"ftypmif1": "HEIC: save it as JPEG first (heif-convert FILE.heic FILE.jpg)",
    b"ftypavif": "AVIF: save it as PNG or JPEG first",
    b"<svg": "SVG: save it as PNG first",
}


def read_picture(source: Path | bytes, name: str = "") -> tuple[Picture, tuple[str, ...]]:
    """Read a picture file and return it with notes on what was changed ("turned by its orientation tag").

    `source` is a path or the file's bytes; `name` is what errors call it. Raises InputError for a missing
    file, a folder, an unknown format, a truncated file, or more than 50 megapixels.
    """
    name = name or (str(source) if isinstance(source, Path) else "the picture")
    return _decode(_bytes_of(source, name), name)


def _bytes_of(source: Path | bytes, name: str) -> bytes:
    if isinstance(source, bytes):
        return source
    if source.is_dir():
        raise InputError(f"{name!r} is a folder; give a picture file ({', '.join(FORMATS)})")
    try:
        return source.read_bytes()
    except FileNotFoundError:
        raise InputError(f"no picture at {name!r}; check the path") from None
    except OSError as error:
        raise InputError(f"{name!r} cannot be read: {error.strerror}") from None


def _decode(data: bytes, name: str) -> tuple[Picture, tuple[str, ...]]:
    from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

    notes: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_size(image.size, name)
            if getattr(image, "n_frames", 1) > 1:
                notes.append(f"{name!r} has several frames; the first is used")
            image.load()
            if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
                notes.append(f"{name!r} was turned upright by its orientation tag")
            return Picture.from_image(ImageOps.exif_transpose(image)), tuple(notes)
    except UnidentifiedImageError:
        raise InputError(_unknown(data, name)) from None
    except Image.DecompressionBombError:
        raise InputError(f"{name!r} is larger than {MAX_MEGAPIXELS} megapixels; scale it down first") from None
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow raises almost anything on a damaged file
        raise InputError(f"{name!r} is damaged or cut short ({error}); save the picture again") from None


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise InputError(
            f"{name!r} is {width}x{height}, {width * height / 1e6:.0f} megapixels; "
            f"at most {MAX_MEGAPIXELS} are read: scale it down first"
        )


def _unknown(data: bytes, name: str) -> str:
    for mark, way in _WAYS.items():
        if mark in data[:512]:
            return f"{name!r} is {way}"
    return f"{name!r} is not a picture of a known format ({', '.join(FORMATS)})"
