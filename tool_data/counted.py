"""What importing and exporting share: an output that appears whole, counts on stderr, a report as JSON."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from agent.saved import prepare
from agent.show import clean
from agent.trace import Trace
from skills import InputError

from .formats.base import Format, Report, read
from .whole import whole

SHOWN = 3
"""Refused rows that are named on stderr; a report names all."""


@contextmanager
def output(path: Path, inputs: Sequence[Path], force: bool) -> Iterator[TextIO]:
    """Open a file that takes `path`'s name when the block ends; nothing is left where the block raises.

    Raises InputError where the name cannot be used, see `claim`.
    """
    claim(path, inputs, force)
    with whole(path) as part, part.open("w", encoding="utf-8") as file:
        yield file


def claim(path: Path, inputs: Sequence[Path], force: bool) -> None:
    """Make the folder of an output.

    Raises InputError where its name cannot be used: it is a folder, an input, or there already and not `force`.
    """
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; name a file")
    if path.exists() and path.resolve() in [one.resolve() for one in inputs]:
        raise InputError(f"{str(path)!r} is an input and the output; name another output")
    if path.exists() and not force:
        raise InputError(f"{str(path)!r} is there already; name another output, or add --force to replace it")
    prepare(path.parent)


def check(inputs: Sequence[Path], out: Path | None, report: Path | None) -> None:
    """Raise InputError where one of the inputs is no file, or the report would take another's place."""
    for path in inputs:
        if not path.is_file():
            raise InputError(f"no file at {str(path)!r}; name a .json, .jsonl or .parquet file of rows")
    others = [*inputs, out] if out else inputs
    if report and (report.is_dir() or report.resolve() in [path.resolve() for path in others]):
        raise InputError(f"--report {str(report)!r} is a folder, an input or the output; name another file")


def traces(path: Path, form: Format, report: Report) -> Iterator[Trace]:
    """Yield a file's Traces as `read` does, with a progress bar where a person watches.

    Raises InputError also for what is no UTF-8 text and for JSON nested too deeply.
    """
    from tqdm import tqdm

    try:
        yield from tqdm(read(path, form, report), desc=path.name, unit=" rows", disable=None, leave=False)
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is no UTF-8 text after row {report.read}: {error}; save it as UTF-8") from None
    except RecursionError:
        raise InputError(f"{str(path)!r} nests JSON too deeply after row {report.read}; remove that row") from None


def tell(path: Path, report: Report, whole: bool) -> None:
    """Print a file's counts on stderr and the first rows refused; `whole` says that a report names them all."""
    print(clean(f"{path}: {report}"), file=sys.stderr)
    for row, why in report.refused[:SHOWN]:
        print(clean(f"  {row}: {why}"), file=sys.stderr)
    more = len(report.refused) - SHOWN
    if more > 0:
        print(f"  and {more} more" + ("" if whole else "; --report FILE names all"), file=sys.stderr)


def write_report(path: Path, form: str, parts: Sequence[tuple[Path, Report]]) -> None:
    """Write counts and every mended and refused row with its reason as JSON; raises InputError, OSError."""
    prepare(path.parent)
    files = [
        {
            "file": str(source),
            "read": report.read,
            "kept": report.kept,
            "repaired": [{"row": row, "reason": why} for row, why in report.repaired],
            "refused": [{"row": row, "reason": why} for row, why in report.refused],
        }
        for source, report in parts
    ]
    text = json.dumps({"format": form, "files": files}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
