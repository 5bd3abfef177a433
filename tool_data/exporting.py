"""`handeye data export`: Traces into rows of other people's formats, one row in memory at a time."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from agent.options import parser
from agent.show import clean
from agent.trace import Trace
from skills import InputError

from .counted import check, claim, output, tell, traces, write_report
from .formats.base import Format, Refused, Report, Row, written
from .formats.table import FORMATS, find, listed


def main(argv: Sequence[str]) -> int:
    """Export a file; see `handeye data export --help`. Raises InputError, OSError."""
    options = parser(
        "data export",
        "FORMAT IN.jsonl OUT.json|OUT.jsonl|OUT.parquet [--report FILE] [--force]",
        "Write Traces (one a line) as rows of a format: OUT.json gets a JSON list, OUT.jsonl a row a line,\n"
        "OUT.parquet one table (trl alone). What was imported from the format is written as it was; Traces the format\n"
        "cannot hold are refused, counted on stderr and named in the report.\n"
        "Exit status: 2 where IN cannot be read to its end or no row can be written, else 0."
        f"\n\nformats:\n{listed()}",
    )
    options.add_argument("format", metavar="FORMAT")
    options.add_argument("traces", type=Path, metavar="IN.jsonl")
    options.add_argument("out", type=Path, metavar="OUT")
    options.add_argument("--report", type=Path, metavar="FILE", help="write refused rows there as JSON")
    options.add_argument("--force", action="store_true", help="replace an output that is there")
    args = options.parse_intermixed_args(argv)
    form = find(args.format)
    if args.out.suffix not in (".json", ".jsonl", ".parquet"):
        raise InputError(
            f"the output {str(args.out)!r} ends in none of .json (one list), .jsonl (a row a line), .parquet (a table)"
        )
    check([args.traces], args.out, args.report)
    if args.out.suffix == ".parquet":
        return _table(args.traces, args.out, form, args.report, args.force)
    write = _writer(form)
    report = Report()
    with output(args.out, [args.traces], args.force) as file:
        problem = _export(_rows(args.traces, write, report), file, args.out.suffix == ".json")
        if args.report:
            write_report(args.report, form.name, [(args.traces, report)])
        tell(args.traces, report, args.report is not None)
        if not report.kept and report.refused:
            row, why = report.refused[0]
            raise InputError(f"no row of {str(args.traces)!r} can be written as {form.name}; {row}: {why}")
        if not report.kept and problem:
            raise InputError(problem)
    if problem:
        print(f"handeye: {clean(problem)}; the {report.kept} rows written before it stand", file=sys.stderr)
    for loss in form.losses if report.kept else ():
        print(f"not in a row of {form.name}: {loss}", file=sys.stderr)
    print(clean(f"{report.kept} rows in {args.out}"), file=sys.stderr)
    return 2 if problem else 0


def _table(path: Path, out: Path, form: Format, to: Path | None, force: bool) -> int:
    """Write a parquet file; raises InputError where the format is no table's or no row can be written."""
    if form.name != "trl":
        raise InputError(f"a parquet file holds rows of trl, not of {form.name!r}; name OUT.jsonl, or export trl")
    from .formats import parquet

    claim(out, [path], force)
    read, report = Report(), Report()
    parquet.write(out, traces(path, FORMATS["trace"], read), report)
    report.read, report.refused = read.read, [*read.refused, *report.refused]
    if to:
        write_report(to, form.name, [(path, report)])
    tell(path, report, to is not None)
    print(clean(f"{report.kept} rows in {out}"), file=sys.stderr)
    return 0


def _writer(form: Format) -> Callable[[Trace], Row]:
    if form.from_trace is None:
        able = ", ".join(name for name, other in FORMATS.items() if other.from_trace)
        raise InputError(f"the format {form.name!r} is only read; expected one of {able}")
    return partial(written, form)


def _export(rows: Iterator[str], file: TextIO, as_list: bool) -> str:
    """Write rows; return why their file could not be read to its end, or ""."""
    problem, before = "", "[\n" if as_list else ""
    try:
        for row in rows:
            file.write(before + row)
            before = ",\n" if as_list else "\n"
    except InputError as error:
        problem = str(error)
    if as_list:
        file.write("[" if before == "[\n" else "\n")
    file.write("]\n" if as_list else "\n" if before else "")
    return problem


def _rows(path: Path, write: Callable[[Trace], Row], report: Report) -> Iterator[str]:
    """Yield the rows of a file's Traces as JSON text; those the format cannot hold stand in `report`."""
    for trace in traces(path, FORMATS["trace"], report):
        try:
            row = json.dumps(write(trace), ensure_ascii=False)
            row.encode()
        except (Refused, UnicodeEncodeError) as refused:
            report.kept -= 1
            report.refused.append((f"{path.stem}-{report.read} ({trace.id})", str(refused)))
        else:
            yield row
