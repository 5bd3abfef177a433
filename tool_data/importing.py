"""`handeye data import`: rows of other people's formats into Traces, one row in memory at a time."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

from agent.options import parser
from agent.show import clean
from skills import InputError

from .counted import check, output, tell, traces, write_report
from .formats.base import Format, Report
from .formats.table import find, listed


def main(argv: Sequence[str]) -> int:
    """Import files; see `handeye data import --help`. Raises InputError, OSError."""
    options = parser(
        "data import",
        "FORMAT IN... OUT.jsonl [--report FILE] [--force]  |  FORMAT IN... --check",
        "Read rows of a format (a JSON list, or JSON lines) into Traces, one a line. Rows that can only be meant one\n"
        "way are mended, others that are no Trace refused; both are counted on stderr and named in the report.\n"
        "Exit status: 2 where a file cannot be read to its end or none of its rows is of the format, else 0.\n\n"
        f"formats:\n{listed()}",
    )
    options.add_argument("format", metavar="FORMAT")
    options.add_argument("files", nargs="+", type=Path, metavar="FILE", help="inputs, and the output last")
    options.add_argument("--check", action="store_true", help="count only: every FILE is an input")
    options.add_argument("--report", type=Path, metavar="FILE", help="write mended and refused rows there as JSON")
    options.add_argument("--force", action="store_true", help="replace an output that is there")
    args = options.parse_intermixed_args(argv)
    form = find(args.format)
    inputs, out = (args.files, None) if args.check else (args.files[:-1], args.files[-1])
    if not inputs:
        raise InputError(f"{str(out)!r} is the only file; name the output after it, or --check to count alone")
    check(inputs, out, args.report)
    _distinct(inputs, form, out)
    if out is not None and out.suffix != ".jsonl":
        raise InputError(f"the output {str(out)!r} does not end in .jsonl; Traces are written one a line")
    run = _Run(form, args.report is not None)
    with nullcontext() if out is None else output(out, inputs, args.force) as file:
        for path in inputs:
            run.take(path, file)
        if args.report:
            write_report(args.report, form.name, run.parts)
        if run.problems and not any(report.kept for _, report in run.parts):
            raise InputError("; ".join(run.problems))
    for problem in run.problems:
        print(f"handeye: {clean(problem)}", file=sys.stderr)
    run.tell_sum(out)
    return 2 if run.problems else 0


def _distinct(inputs: Sequence[Path], form: Format, out: Path | None) -> None:
    """Raise InputError where rows of two inputs would get the same ids."""
    seen: dict[str, Path] = {}
    for path in inputs if out is not None and form.name != "trace" else ():
        if first := seen.get(path.stem):
            raise InputError(
                f"{str(first)!r} and {str(path)!r} would give their rows the same ids, which are made of the file's "
                "name; import them into two files"
            )
        seen[path.stem] = path


class _Run:
    """An import so far."""

    def __init__(self, form: Format, reported: bool) -> None:
        self.form, self.reported = form, reported
        self.parts: list[tuple[Path, Report]] = []
        self.problems: list[str] = []

    def take(self, path: Path, file: TextIO | None) -> None:
        """Read one file, and write its Traces where there is an output."""
        report = Report()
        self.parts.append((path, report))
        try:
            for trace in traces(path, self.form, report):
                if file is not None:
                    file.write(trace.to_json() + "\n")
        except InputError as error:
            kept = f"; the {report.kept} rows kept before it stand" if report.kept and file is not None else ""
            self.problems.append(f"{error}{kept}")
        tell(path, report, self.reported)
        if report.refused and not report.kept:
            row, why = report.refused[0]
            self.problems.append(f"no row of {str(path)!r} is of the format {self.form.name!r}; {row}: {why}")

    def tell_sum(self, out: Path | None) -> None:
        """Print the counts of all files together where there are several, and where the Traces are."""
        reports = [report for _, report in self.parts]
        if len(reports) > 1:
            read_, kept = sum(one.read for one in reports), sum(one.kept for one in reports)
            mended = sum(len({row for row, _ in one.repaired}) for one in reports)
            refused = sum(len(one.refused) for one in reports)
            print(
                f"in all: {read_} rows read, {kept} kept ({mended} of them repaired), {refused} refused",
                file=sys.stderr,
            )
        if out is not None:
            print(clean(f"{sum(one.kept for one in reports)} Traces in {out}"), file=sys.stderr)
