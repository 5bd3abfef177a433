"""`handeye data from-chats`: chats that people had and allowed to be used become training rows and preference pairs."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

from agent.options import parser
from agent.saved import store_of
from agent.show import clean, cut
from agent.trace import Trace
from skills import InputError, SkillError
from skills.registry import AnySkill, Registry

from .counted import check, output, write_report
from .formats.base import Refused, Report
from .from_chats_found import ONLY, Found, corrected, find, usable
from .from_chats_hide import HIDEABLE, Shelf, first_turns
from .from_chats_pairs import Chosen, corrections, fork, row
from .validate import faults

Known = dict[str, tuple[Found, Trace]]
"""Id -> the chat that may be used."""


def main(argv: Sequence[str]) -> int:
    """Make rows of saved chats; see `handeye data from-chats --help`. Raises InputError, OSError."""
    options = parser(
        "data from-chats",
        "OUT.jsonl [FROM...] [--only up|corrected] [--blur faces,text] [--pairs PAIRS.jsonl] [--report FILE]",
        "Make training rows of saved chats: FROM are traces, or folders with traces below; those kept at home where\n"
        'none is named. A chat without consent (its `meta.consent` holds "training") is never taken. A chat is\n'
        "taken up to the first turn that was not answered or was voted down; what a user corrected is the answer.\n"
        "Every chat or turn left out is named on stderr with the reason, and in the report.",
    )
    options.add_argument("out", type=Path, metavar="OUT.jsonl")
    options.add_argument("places", nargs="*", metavar="FROM")
    options.add_argument("--only", choices=ONLY, help="liked turns alone; chats up to their last corrected turn")
    options.add_argument("--blur", default="", metavar="a,b", help=f"blur in pictures: {', '.join(HIDEABLE)}")
    options.add_argument("--pairs", type=Path, metavar="PAIRS.jsonl", help="write forks and corrections for TRL's DPO")
    options.add_argument("--skills", action="append", default=[], type=Path, metavar="FILE.py", help="add skills")
    options.add_argument("--report", type=Path, metavar="FILE", help="write what was left out there as JSON")
    options.add_argument("--force", action="store_true", help="replace outputs that are there")
    args = options.parse_intermixed_args(argv)
    for path in (args.out, args.pairs):
        if path is not None and path.suffix != ".jsonl":
            raise InputError(f"the output {str(path)!r} does not end in .jsonl; rows are written one a line")
    if args.pairs and args.pairs.resolve() == args.out.resolve():
        raise InputError(f"--pairs {str(args.pairs)!r} is the output too; name another file")
    check([], args.out, args.report)
    shelf = Shelf(store_of(args.out), [name.strip() for name in args.blur.split(",") if name.strip()])
    shelf.claim(args.force)
    report = Report()
    skills = Registry.load(args.skills).offer()
    known = _known(args.places, report)
    beside = output(args.pairs, [], args.force) if args.pairs else nullcontext()
    with output(args.out, [], args.force) as file, beside as other:
        pairs = _pairs(known, shelf, report, other) if other else 0
        for line in _rows(known, args.only, skills, shelf, report):
            file.write(line + "\n")
        _tell(args, report, shelf, pairs)
        if not report.kept + pairs:
            raise InputError(f"none of {report.read} chats can be used; the lines above say why, nothing was written")
    shelf.prune()
    return 0


def _known(places: Sequence[str], report: Report) -> Known:
    """Return the chats that may be used; the others stand in the report."""
    from tqdm import tqdm

    known: Known = {}
    for found in tqdm(find(places), desc="chats", unit=" chats", disable=None, leave=False):
        report.read += 1
        if found.trace is None:
            report.refused.append((found.where, found.why))
        else:
            known[found.trace.id] = (found, found.trace)
    return known


def _rows(known: Known, only: str | None, skills: Sequence[AnySkill], shelf: Shelf, report: Report) -> Iterator[str]:
    """Yield the rows of chats as JSON; what is left out of them stands in the report."""
    for name, (found, trace) in known.items():
        count, why = usable(trace, only)
        if why:
            report.refused.append((name, f"{why}; {f'the {count} before it are taken' if count else 'none is taken'}"))
        if not count:
            continue
        part = first_turns(trace, count)
        mended = part.model_copy(update={"turns": tuple(corrected(turn) for turn in part.turns)})
        try:
            if wrong := faults(mended, skills, found.store):
                raise Refused(wrong[0])
            made = shelf.put(mended, found.store)
        except (Refused, SkillError) as refused:
            report.refused.append((name, str(refused)))
        except KeyError as error:
            report.refused.append((name, str(error.args[0])))
        else:
            report.kept += 1
            yield made.to_json()


def _pairs(known: Known, shelf: Shelf, report: Report, file: TextIO) -> int:
    """Write the pairs that chats hold and return how many; those that are none stand in the report."""
    count = 0
    for name, (found, trace) in known.items():
        pairs = list(corrections(found, trace))
        try:
            pairs += [pair for pair in (fork(trace, known),) if pair is not None]
        except Refused as refused:
            report.refused.append((f"the pair of {name}", str(refused)))
        for pair in pairs:
            line = _pair(pair, shelf, report)
            file.write(line)
            count += bool(line)
    return count


def _pair(pair: Chosen, shelf: Shelf, report: Report) -> str:
    try:
        return json.dumps(row(pair, shelf), ensure_ascii=False) + "\n"
    except (Refused, SkillError) as refused:
        report.refused.append((f"the pair of {pair.name}", str(refused)))
    except KeyError as error:
        report.refused.append((f"the pair of {pair.name}", str(error.args[0])))
    return ""


def _tell(args: argparse.Namespace, report: Report, shelf: Shelf, pairs: int) -> None:
    """Say what became of every chat on stderr, and in the report."""
    for name, why in report.refused:
        print(cut(f"left out: {name}: {why}"), file=sys.stderr)
    if args.report:
        write_report(args.report, "from-chats", [(args.out, report)])
    if shelf.hide:
        what = ", ".join(shelf.hide)
        print(
            f"{len(shelf.blurred)} pictures blurred ({what}); words read from them still stand in results and answers",
            file=sys.stderr,
        )
    told = f"{report.read} chats read, {report.kept} rows in {args.out}"
    print(clean(told + (f", {pairs} pairs in {args.pairs}" if args.pairs else "")), file=sys.stderr)
