"""Reading order: fragments of recognised text become lines, columns before rows, top to bottom."""

from dataclasses import dataclass

import numpy as np

from ..values import Box, Line

NEAR = 1.5
"""Fragments of one row closer than this many line heights are one line."""

COLUMN_LINES, COLUMN_WIDTH = 3, 7.0
"""A column has at least this many lines, half of them at least this many line heights wide."""


@dataclass(frozen=True)
class Fragment:
    """A run of text as the recogniser found it."""

    quad: np.ndarray
    """(4, 2) x, y in pixels: top left, top right, bottom right, bottom left of the text."""
    text: str
    """The characters."""
    score: float
    """Confidence 0-1."""

    @property
    def box(self) -> Box:
        """The bounds x1, y1, x2, y2 in pixels."""
        (x1, y1), (x2, y2) = self.quad.min(axis=0), self.quad.max(axis=0)
        return float(x1), float(y1), float(x2), float(y2)


@dataclass(frozen=True)
class _Piece:
    """A line with its place on the page after the page's slope is taken out."""

    x1: float
    x2: float
    y: float
    height: float
    line: Line


def in_reading_order(fragments: list[Fragment]) -> list[Line]:
    """Join fragments of one row into lines and order them as a person reads the page."""
    if not fragments:
        return []
    pieces = [piece for row in _rows(_straightened(fragments)) for piece in _joined(row)]
    return [piece.line for piece in _ordered(pieces)]


def _straightened(fragments: list[Fragment]) -> list[_Piece]:
    """Return the fragments as on a page turned back by the slope of its longest lines."""
    edges = np.stack([item.quad[1] - item.quad[0] for item in fragments])
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    angles = np.arctan2(edges[:, 1], edges[:, 0])[lengths >= np.median(lengths)]
    slope = float(np.median(angles))
    slope = slope if abs(slope) < np.pi / 6 else 0.0
    turn = np.array([[np.cos(slope), np.sin(slope)], [-np.sin(slope), np.cos(slope)]])
    pieces = []
    for item in fragments:
        corners = item.quad @ turn.T
        (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
        line = Line(text=item.text, box=item.box, score=item.score)
        pieces.append(_Piece(x1, x2, (y1 + y2) / 2, max(1.0, y2 - y1), line))
    return pieces


def _rows(pieces: list[_Piece]) -> list[list[_Piece]]:
    """Group pieces whose middles lie within half the height of the smaller one; rows from the top."""
    rows: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda item: item.y):
        row = rows[-1] if rows else []
        middle = float(np.mean([item.y for item in row])) if row else 0.0
        height = min([piece.height, *(item.height for item in row)])
        if row and abs(piece.y - middle) < 0.5 * height:
            row.append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda item: item.x1) for row in rows]


def _joined(row: list[_Piece]) -> list[_Piece]:
    """Join neighbours of a row that are near each other; text of another size stays apart."""
    joined: list[list[_Piece]] = []
    for piece in row:
        last = joined[-1][-1] if joined else piece
        gap = piece.x1 - last.x2
        low, high = sorted((piece.height, last.height))
        if joined and -high < gap < NEAR * high and high < 1.8 * low:
            joined[-1].append(piece)
        else:
            joined.append([piece])
    return [_union(group) for group in joined]


def _union(group: list[_Piece]) -> _Piece:
    if len(group) == 1:
        return group[0]
    boxes = np.array([piece.line.box for piece in group])
    (x1, y1), (x2, y2) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    line = Line(
        text=" ".join(piece.line.text for piece in group),
        box=(float(x1), float(y1), float(x2), float(y2)),
        score=float(np.mean([piece.line.score for piece in group])),
    )
    return _Piece(
        min(piece.x1 for piece in group),
        max(piece.x2 for piece in group),
        float(np.mean([piece.y for piece in group])),
        max(piece.height for piece in group),
        line,
    )


def _ordered(pieces: list[_Piece]) -> list[_Piece]:
    """Order pieces column by column where there are columns of prose, else row by row."""
    gutter = _gutter(pieces)
    if gutter is None:
        return [piece for row in _rows(pieces) for piece in row]
    across = [piece for piece in pieces if piece.x1 < gutter < piece.x2]
    limits = sorted(piece.y for piece in across)
    ordered: list[_Piece] = []
    for number in range(len(limits) + 1):
        top = limits[number - 1] if number else -np.inf
        bottom = limits[number] if number < len(limits) else np.inf
        band = [piece for piece in pieces if top < piece.y < bottom and piece not in across]
        ordered += [piece for piece in across if piece.y == top]
        ordered += _ordered([piece for piece in band if piece.x2 <= gutter])
        ordered += _ordered([piece for piece in band if piece.x1 >= gutter])
    return ordered


def _gutter(pieces: list[_Piece]) -> float | None:
    """Return the x of a gap between two columns of prose, crossed by few lines; None where there is none."""
    best: tuple[int, float] | None = None
    for x in {piece.x1 - 0.5 for piece in pieces}:
        left = [piece for piece in pieces if piece.x2 <= x]
        right = [piece for piece in pieces if piece.x1 >= x]
        across = len(pieces) - len(left) - len(right)
        if across * 4 > len(pieces) or not (_is_column(left) and _is_column(right)):
            continue
        if best is None or (across, x) < best:
            best = across, x
    return None if best is None else best[1]


def _is_column(pieces: list[_Piece]) -> bool:
    wide = [piece for piece in pieces if piece.x2 - piece.x1 >= COLUMN_WIDTH * piece.height]
    return len(pieces) >= COLUMN_LINES and 2 * len(wide) >= len(pieces)
