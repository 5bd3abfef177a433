"""The skill `read_code`: QR codes and barcodes."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..spec import skill
from ..values import Box, Line, Picture, Text

MARGIN = 20
"""Pixels of white laid around every picture: a code that touches the edge has lost its quiet zone."""

LONGEST = 1600
"""A picture with a longer side is read scaled down, and none is scaled up beyond it."""

SMALLEST = 12
"""A picture with a shorter side holds no code."""

Found = list[tuple[str, np.ndarray]]
"""Payloads with their corners (4, 2) x, y in pixels of the picture read."""


@skill(examples=["what does the QR code say?", "read the barcode"])
def read_code(image: Picture) -> Text:
    """Read QR codes and barcodes: their payload, link or product number.

    One line a code with its box in pixels of the picture; the payload is exact, its bytes read as UTF-8, else
    Shift-JIS, else Latin-1. No code gives a Text without lines.
    """
    gray = _gray(image)
    if min(gray.shape) < SMALLEST:
        return Text(untrusted=True, frame=image.frame)
    readers = _readers()
    for scale, view in _views(gray):
        found = [item for read in readers for item in read(view)]
        if found:
            lines = [_line(payload, corners, scale, image.size) for payload, corners in found]
            return Text(lines=tuple(_distinct(lines)), untrusted=True, frame=image.frame)
    return Text(untrusted=True, frame=image.frame)


def _gray(image: Picture) -> np.ndarray:
    """Return (H, W) uint8, transparency laid on white."""
    from PIL import Image

    opaque = Image.new("RGBA", image.size, "white")
    opaque.alpha_composite(image.image.convert("RGBA"))
    return np.asarray(opaque.convert("L"))


def _views(gray: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (scale, view): the picture as it is, then scaled, thresholded, smoothed, inverted, mirrored."""
    import cv2

    def framed(array: np.ndarray) -> np.ndarray:
        wide = (MARGIN, MARGIN, MARGIN, MARGIN)
        return np.asarray(cv2.copyMakeBorder(array, *wide, cv2.BORDER_CONSTANT, value=255))

    base = min(1.0, LONGEST / max(gray.shape))
    small = _scaled(gray, base)
    yield base, framed(small)
    for factor in (2.0, 0.5, 3.0, 1.5, 4.0):
        if max(small.shape) * factor <= LONGEST:
            yield base * factor, framed(_scaled(small, factor))
    yield base, framed(255 - small)
    block = max(15, (min(small.shape) // 8) | 1)
    yield (
        base,
        framed(cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, 5)),
    )
    yield base, framed(cv2.GaussianBlur(small, (0, 0), 1.5))
    if base < 1.0:
        yield 1.0, framed(gray)


def _scaled(gray: np.ndarray, factor: float) -> np.ndarray:
    import cv2

    if factor == 1.0:
        return gray
    size = (max(1, round(gray.shape[1] * factor)), max(1, round(gray.shape[0] * factor)))
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    scaled: np.ndarray = cv2.resize(gray, size, interpolation=how)
    return scaled


def _readers() -> tuple[Callable[[np.ndarray], Found], ...]:
    """Return what reads a view: the QR detectors, the second where the first finds nothing, then barcodes."""
    import cv2

    classic, aruco, bars = (
        cv2.QRCodeDetector(),
        cv2.QRCodeDetectorAruco(),
        cv2.barcode.BarcodeDetector(),
    )

    def qr(view: np.ndarray) -> Found:
        for detector in (classic, aruco):
            found = _decoded(detector.detectAndDecodeBytesMulti, view, cv2.error)
            found = found or _decoded_one(detector.detectAndDecodeBytes, view, cv2.error)
            if found:
                return found
        return []

    def barcode(view: np.ndarray) -> Found:
        return _decoded(bars.detectAndDecodeBytesMulti, view, cv2.error)

    return qr, barcode


def _decoded(decode: Callable[[np.ndarray], Any], view: np.ndarray, error: type[Exception]) -> Found:
    """Run a decoder of several codes; OpenCV raises where a candidate has no room, which is no code."""
    try:
        _, payloads, corners, *_ = decode(view)
    except error:
        return []
    if corners is None:
        return []
    return [
        (_text(payload), np.asarray(quad).reshape(-1, 2))
        for payload, quad in zip(payloads, corners, strict=False)
        if payload
    ]


def _decoded_one(decode: Callable[[np.ndarray], Any], view: np.ndarray, error: type[Exception]) -> Found:
    try:
        payload, corners, *_ = decode(view)
    except error:
        return []
    return [(_text(payload), np.asarray(corners).reshape(-1, 2))] if payload else []


def _text(payload: bytes) -> str:
    """Decode a payload; OpenCV gives the bytes of byte mode widened to UTF-8, one character a byte."""
    with contextlib.suppress(UnicodeError):  # not widened: the bytes are the payload's own
        payload = payload.decode("utf-8").encode("latin-1")
    for encoding in ("utf-8", "cp932"):
        try:
            return payload.decode(encoding)
        except UnicodeDecodeError:
            continue
    return payload.decode("latin-1")


def _line(payload: str, corners: np.ndarray, scale: float, size: tuple[int, int]) -> Line:
    """Make a line with the box in pixels of the picture (`size` is its width, height)."""
    points = np.clip((corners - MARGIN) / scale, 0, size)
    (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
    box: Box = (float(x1), float(y1), float(x2), float(y2))
    return Line(text=payload, box=box)


def _distinct(lines: list[Line]) -> list[Line]:
    """Drop a second reading of one code and sort the rest from top to bottom, left to right."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda item: (item.box or (0.0,) * 4)[1::-1]):
        if line not in kept:
            kept.append(line)
    return kept
