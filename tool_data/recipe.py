"""The recipe of a mix: a YAML file that names sources, weights, seeds, and what is left out.

```yaml
seed: 7                     # of the order of the mix and of each source's rows
rows: 5000                  # at most so many; left out: until the sources are used up
until: all                  # "all": every source is used up; "first": the mix ends with the first, so weights hold
sources:
  - file: simulated.jsonl   # relative to the recipe; its payloads lie in simulated.store
    licence: Apache-2.0
    name: simulated         # default: the file's name
    weight: 2               # draws from it, relative to the other weights
    repeat: 1               # times its rows may be used
    seed: 3                 # of the order of its rows; default: the recipe's
    about: drawn by `handeye data make`
duplicates:                 # each rule may be left out
  text: 0.9                 # of rows whose words overlap so far, the first is kept, whatever their pictures are
  text_on_same_picture: 0.8 # the same among rows with the same pictures, or without any
  picture_bits: 8           # pictures whose 64-bit difference hashes differ in so few bits are one for the rules here
  rows_per_picture: 40      # no more rows than this with one picture
heldout:
  files: [benchmark.jsonl]  # Traces, or rows with "request" or "requests"
  limit: 0.6                # a row is left out from this overlap of words of a request on
splits: {train: 0.9, test: 0.1}
```
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from skills import InputError
from skills.values import Frozen

from .split import check


class Source(Frozen):
    """One file of a mix."""

    file: str = Field(min_length=1)
    """Traces, one a line; relative to the recipe."""
    licence: str = Field(min_length=1)
    """Its licence; "unknown" where it is not known."""
    name: str = ""
    """What the card calls it; the file's name where it is empty."""
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Draws from it, relative to the other weights."""
    repeat: int = Field(default=1, ge=1)
    """Times each row may be used."""
    seed: int | None = None
    """Seed of the order of its rows; the recipe's where it is None."""
    about: str = ""
    """Where it came from, in a line."""

    @property
    def title(self) -> str:
        """What the card calls it."""
        return self.name or Path(self.file).stem


class Duplicates(Frozen):
    """Which rows count as one; None leaves a rule out."""

    text: float | None = Field(default=None, gt=0, le=1)
    """Jaccard of word sequences from which two rows are one, whatever their pictures are."""
    text_on_same_picture: float | None = Field(default=0.8, gt=0, le=1)
    """The same among rows with the same pictures, or without any."""
    picture_bits: int | None = Field(default=None, ge=0, le=32)
    """Bits of 64 in which the difference hashes of pictures may differ that are one; None: only equal payloads are."""
    rows_per_picture: int | None = Field(default=None, ge=1)
    """Rows that may have one picture."""


class Heldout(Frozen):
    """What must not be trained on."""

    files: tuple[str, ...] = ()
    """Benchmarks, relative to the recipe."""
    limit: float = Field(default=0.6, gt=0, le=1)
    """Jaccard of words of two requests from which a row is left out."""


class Recipe(Frozen):
    """What a mix is made of."""

    sources: tuple[Source, ...] = Field(min_length=1)
    """The files."""
    seed: int = 0
    """Seed of the draws."""
    rows: int | None = Field(default=None, ge=1)
    """Rows at most."""
    until: Literal["all", "first"] = "all"
    """Which sources are used up when the mix ends."""
    duplicates: Duplicates = Duplicates()
    """What counts as a duplicate."""
    heldout: Heldout = Heldout()
    """What is held out."""
    splits: dict[str, float] = Field(default_factory=dict)
    """Split -> share; none where it is empty."""


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; raises InputError that names what is wrong where it is none."""
    import yaml

    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"recipe {str(path)!r} cannot be read: {error.strerror}; give a .yaml file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"recipe {str(path)!r} is no YAML: {' '.join(str(error).split())}") from None
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        raise InputError(f"recipe {str(path)!r}: {where}: {first['msg']}; see tool_data/recipe.py") from None
    twice = [name for name, count in Counter(source.title for source in recipe.sources).items() if count > 1]
    if twice:
        raise InputError(f"recipe {str(path)!r}: two sources are named {twice[0]!r}; give each a `name`")
    unfit = [name for name in recipe.splits if not re.fullmatch(r"[\w-]+", name)]
    if unfit:
        raise InputError(f"recipe {str(path)!r}: a split is named {unfit[0]!r}; expected letters, digits, _ and -")
    if recipe.splits:
        check(recipe.splits)
    return recipe
