"""The mark a visitor draws on the newest picture: one click is a point, two are a box, a third starts again."""

from skills import Picture

from .overlay import panel, with_mark

Mark = tuple[float, ...]
"""() for none, (x, y) for a point, (x1, y1, x2, y2) for a box; normalised 0-1 of the picture."""

LEAST = 0.01
"""A box narrower or lower than this share of the picture is taken for a second try at a point."""


class Marking:
    """A picture to mark and the mark on it."""

    def __init__(self) -> None:
        """Start without a picture."""
        self.mark: Mark = ()
        self.key = ""
        self._picture: Picture | None = None

    def show(self, key: str, picture: Picture) -> None:
        """Take a picture to mark; `key` names it. Another picture than before clears the mark."""
        if key != self.key:
            self.key, self._picture, self.mark = key, panel(picture), ()

    def clear(self) -> Mark:
        """Forget the mark and return it."""
        mark, self.mark = self.mark, ()
        return mark

    def click(self, x: float, y: float) -> None:
        """Take a click at (x, y), pixels of `drawn`."""
        if self._picture is None:
            return
        width, height = self._picture.size
        here = (min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0))
        if len(self.mark) != 2 or min(abs(here[0] - self.mark[0]), abs(here[1] - self.mark[1])) < LEAST:
            self.mark = here
            return
        (x1, x2), (y1, y2) = sorted((self.mark[0], here[0])), sorted((self.mark[1], here[1]))
        self.mark = (x1, y1, x2, y2)

    @property
    def drawn(self) -> Picture | None:
        """The picture at the panel's size with the mark on it; None before a picture was shown."""
        return with_mark(self._picture, self.mark) if self._picture else None

    @property
    def hint(self) -> str:
        """What the next click does."""
        return {
            0: "**Mark a place:** click once for a point, twice for a box",
            2: "**Point set;** click another corner for a box",
        }.get(len(self.mark), "**Box set;** a further click starts again")
