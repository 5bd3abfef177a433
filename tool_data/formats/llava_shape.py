"""What differs between the formats whose rows have LLaVA's shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.trace import PlannerOutput

from .image_markers import Marker, first

Note = Callable[[str], None]
"""Notes a mend."""


@dataclass(frozen=True)
class Shape:
    """What differs between the formats of this shape."""

    name: str
    """The format's name."""
    marked: bool
    """Whether a question says by `<image>` where its picture goes; else the first question has it."""
    read: Callable[[str, Note], tuple[PlannerOutput, list[str]]]
    """The text of an answer -> (what it says, how it was written where that is unusual); raises Refused."""
    write: Callable[[PlannerOutput, str, list[str]], str]
    """(what was said, the answer as the user read it, how it was written) -> its text; raises Refused."""

    def usual(self, places: Sequence[int]) -> list[Marker]:
        """Return the usual markers of pictures that came with the turns of those numbers."""
        return [first(place) for place in places] if self.marked or list(places) != [1] else []
