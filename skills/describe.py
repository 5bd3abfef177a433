"""The text a planner reads about a value: the only place that makes it.

At most 24 boxes or 2,000 characters, then "... and 31 more in text_1"; boxes normalised 0-1, three decimals.
"""

from collections import Counter
from collections.abc import Sequence

from .values import Boxes, Masks, Number, Picture, Points, Text, Value

MAX_ITEMS = 24
"""Boxes, masks or points written out before the rest is only counted."""

EXCERPT = 60
"""Characters of a text in its summary."""

MAX_LABELS = 8
"""Different labels counted one by one."""

MAX_CHARACTERS = 2000
"""Characters written out before the rest is only counted."""


def describe(artifact_id: str, value: Value, size: tuple[int, int] | None = None) -> str:
    """Return what a planner reads about the value stored as `artifact_id`.

    `size` is (width, height) of the picture the value lies in, by which boxes and points are normalised; without
    it they are left out.
    """
    return f"{artifact_id}: {_body(artifact_id, value, size)}"


def summary(value: Value) -> str:
    """Return the value in a few words: "2 face in img_1", "nothing found in img_1", "picture, 64x64"."""
    if isinstance(value, Picture | Number):
        return _body("", value, None)
    where = f" in {value.frame}" if value.frame else ""
    if len(value) == 0:
        return f"nothing found{where}"
    if isinstance(value, Text):
        excerpt = " ".join(value.text.split())
        cut = excerpt if len(excerpt) <= EXCERPT else excerpt[:EXCERPT] + " ..."
        return f"{len(value)} lines{where}: {cut}"
    nouns = {"boxes": "boxes", "masks": "masks", "points": "points"}
    return counted(getattr(value, "labels", ()), len(value), nouns[value.kind]) + where


def counted(labels: Sequence[str], count: int, noun: str) -> str:
    """Return how many of what: "2 face", "3 cup, 1 dog", or "4 boxes" where nothing is labelled."""
    named = Counter(label for label in labels if label)
    if named.total() < count:
        return f"{count} {noun}"
    shown = [f"{number} {_short(label)}" for label, number in named.most_common(MAX_LABELS)]
    rest = len(named) - len(shown)
    return ", ".join(shown) + (f" and {rest} other labels" if rest else "")


def _short(label: str) -> str:
    return label if len(label) <= EXCERPT else label[:EXCERPT] + " ..."


def _body(artifact_id: str, value: Value, size: tuple[int, int] | None) -> str:
    if isinstance(value, Picture):
        return _picture(artifact_id, value)
    if isinstance(value, Number):
        return value.text
    if len(value) == 0:
        return "nothing found" + (f" in {value.frame}" if value.frame else "")
    if isinstance(value, Text):
        return _text(artifact_id, value)
    if isinstance(value, Boxes):
        items = [_box(box, size) for box in value.xyxy]
        head = counted(value.labels, len(value), "boxes")
        return head + _items(artifact_id, value.frame, items, value.labels, value.scores)
    if isinstance(value, Masks):
        items = [_mask(item.decode().mean()) for item in value.rle]
        head = counted(value.labels, len(value), "masks")
        return head + _items(artifact_id, value.frame, items, value.labels, value.scores)
    return f"{len(value)} points" + _items(artifact_id, value.frame, _points(value, size), (), ())


def _picture(artifact_id: str, value: Picture) -> str:
    kind = "a view, " if value.view else ""
    kind += "transparent, " if value.mode == "RGBA" else ""
    grid = "" if value.frame in ("", artifact_id) else f", frame of {value.frame}"
    return f"picture, {kind}{value.size[0]}x{value.size[1]}{grid}"


def _text(artifact_id: str, value: Text) -> str:
    where = f" in {value.frame}" if value.frame else ""
    head = f"{len(value)} {'line' if len(value) == 1 else 'lines'}{where}:"
    shown: list[str] = []
    room = MAX_CHARACTERS
    for line in value.lines:
        if len(line.text) + 1 > room:
            break
        shown.append(line.text)
        room -= len(line.text) + 1
    if not shown:
        shown = [value.lines[0].text[:MAX_CHARACTERS] + " ..."]
    rest = len(value) - len(shown)
    tail = [f"... and {rest} more in {artifact_id}"] if rest else []
    return "\n".join([head, *shown, *tail])


def _items(
    artifact_id: str,
    frame: str,
    items: Sequence[str],
    labels: Sequence[str],
    scores: Sequence[float],
) -> str:
    rows = []
    room = MAX_CHARACTERS
    for i, item in enumerate(items[:MAX_ITEMS]):
        label = f" {_short(labels[i])}" if labels and labels[i] else ""
        score = f" {scores[i]:.2f}" if scores else ""
        rows.append(f"[{i}]{label}{score}{item}")
        room -= len(rows[-1]) + 2
        if room < 0:
            rows.pop()
            break
    rest = len(items) - len(rows)
    tail = f"; ... and {rest} more in {artifact_id}" if rest else ""
    return (f" in {frame}" if frame else "") + ": " + "; ".join(rows) + tail


def _box(box: tuple[float, float, float, float], size: tuple[int, int] | None) -> str:
    if size is None:
        return ""
    x1, y1, x2, y2 = box
    width, height = size
    return f" ({x1 / width:.3f}, {y1 / height:.3f}, {x2 / width:.3f}, {y2 / height:.3f})"


def _mask(share: float) -> str:
    return f" ({share:.1%} of the picture)"


def _points(value: Points, size: tuple[int, int] | None) -> list[str]:
    if size is None:
        return ["" for _ in value.xy]
    include = value.include or (True,) * len(value)
    return [
        f" ({x / size[0]:.3f}, {y / size[1]:.3f}){'' if keep else ' not this'}"
        for (x, y), keep in zip(value.xy, include, strict=True)
    ]
