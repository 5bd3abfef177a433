"""`handeye data stats`: what files of Traces hold, on one page of bars; a row is in memory only while it is counted."""

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.options import parser
from agent.show import cut
from skills import InputError

from .bars import Chart, page
from .counted import output
from .jsonl import lines
from .totals import Length, Totals, binned

_PIECE = re.compile(r"\w+|[^\w\s]")


def count(paths: Sequence[Path], length: Length) -> Totals:
    """Count the rows of files; lines that are no Trace are named on stderr. Raises InputError for a missing file."""
    totals = Totals()
    for path in paths:
        for line in lines(path):
            if line.trace is None:
                totals.damaged += 1
                print(cut(f"{path}:{line.number}: {line.problem}"), file=sys.stderr)
            else:
                totals.add(line.trace, length)
    return totals


def tokenizer(path: Path | None) -> tuple[Length, str]:
    """Return (how tokens of a text are counted, what is told of that); words and marks where no file is named.

    Raises InputError where the file is no tokenizer.json.
    """
    if path is None:
        return lambda text: len(_PIECE.findall(text)), "words and marks"
    from tokenizers import Tokenizer

    try:
        known = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - tokenizers raises Exception itself
        raise InputError(f"{str(path)!r} is no tokenizer: {error}; name a checkpoint's tokenizer.json") from None
    return lambda text: len(known.encode(text, add_special_tokens=False).ids), f"tokens of {path.name}"


def report(totals: Totals, names: Sequence[str], told: str) -> str:
    """Return the page about files called `names`; `told` says what a token is."""
    rows, turns = max(1, totals.rows), max(1, totals.turns)
    calls, simulated = totals.skills.total(), totals.sources["simulated"]
    answers, citing = totals.cited.total(), totals.cited.total() - totals.cited[0]
    facts = [
        ("files", ", ".join(names)),
        ("rows", f"{totals.rows:,}"),
        ("lines that are no Trace", f"{totals.damaged:,}"),
        ("turns", f"{totals.turns:,} ({totals.turns / rows:.2f} a row)"),
        ("calls", f"{calls:,} ({calls / turns:.2f} a turn) of {len(totals.skills):,} skills"),
        ("pictures given", f"{sum(n * count for n, count in totals.pictures.items()):,}"),
        ("simulated rows", f"{simulated:,} ({simulated / rows:.1%})"),
        ("results", ", ".join(f"{count:,} {told}" for told, count in totals.results.most_common())),
        ("answers that cite", f"{citing:,} of {answers:,} ({citing / max(1, answers):.1%})"),
        (f"tokens ({told})", f"{totals.tokens.total():,} ({totals.tokens.total() / rows:.0f} a row)"),
    ]
    return page(f"Tool-use data: {', '.join(names)}", facts, charts(totals, told))


def charts(totals: Totals, told: str) -> list[Chart]:
    """Return the charts of the page."""
    return [
        Chart("Where rows come from", totals.sources, "rows"),
        Chart("Turns of a row", _numbers(totals.turns_of_a_row), "rows by their turns", ranked=False),
        Chart("Pictures of a row", _numbers(totals.pictures), "rows by the pictures that were given", ranked=False),
        Chart("Calls by skill", totals.skills, "calls"),
        Chart("Chain lengths", _numbers(totals.chains), "turns by their passes with a call", ranked=False),
        Chart("Calls side by side", _numbers(totals.side_by_side), "passes by their calls", ranked=False),
        Chart("Outcomes of calls", totals.outcomes, 'calls; "empty" found nothing, others are types of errors'),
        Chart("Results of calls", totals.results, "calls; simulated ones are told by truth or drawn, no skill ran"),
        Chart("Endings", totals.endings, "turns by their stop_reason"),
        Chart("Languages", totals.languages, "requests; told by script and commonest words, else unknown"),
        Chart("Request lengths", binned(totals.request_words), "requests by their words", ranked=False),
        Chart("Citations of an answer", _numbers(totals.cited), "answers by what they cite", ranked=False),
        Chart("What answers cite", totals.citations, "citations"),
        Chart("Tokens by writer", totals.tokens, told),
        Chart("Tokens of a row", binned(totals.row_tokens), f"rows by their {told}", ranked=False),
    ]


def _numbers(counts: Counter[int]) -> Mapping[str, int]:
    return {str(value): counts[value] for value in sorted(counts) if counts[value]}


def main(argv: Sequence[str]) -> int:
    """Write the page about files. Raises InputError for a file that is missing and OSError where the disk is full."""
    options = parser("data stats", "FILE... OUT.html [--tokenizer FILE] [--force]", "Count what is in tool-use data.")
    options.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Traces, one a line (.jsonl)")
    options.add_argument("out", type=Path, metavar="OUT.html", help="the page, one file without anything beside it")
    options.add_argument("--tokenizer", type=Path, metavar="FILE", help="a tokenizer.json to count tokens with")
    options.add_argument("--force", action="store_true", help="replace an output that is there")
    args = options.parse_intermixed_args(argv)
    if args.out.suffix not in (".html", ".htm"):
        raise InputError(f"{str(args.out)!r} is no .html file; name the page last: FILE... OUT.html")
    length, told = tokenizer(args.tokenizer)
    with output(args.out, args.files, args.force) as file:
        totals = count(args.files, length)
        file.write(report(totals, [path.name for path in args.files], told))
    print(f"{totals.rows} rows, {totals.turns} turns, {totals.skills.total()} calls counted; {args.out}")
    return 0
