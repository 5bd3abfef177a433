"""Artifacts: each made by one observation or given by the user, in the table, with its payload in the store.

A simulated trace's payloads were never made and are not looked for. A picture of an imported trace that was not read
has no hash; then it has its name in the data set, its `path`.
"""

import io
from collections.abc import Iterator

from agent.trace import Trace
from skills.store import HASH, Artifact, Store
from skills.values import PREFIXES

from .row import Row, is_simulated


def value_faults(row: Row) -> Iterator[str]:
    """Yield what is wrong with the table of artifacts and with the payloads behind it."""
    yield from _unlisted(row.trace)
    yield from _unmade(row.trace)
    for name, record in row.trace.artifacts.items():
        yield from (f"{name}: {fault}" for fault in _of_record(name, record, row))


def _unlisted(trace: Trace) -> Iterator[str]:
    """Yield ids that turns and observations name and the table lacks."""
    for number, turn in enumerate(trace.turns, start=1):
        for name in (*turn.images, *turn.marks):
            if name not in trace.artifacts:
                yield f"turn {number}: the user gave {name!r}, which is not in the table of artifacts; add its record"
        for seen in (seen for step in turn.steps for seen in step.observations):
            for name in dict.fromkeys((*seen.artifacts, *seen.data)):
                if name not in trace.artifacts:
                    yield (
                        f"turn {number}, {seen.tool_call_id}: the observation names {name!r}, which is not in the "
                        "table of artifacts; add its record"
                    )


def _unmade(trace: Trace) -> Iterator[str]:
    """Yield artifacts that nobody made or gave, or that say somebody else did."""
    makers: dict[str, list[str]] = {}
    for turn in trace.turns:
        for name in (*turn.images, *turn.marks):
            makers.setdefault(name, []).append("user")
        for seen in (seen for step in turn.steps for seen in step.observations):
            for name in seen.artifacts:
                makers.setdefault(name, []).append(seen.tool_call_id)
    for name, record in trace.artifacts.items():
        made = makers.get(name, [])
        if not made:
            yield f"{name}: made by no observation and not given by the user; remove it or say where it came from"
        elif record.source not in made:
            yield f"{name}: its source is {record.source!r}, but it came from {made[0]!r}"
        elif len(made) > 1:
            yield f"{name}: came from {' and '.join(map(repr, made))}; an id is given once"


def _of_record(name: str, record: Artifact, row: Row) -> Iterator[str]:
    prefix = name.rpartition("_")[0]
    if PREFIXES.get(record.kind) != prefix:
        yield f"its kind is {record.kind!r}; expected an id {PREFIXES.get(record.kind, 'img')}_N, or another kind"
    frame = row.trace.artifacts.get(record.frame)
    if record.frame and (frame is None or frame.kind != "picture"):
        yield f"its frame {record.frame!r} is no picture of the trace"
    if record.sha256 and not HASH.fullmatch(record.sha256):
        yield f"its sha256 {record.sha256[:70]!r} is no hash; expected 64 hex digits"
    elif not is_simulated(row.trace):
        yield from _payload(record, row)


def _payload(record: Artifact, row: Row) -> Iterator[str]:
    if not record.sha256:
        if record.kind == "picture" and not record.path:
            what = "an imported picture" if row.trace.meta.origin else "a picture"
            yield f"{what} without a path and without a payload; name the file in `path`"
        elif record.kind != "picture":
            yield "without a payload; only pictures of imported traces may lack one"
        return
    if row.store is None:
        return
    try:
        payload = row.store.payload(record.sha256)
    except (KeyError, OSError) as error:
        yield f"{_missing(record.sha256, row.store, error)}; copy it there or leave the row out"
        return
    if record.kind == "picture":
        yield from _pixels(payload, record)
    else:
        yield from _content(record, row.store)


def _content(record: Artifact, store: Store) -> Iterator[str]:
    try:
        kind: str = store.value(record).kind
    except ValueError:
        kind = ""
    if kind != record.kind:
        yield f"its payload is damaged: it holds {kind or 'no value'}, not {record.kind}; make it again"


def _missing(digest: str, store: Store, error: Exception) -> str:
    if isinstance(error, KeyError) and store.folder is not None:
        return str(error.args[0])
    return f"payload {digest} is missing from the store" if isinstance(error, KeyError) else str(error)


def _pixels(payload: bytes, record: Artifact) -> Iterator[str]:
    """Yield what is wrong with a picture's bytes; only the header is read, the hash already covers the rest."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(payload), formats=("PNG",)) as image:
            size = image.size
    except (OSError, Image.DecompressionBombError):
        yield "its payload is damaged or far too large: it is no PNG picture of ours; make it again"
        return
    if record.size is not None and size != record.size:
        yield f"its payload is {size[0]}x{size[1]}, the record says {record.size[0]}x{record.size[1]}"
