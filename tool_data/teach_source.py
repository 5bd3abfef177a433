"""What a teacher is told of a picture: captions and boxes as text, one picture a line of a JSON-lines file."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError

from agent.show import cut
from skills import InputError
from skills.values import Frozen

Share = Annotated[float, Field(ge=0, le=1)]
"""A place in a picture, 0-1 of its width or height."""


class Thing(Frozen):
    """One object in a picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1)
    """What it is."""
    box: tuple[Share, Share, Share, Share]
    """x1, y1, x2, y2, 0-1, origin top-left."""


class Words(Frozen):
    """A line of text that stands in a picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1)
    """What it says."""
    box: tuple[Share, Share, Share, Share] | None = None
    """Where it stands, 0-1, where that is known."""


class Source(Frozen):
    """One picture and what is known of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    """Its id, once in a file."""
    image: str = Field(min_length=1)
    """Its file, relative to the sources' file; it need not be there for recipes that run no skill."""
    captions: tuple[str, ...] = ()
    """Sentences about it."""
    boxes: tuple[Thing, ...] | None = None
    """Every object of the labels known, so that a label without a box is not there; None where nobody looked."""
    texts: tuple[Words, ...] | None = None
    """Every text in it; None where nobody looked."""
    prompt: str = ""
    """For a generated picture: what it was generated from."""
    question: str = ""
    """A question about it, for the recipe `stages`."""
    answer: str = ""
    """The right answer to it."""
    hint: str = ""
    """What else helps to answer."""

    @property
    def labels(self) -> list[str]:
        """What is in it, each once, in order."""
        return list(dict.fromkeys(thing.label for thing in self.boxes or ()))

    def told(self) -> str:
        """Return everything known as the text a teacher reads, boxes with two decimals."""
        parts = [("Captions", [f"- {text}" for text in self.captions])]
        parts.append(("Objects (label: [x1, y1, x2, y2], 0-1)", [_placed(t.label, t.box) for t in self.boxes or ()]))
        parts.append(("Text in the picture", [_placed(w.text, w.box) for w in self.texts or ()]))
        return "\n".join(line for head, lines in parts if lines for line in (f"{head}:", *lines))


def _placed(text: str, box: tuple[float, ...] | None) -> str:
    where = f": [{', '.join(f'{number:.2f}' for number in box)}]" if box else ""
    return f"- {text}{where}"


def read_sources(path: Path) -> Iterator[Source]:
    """Yield the sources of a file; raises InputError for a line that is none, or an id used twice."""
    seen: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    source = _source(line, f"line {number} of {str(path)!r}")
                    if (first := seen.setdefault(source.id, number)) != number:
                        where = f"line {number} of {str(path)!r}"
                        raise InputError(f"{where} has the id {source.id!r} of line {first}; ids are used once")
                    yield source
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}; give a .jsonl file of sources") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is no UTF-8 text: {error}; save it as UTF-8") from None


def _source(line: str, where: str) -> Source:
    try:
        return Source.model_validate(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the row"
        raise InputError(
            cut(f"{where} is no source: {key!r}: {first['msg']}; the keys are {', '.join(Source.model_fields)}")
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is no JSON: {error}; mend or remove it") from None


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, to know it again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
