"""Rows of a batch: {"id", "images", "requests", "offer", "results"}, read and checked one by one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, JsonValue, ValidationError

from skills import Boxes, InputError, Masks, Value
from skills.pictures import read_picture
from skills.store import Store
from skills.values import Frozen, value_from_json

from .agent import Agent, Chat


class Row(Frozen):
    """One chat to run."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    """The row's id, which becomes its trace's."""
    images: tuple[str, ...] = ()
    """Pictures of the first request, relative to the batch file."""
    requests: tuple[Annotated[str, Field(pattern=r"\S")], ...] = Field(min_length=1)
    """What is asked, in one chat."""
    offer: tuple[str, ...] | None = None
    """The skills on offer; all where it is left out."""
    results: dict[str, tuple[JsonValue, ...]] | None = None
    """Skill -> what its first, second ... call returns: a value, or a list of them, instead of running it."""


@dataclass(frozen=True)
class Damaged:
    """A line of a batch that is no row."""

    line: int
    """Its number, from 1."""
    problem: str
    """What is wrong with it."""


def read_batch(path: Path) -> Iterator[tuple[int, Row] | Damaged]:
    """Yield the rows of a batch with their line numbers, and what cannot be read; raises InputError without a file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"batch {str(path)!r} cannot be read: {error.strerror}; expected a JSON-lines file") from None
    seen: dict[str, int] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = Row.model_validate(json.loads(line))
        except ValidationError as error:
            yield Damaged(number, _complaint(error))
            continue
        except ValueError as error:
            yield Damaged(number, f"it is no JSON: {error}")
            continue
        if row.id in seen:
            yield Damaged(number, f"its id {row.id!r} is that of line {seen[row.id]}; ids are used once")
            continue
        seen[row.id] = number
        yield number, row


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "the row"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}; expected {', '.join(Row.model_fields)}"
    if first["type"] == "string_pattern_mismatch":
        return f"{key!r} is empty; say what to do"
    return f"{key!r}: {first['msg']}"


def row_of(data: Mapping[str, Any]) -> Row:
    """Return the row that a mapping holds; keys that no row has are left alone. Raises InputError."""
    try:
        return Row.model_validate({key: value for key, value in data.items() if key in Row.model_fields})
    except ValidationError as error:
        raise InputError(f"row {str(data.get('id'))!r}: {_complaint(error)}") from None


def chat_of(row: Row, agent: Agent, folder: Path, *, trace_id: str, store: Store | None) -> Chat:
    """Return the chat that a row's requests are asked in; raises InputError for an offer or results of no skill."""
    results = results_of(row, folder)
    for name in results or ():
        agent.registry.get(name)
    return agent.chat(trace_id=trace_id, store=store, offer=row.offer, results=results)


def results_of(row: Row, folder: Path) -> dict[str, list[tuple[Value, ...]]] | None:
    """Return a row's recorded results as values; pictures are read from `folder`. Raises InputError."""
    if row.results is None:
        return None
    return {name: [_result(item, name, row, folder) for item in items] for name, items in row.results.items()}


def _result(item: JsonValue, name: str, row: Row, folder: Path) -> tuple[Value, ...]:
    return tuple(_value(part, name, row, folder) for part in (item if isinstance(item, list) else [item]))


def _value(data: JsonValue, name: str, row: Row, folder: Path) -> Value:
    """Return one value from its JSON form."""
    if not isinstance(data, dict) or "kind" not in data:
        raise InputError(f"a result of {name!r} is no value; expected an object with 'kind', got {str(data)[:60]!r}")
    if data["kind"] == "picture" and isinstance(data.get("path"), str):
        picture, _ = read_picture(folder / str(data["path"]))
        return picture.model_copy(update={"frame": str(data.get("frame", "")), "view": data.get("view") is True})
    try:
        if data["kind"] == "masks" and "boxes" in data:
            return _rectangles(data, name, row, folder)
        return value_from_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"a result of {name!r} is no value: {where}: {first['msg']}") from None


def _rectangles(data: Mapping[str, Any], name: str, row: Row, folder: Path) -> Masks:
    """Return masks given as boxes: rectangles in the row's first picture, or in that of `frame`."""
    rest = {key: value for key, value in data.items() if key not in ("kind", "boxes")}
    boxes = Boxes(xyxy=data["boxes"])
    number = str(data.get("frame") or "img_1").removeprefix("img_")
    if not number.isdigit() or not 0 < int(number) <= len(row.images):
        raise InputError(f"masks of {name!r} are given as boxes in img_{number}, which is no picture of the row")
    width, height = read_picture(folder / row.images[int(number) - 1])[0].size
    masks = []
    for x1, y1, x2, y2 in boxes.array.round().astype(int):
        mask = np.zeros((height, width), dtype=bool)
        mask[max(0, y1) : y2, max(0, x1) : x2] = True
        masks.append(mask)
    return Masks.from_arrays(masks, **rest)
