"""Calls: their skills, their arguments, and the ids and regions in them.

What the executor itself refused (unknown_skill, bad_arguments, bad_region) is a true record of a planner's error and
no fault of the row. A skill of a simulated or imported trace's own offer whose schema is not known is not checked
against one; it may be a renamed or a foreign skill.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from agent.trace import ToolCall
from skills.regions import REFERENCE
from skills.registry import AnySkill

from .row import Row, is_simulated

_LEVELS = {"unknown_skill": 0, "bad_arguments": 1, "bad_region": 2}
"""The order in which the executor looks: error type -> the first fault it hides."""

_ID = re.compile(r"^((?:img|boxes|mask|text|points)_\d+)(?:\[\d+\])?$")


def call_faults(row: Row) -> Iterator[str]:
    """Yield what is wrong with the calls of a row, each against what existed when it was made."""
    for name, count in Counter(row.trace.meta.offer).items():
        if count > 1:
            yield f"the offer names {name!r} {count} times; a call of it means no one skill, rename the others"
    known: set[str] = set()
    for number, turn in enumerate(row.trace.turns, start=1):
        known.update(turn.images, turn.marks)
        for step in turn.steps:
            for call in step.output.calls:
                yield from (f"turn {number}, {call.id}: {fault}" for fault in _of_call(call, row, known))
            known.update(name for seen in step.observations for name in seen.artifacts)


def _of_call(call: ToolCall, row: Row, known: set[str]) -> Iterator[str]:
    seen = row.observation(call.id)
    said = _LEVELS.get(seen.error.type, 3) if seen and seen.error else 3
    for level, fault in _leveled(call, row, known):
        if said > level:
            yield fault


def _leveled(call: ToolCall, row: Row, known: set[str]) -> Iterator[tuple[int, str]]:
    """Yield (level, fault) in the executor's order."""
    offer, skill = row.trace.meta.offer, row.skills.get(call.name)
    if offer and call.name not in offer:
        yield 0, f"unknown skill {call.name!r}: not among the {len(offer)} on offer; offer it or mend the name"
        return
    if skill is None:
        if not (row.written_elsewhere and offer):
            yield 0, f"unknown skill {call.name!r}; name its file with --skills FILE.py or mend the name"
        elif is_simulated(row.trace):
            named = [item for value in call.args.values() for item in _strings(value) if _ID.match(item)]
            yield from ((2, fault) for item in named for fault in _missing(item, row, known))
        return
    try:
        skill.arguments.model_validate(dict(call.args))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the arguments"
        yield 1, f"arguments refused: {where!r}: {first['msg']}; expected {skill.signature}"
        return
    yield from ((2, fault) for fault in _references(call, skill, row, known))


def _references(call: ToolCall, skill: AnySkill, row: Row, known: set[str]) -> Iterator[str]:
    pictures = {p.name: call.args.get(p.name) for p in skill.params if p.kind == "picture"}
    for value in pictures.values():
        yield from _missing(str(value), row, known) if value is not None else ()
    regions = [call.args[p.name] for p in skill.params if p.kind in ("region", "regions") and call.args.get(p.name)]
    for region in regions:
        for item in _strings(region):
            yield from _missing(item, row, known)
        for numbers in _numbers(region):
            if len(numbers) not in (2, 4) or not all(0 <= n <= 1 for n in numbers):
                yield f"{list(numbers)!r} is no region; expected [x1, y1, x2, y2] or [x, y], normalised 0-1"
    needed = bool(regions) or any(p.filled for p in skill.params)
    if pictures and needed and not any(name.startswith("img_") for name in known):
        yield f"{skill.name} needs a picture and there is none yet; a picture is given in a turn's images"
        return
    if regions and pictures:
        yield from _frames(call, next(iter(pictures)), regions, row, known)


def _frames(call: ToolCall, param: str, regions: Sequence[Any], row: Row, known: set[str]) -> Iterator[str]:
    """Yield where regions lie in the grid of another picture than the one worked on."""
    table = row.trace.artifacts
    ids = [item.partition("[")[0] for region in regions for item in _strings(region)]
    frames = {name: table[name].frame for name in ids if name in known and name in table}
    if len(set(frames.values())) > 1:
        yield f"regions in different frames ({', '.join(f'{n}: {f}' for n, f in frames.items())}); use those of one"
        return
    seen = row.observation(call.id)
    picture = str(call.args.get(param) or (seen.args.get(param) if seen else None))
    if picture not in table:
        return
    for name, frame in frames.items():
        if frame != table[picture].frame:
            yield (
                f"region {name!r} lies in the frame of {frame or 'no picture'}, the picture {picture!r} in that of "
                f"{table[picture].frame}; find it again there"
            )


def _missing(item: str, row: Row, known: set[str]) -> Iterator[str]:
    """Yield why an id, or an element of it, does not exist when the call is made."""
    match = _ID.match(item)
    name = match[1] if match else item
    if match is None or name not in known:
        later = " yet" if name in row.trace.artifacts else ""
        yield f"{item!r} does not exist{later}; there is {', '.join(sorted(known)) or 'nothing'}"
        return
    value = row.value(name) if REFERENCE.match(item) else None
    count = len(value) if value is not None and hasattr(value, "__len__") else None
    if count == 0:
        yield f"{name!r} is empty, nothing was found; name another region"
    elif count is not None and "[" in item and int(item.partition("[")[2][:-1]) >= count:
        yield f"{item!r} does not exist; {name} has [0] to [{count - 1}]"


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings of an argument, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _numbers(value: Any) -> Iterator[Sequence[float]]:
    """Yield the lists of numbers of an argument, however deep."""
    if isinstance(value, list) and value and all(isinstance(n, int | float) for n in value):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)
