"""What the segmenters behind `segment` have in common: what they are given and what they give."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from ..masks import Rle
from ..values import Picture

Detail = Literal["whole", "part", "subpart"]


class Cut(NamedTuple):
    """What a segmenter made of the objects it was asked for, in their order."""

    masks: tuple[Rle, ...]
    """(N,) masks in pixels of the picture; one may be empty."""
    scores: tuple[float, ...] = ()
    """(N,) how well each mask fits, 0-1, or empty."""


@dataclass(frozen=True)
class Seen:
    """What an image encoder made of one picture."""

    maps: tuple[Any, ...]
    """Feature maps (1, C, h, w), float32, in the order the decoder wants them."""
    inside: tuple[int, int]
    """(height, width) of the picture in the model's input, pixels."""
    side: int
    """Side of the model's input, pixels."""


@dataclass(frozen=True)
class Prompts:
    """N prompts of one kind, tensors on the model's device."""

    points: Any
    """(N, P, 2) float32 x, y of clicks, or None."""
    labels: Any
    """(N, P) int64, 1 on the object and 0 beside it, or None."""
    boxes: Any
    """(N, 4) float32 x1, y1, x2, y2, or None."""
    masks: Any
    """(N, 1, S, S) float32 logits, S the side of the decoder's own masks, or None where no prompt is a mask."""
    masked: Any
    """(N,) bool, which prompts are masks, or None."""


class Promptable(Protocol):
    """A loaded segmenter."""

    @property
    def device(self) -> Any:
        """Where its tensors live."""

    @property
    def mask_side(self) -> int:
        """S, the side of the masks its decoder takes and gives."""

    def encode(self, image: Picture) -> Seen:
        """Run the image encoder."""

    def decode(self, seen: Seen, prompts: Prompts) -> tuple[Any, Any]:
        """Return logits (N, 3, S, S) and predicted IoU (N, 3), float32."""
