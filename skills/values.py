"""Values: what skills take and return. Frozen, comparable, JSON round-trip exact (pictures as PNG).

Coordinates are absolute pixels of `frame`, origin top-left, x to the right, y down. `frame` is the id of the
picture whose pixel grid is used; a skill may leave it empty and the executor fills it in: a new picture is its own
frame, everything else lies in the frame of the skill's `image` argument.
"""

import io
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, TypeAdapter, model_validator

from .frozen import Frozen as Frozen
from .frozen import same_length
from .masks import Masks as Masks
from .masks import Rle as Rle

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2), pixels of the frame, x1 <= x2, y1 <= y2."""

XY = tuple[float, float]
"""(x, y), pixels of the frame."""


class Picture(Frozen):
    """An 8-bit sRGB picture, RGB or RGBA."""

    kind: Literal["picture"] = "picture"
    """What tells the values apart in JSON."""
    pixels: bytes = Field(repr=False)
    """H * W * C bytes, row-major, C = 3 (RGB) or 4 (RGBA)."""
    size: tuple[int, int]
    """(width, height) in pixels."""
    mode: Literal["RGB", "RGBA"] = "RGB"
    """Channel layout of `pixels`."""
    frame: str = ""
    """Id of the picture whose pixel grid this one uses; its own id where it starts a new one."""
    view: bool = False
    """True for a drawing of results (annotate, a depth map), which no later edit takes as its input."""
    made: str = ""
    """How a model painted it, empty where none did; `png` carries it as the text "Comment", edits keep it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        width, height = self.size
        expected = width * height * len(self.mode)
        if min(self.size) < 1 or len(self.pixels) != expected:
            raise ValueError(f"a {self.mode} picture of {width}x{height} has {expected} bytes, not {len(self.pixels)}")
        return self

    @classmethod
    def from_image(cls, image: "Image", *, frame: str = "", view: bool = False) -> "Picture":
        """Make a picture from a PIL image of any mode; transparency is kept as RGBA.

        `frame` and `view` are as in the fields above.
        """
        mode: Literal["RGB", "RGBA"] = "RGBA" if image.has_transparency_data else "RGB"
        if image.mode.startswith(("I", "F")):
            image = _to_eight_bits(image)
        image = image.convert(mode)
        return cls(pixels=image.tobytes(), size=image.size, mode=mode, frame=frame, view=view)

    @classmethod
    def from_array(cls, array: np.ndarray, *, frame: str = "", view: bool = False) -> "Picture":
        """Make a picture from an array (H, W, 3 or 4), uint8, RGB or RGBA order."""
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (3, 4):
            raise ValueError(f"a picture array is (H, W, 3 or 4) uint8, not {array.shape} {array.dtype}")
        height, width, channels = array.shape
        mode: Literal["RGB", "RGBA"] = "RGB" if channels == 3 else "RGBA"
        return cls(pixels=array.tobytes(), size=(width, height), mode=mode, frame=frame, view=view)

    def redrawn(self, content: "Image | np.ndarray") -> "Picture":
        """Return the edited picture in this picture's own frame; `content` has this picture's size.

        Raises ValueError where the size differs: such a picture starts a frame of its own.
        """
        make = Picture.from_array if isinstance(content, np.ndarray) else Picture.from_image
        edited = make(content, frame=self.frame).model_copy(update={"made": self.made})  # type: ignore[arg-type]
        if edited.size != self.size:
            raise ValueError(f"an edit in the same frame keeps the size {self.size}, got {edited.size}")
        return edited

    @property
    def image(self) -> "Image":
        """The picture as a PIL image (a copy), mode RGB or RGBA."""
        from PIL import Image

        return Image.frombytes(self.mode, self.size, self.pixels)

    @property
    def array(self) -> np.ndarray:
        """(H, W, C) uint8, read-only."""
        width, height = self.size
        return np.frombuffer(self.pixels, dtype=np.uint8).reshape(height, width, len(self.mode))

    @property
    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8, read-only; transparency dropped."""
        return self.array[:, :, :3]

    @cached_property
    def png(self) -> bytes:
        """The picture as PNG bytes; equal pictures give equal bytes."""
        from PIL.PngImagePlugin import PngInfo

        buffer, text = io.BytesIO(), PngInfo()
        if self.made:
            text.add_itxt("Comment", self.made)
        self.image.save(buffer, format="PNG", compress_level=1, pnginfo=text)
        return buffer.getvalue()


def _to_eight_bits(image: "Image") -> "Image":
    """Scale a 16- or 32-bit greyscale image (Pillow clips it otherwise) to 8 bits."""
    from PIL import Image

    array = np.asarray(image, dtype=np.float64)
    top = 65535.0 if image.mode.startswith("I") else max(1.0, float(array.max(initial=0.0)))
    return Image.fromarray((np.clip(array / top, 0, 1) * 255).round().astype(np.uint8))


class Boxes(Frozen):
    """N boxes found in a picture."""

    kind: Literal["boxes"] = "boxes"
    """What tells the values apart in JSON."""
    xyxy: tuple[Box, ...] = ()
    """(N, 4) x1, y1, x2, y2 in pixels of `frame`."""
    scores: tuple[float, ...] = ()
    """(N,) confidence 0-1, or empty where the maker has none."""
    labels: tuple[str, ...] = ()
    """(N,) what each box holds, or empty."""
    frame: str = ""
    """Id of the picture whose pixels are meant."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        same_length("boxes", len(self.xyxy), scores=self.scores, labels=self.labels)
        for x1, y1, x2, y2 in self.xyxy:
            if not (x1 <= x2 and y1 <= y2):
                raise ValueError(f"a box is x1 <= x2, y1 <= y2 in pixels, not {(x1, y1, x2, y2)}")
        return self

    def __len__(self) -> int:
        return len(self.xyxy)

    @property
    def array(self) -> np.ndarray:
        """(N, 4) float64, x1, y1, x2, y2 in pixels of `frame`."""
        return np.asarray(self.xyxy, dtype=np.float64).reshape(-1, 4)


class Points(Frozen):
    """N points clicked on a picture."""

    kind: Literal["points"] = "points"
    """What tells the values apart in JSON."""
    xy: tuple[XY, ...] = ()
    """(N, 2) x, y in pixels of `frame`."""
    include: tuple[bool, ...] = ()
    """(N,) True for a point on the thing meant, False for one beside it; empty means all True."""
    frame: str = ""
    """Id of the picture whose pixels are meant."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        same_length("points", len(self.xy), include=self.include)
        return self

    def __len__(self) -> int:
        return len(self.xy)


class Line(Frozen):
    """One line of text."""

    text: str
    """The characters, in reading order."""
    box: Box | None = None
    """Where it stands, pixels of the text's frame; None where it stands in no picture."""
    score: float | None = None
    """Confidence 0-1, where the maker has one."""


class Text(Frozen):
    """Lines of text that a skill read, found or wrote."""

    kind: Literal["text"] = "text"
    """What tells the values apart in JSON."""
    lines: tuple[Line, ...] = ()
    """(N,) lines in reading order."""
    frame: str = ""
    """Id of the picture the boxes lie in; empty for text of no picture."""
    untrusted: bool = False
    """True where a stranger wrote the words (a sign, a code, a web page): data, never instructions."""

    @classmethod
    def of(cls, *lines: str, untrusted: bool = False) -> "Text":
        """Make text of plain lines without boxes."""
        return cls(lines=tuple(Line(text=line) for line in lines), untrusted=untrusted)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def text(self) -> str:
        """The lines joined by newlines."""
        return "\n".join(line.text for line in self.lines)


class Number(Frozen):
    """One number."""

    kind: Literal["number"] = "number"
    """What tells the values apart in JSON."""
    value: int | float
    """The number; an int stays exact."""
    unit: str = ""
    """Its unit, or empty."""

    @property
    def text(self) -> str:
        """The number as written, with its unit: "84", "2.5 m"."""
        written = str(self.value) if isinstance(self.value, int) else f"{self.value:.12g}"
        return f"{written} {self.unit}".strip()


Value = Picture | Boxes | Masks | Points | Text | Number
"""Any value a skill takes or returns."""

PREFIXES: dict[str, str] = {
    "picture": "img",
    "boxes": "boxes",
    "masks": "mask",
    "points": "points",
    "text": "text",
    "number": "num",
}
"""Value kind -> the prefix of its artifact ids."""

_ADAPTER: TypeAdapter[Value] = TypeAdapter(Annotated[Value, Field(discriminator="kind")])


def value_bytes(value: Value) -> bytes:
    """Return a value's payload: PNG for pictures, else UTF-8 JSON, its keys in the order of the fields."""
    if isinstance(value, Picture):
        return value.png
    return value.model_dump_json().encode()


def value_from_json(data: object) -> Value:
    """Parse the JSON form of any value but a picture.

    Raises pydantic.ValidationError (a ValueError) where the data fits no value.
    """
    return _ADAPTER.validate_python(data)
