"""Masks: parts of a picture to the pixel, kept as COCO run lengths."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from .frozen import Frozen, same_length


class Rle(Frozen):
    """One mask in COCO's compressed run-length encoding."""

    size: tuple[int, int]
    """(height, width) in pixels, COCO's order."""
    counts: str
    """COCO's compressed counts, column-major."""

    @classmethod
    def encode(cls, mask: np.ndarray) -> "Rle":
        """Encode one mask (H, W) bool."""
        from pycocotools import mask as coco

        encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        return cls(size=(mask.shape[0], mask.shape[1]), counts=encoded["counts"].decode("ascii"))

    def decode(self) -> np.ndarray:
        """Return the mask, (H, W) bool."""
        from pycocotools import mask as coco

        decoded: np.ndarray = coco.decode({"size": list(self.size), "counts": self.counts.encode()})
        return decoded.astype(bool)


class Masks(Frozen):
    """N masks of one picture."""

    kind: Literal["masks"] = "masks"
    """What tells the values apart in JSON."""
    rle: tuple[Rle, ...] = ()
    """(N,) masks of one (H, W), COCO RLE."""
    scores: tuple[float, ...] = ()
    """(N,) confidence 0-1, or empty."""
    labels: tuple[str, ...] = ()
    """(N,) what each mask holds, or empty."""
    frame: str = ""
    """Id of the picture whose pixels are meant."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        same_length("masks", len(self.rle), scores=self.scores, labels=self.labels)
        if len({item.size for item in self.rle}) > 1:
            raise ValueError("masks of one value share one size")
        return self

    @classmethod
    def from_arrays(cls, masks: Sequence[np.ndarray], **fields: Any) -> "Masks":
        """Encode masks, each (H, W) bool; `fields` are scores, labels, frame."""
        return cls(rle=tuple(Rle.encode(mask) for mask in masks), **fields)

    def __len__(self) -> int:
        return len(self.rle)

    @property
    def array(self) -> np.ndarray:
        """(N, H, W) bool; (0, 0, 0) where there is no mask."""
        if not self.rle:
            return np.zeros((0, 0, 0), dtype=bool)
        return np.stack([item.decode() for item in self.rle])
