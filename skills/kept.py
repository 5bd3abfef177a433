"""What a model made of a picture, kept by the picture's content: the second prompt on it does not encode again."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar, cast

from .memory import tensor_bytes
from .values import Picture

T = TypeVar("T")

LIMIT = 512 << 20
"""Bytes kept where nobody says otherwise."""


class Kept:
    """Embeddings by model and picture content, least recently used first out. Safe to use from many threads."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Make an empty store of at most `limit` bytes."""
        self.limit = limit
        self._guard = threading.Lock()
        self._items: OrderedDict[tuple[str, str], tuple[object, int]] = OrderedDict()

    def get(self, model: str, picture: Picture, make: Callable[[], T]) -> T:
        """Return what `make` made of this picture for this model, calling it where nothing is kept.

        What is larger than the limit is returned and not kept.
        """
        key = (model, content_hash(picture))
        with self._guard:
            if key in self._items:
                self._items.move_to_end(key)
                return cast(T, self._items[key][0])
        made = make()
        size = tensor_bytes(made)
        with self._guard:
            if size <= self.limit:
                self._items[key] = (made, size)
            while self._bytes() > self.limit:
                self._items.popitem(last=False)
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._guard:
            self._items.clear()

    @property
    def size(self) -> int:
        """Bytes kept."""
        with self._guard:
            return self._bytes()

    def _bytes(self) -> int:
        return sum(size for _, size in self._items.values())

    def __len__(self) -> int:
        return len(self._items)


def content_hash(picture: Picture) -> str:
    """Return a hash of a picture's pixels, size and mode; its frame does not count."""
    head = f"{picture.mode}:{picture.size[0]}x{picture.size[1]}:".encode()
    return hashlib.sha256(head + picture.pixels).hexdigest()
