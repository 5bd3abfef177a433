"""Traces as one parquet file of TRL's rows, through `datasets`, and its rows again, for `trl.to_trace`.

Every row has the same columns and types, so nothing is guessed from the first rows: a call's arguments and the offer
are JSON text; `simulated` is true for rows whose skills never ran, else null. `images` are paths;
`dataset.cast_column("images", datasets.List(datasets.Image()))` opens them. A row that was read from elsewhere is
written as `trl` writes it, without what it said beside its chat.
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.trace import Trace
from skills import InputError
from skills.implementation import importable

from ..checks.row import SIMULATED, is_simulated
from ..whole import whole
from .base import Refused, Report
from .trl import plain_row

if TYPE_CHECKING:
    from datasets import Features

BATCH = 1000
"""Rows in memory at a time."""


def features() -> "Features":
    """Return the columns of a file and their types."""
    from datasets import Features, List, Value

    text = Value("string")
    message = {
        "role": text,
        "tool_call_id": text,
        "name": text,
        "content": List({"type": text, "text": text}),
        "tool_calls": List({"id": text, "type": text, "function": {"name": text, "arguments": text}}),
    }
    columns = {"messages": List(message), "tools": text, "images": List(text), SIMULATED: Value("bool")}
    return Features(columns)


def write(path: Path, traces: Iterable[Trace], report: Report) -> None:
    """Write traces as the rows of a parquet file, a batch in memory at a time; the file appears whole or not at all.

    What became of each stands in `report`. Raises InputError where no trace could be written or no file made there.
    """
    _need("datasets")
    from datasets.arrow_writer import ParquetWriter

    found = _written(traces, report)
    first = next(found, None)
    if first is None:
        raise InputError(f"no row for {str(path)!r}: {report}; give traces that can be written")
    try:
        with whole(path) as part, ParquetWriter(features=features(), path=str(part), writer_batch_size=BATCH) as writer:
            for row in itertools.chain([first], found):
                writer.write(row)
            writer.finalize()
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error}; give a file in a folder that exists") from None


def _need(package: str) -> None:
    if not importable(package):
        raise InputError(f"package {package!r} is missing, which parquet files need; pip install 'handeye[train]'")


def _written(traces: Iterable[Trace], report: Report) -> Iterator[dict[str, Any]]:
    for trace in traces:
        report.read += 1
        try:
            row = plain_row(trace) | {SIMULATED: is_simulated(trace) or None}
            json.dumps(row, ensure_ascii=False).encode()
        except (Refused, UnicodeEncodeError) as refused:
            report.refused.append((trace.id, str(refused)))
            continue
        report.kept += 1
        yield row


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file as `write` was given them; raises InputError where it is no such file."""
    _need("pyarrow")
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                yield from (_present(row) for row in batch.to_pylist())
    except (OSError, ArrowInvalid) as error:
        raise InputError(f"{str(path)!r} cannot be read as parquet: {error}; give a .parquet file of rows") from None


def _present(value: Any) -> Any:
    """Return a value without the keys that Arrow gave an object because another row's has them."""
    if isinstance(value, dict):
        return {key: _present(item) for key, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value
