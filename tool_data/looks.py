"""Pictures that look alike: a difference hash of each, near ones under one name."""

from typing import TYPE_CHECKING

import numpy as np

from skills.store import Store

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 9, 8
"""Cells that a picture is reduced to; neighbours in a row give one bit each."""


def difference_hash(image: "Image") -> int:
    """Return 64 bits, each whether a cell is darker than the next in its row, as "dHash" (N. Krawetz, 2013) does.

    Pictures that differ in size, compression or a little brightness differ in few bits.
    """
    from PIL import Image

    grey = np.asarray(image.convert("L").resize((WIDTH, HEIGHT), Image.Resampling.BOX), dtype=np.int16)
    return int.from_bytes(np.packbits(grey[:, :-1] < grey[:, 1:]).tobytes(), "big")


class Looks:
    """Names pictures by the first one that looked like them."""

    def __init__(self, bits: int) -> None:
        """Start empty; hashes that differ in at most `bits` of 64 are one picture's."""
        self.bits = bits
        self._names: dict[str, str] = {}
        self._first: list[str] = []
        self._hashes = np.zeros(0, dtype=np.uint64)

    def name(self, digest: str, store: Store) -> str:
        """Return the SHA-256 of the first picture that looked like this one; itself where its payload is not there."""
        if digest not in self._names:
            self._names[digest] = self._found(digest, store)
        return self._names[digest]

    def _found(self, digest: str, store: Store) -> str:
        import io

        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(store.payload(digest)), formats=("PNG",)) as image:
                seen = np.uint64(difference_hash(image))
        except (KeyError, OSError, UnidentifiedImageError):
            return digest
        near = np.flatnonzero(np.bitwise_count(self._hashes ^ seen) <= self.bits)
        if len(near):
            return self._first[int(near[0])]
        self._first.append(digest)
        self._hashes = np.append(self._hashes, seen)
        return digest
