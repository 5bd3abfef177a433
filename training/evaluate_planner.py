"""`handeye eval planner`: how often a planner calls what it should, on requests its training never held."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.options import parser
from agent.score import Scored, score_turn, table
from agent.score_answer import Answered, answer_table, score_answer
from skills import InputError
from tool_data.counted import claim

from . import bootstrap
from .play import HELDOUT, Player, read_rows
from .results import SCORES, Result, line, load, paired, result, save

CONTROLS = ("shuffled", "swapped", "nearest")
"""What a planner is measured against: its weights shuffled, other pictures shown, the nearest training request."""

_HELP = f"""Play held-out requests and score the calls and answers. Shares stand with their 95 % intervals.

--compare plays two planners on the same rows; a file that --save wrote stands for a planner that was run before. For
each group and score it prints both means and their difference with a 95 % interval and a two-sided p, from a paired
bootstrap: {bootstrap.RESAMPLES:,} resamples of rows within their groups. `invalid` and `digits` are counts, less is
better."""


def main(argv: Sequence[str]) -> int:
    """Score a planner or compare two; return the exit status. Raises InputError, OSError."""
    options = parser("eval planner", "[--planner P | --compare A B] [options]", _HELP)
    options.add_argument("--planner", metavar="P", help="checkpoint folder or hub id (default: embedded)")
    options.add_argument("--compare", nargs=2, metavar=("A", "B"), help="planners, or files that --save wrote")
    options.add_argument(
        "--set", action="append", default=[], type=Path, metavar="FILE.jsonl", help="rows (default all)"
    )
    options.add_argument("--limit", type=int, default=0, metavar="N", help="rows of each set (default: all)")
    options.add_argument("--control", choices=CONTROLS, action="append", default=[], help="measure this beside it")
    options.add_argument("--errors", action="store_true", help="print the rows that were not exact")
    options.add_argument("--save", type=Path, metavar="FILE.jsonl", help="write each row's scores there")
    options.add_argument("--force", action="store_true", help="let --save replace a file")
    options.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap (default 0)")
    options.add_argument("--json", action="store_true", help="print one JSON line a row, or a difference, and no table")
    args = options.parse_args(argv)
    if args.compare:
        return _compare(args)
    if args.json and (args.control or args.errors):
        raise InputError("--json prints the planner's rows alone; leave out --control and --errors")
    if args.save:
        claim(args.save, args.set, args.force)
    return _score(args, args.planner or "embedded")


def _score(args: argparse.Namespace, planner: str) -> int:
    rows = _rows(args)
    scored, answers = _scored(rows, Player(planner))
    results = list(map(result, scored, answers))
    if args.save:
        save(args.save, results, args.force)
    if args.json:
        print("\n".join(map(line, results)))
        return 0
    controls = {name: _scored(rows, _control(name, planner))[0] for name in args.control}
    print(table(scored, controls))
    print(f"\n{answer_table(answers)}")
    if args.errors:
        _print_errors(rows, scored)
    return 0


def _compare(args: argparse.Namespace) -> int:
    if args.planner or args.control or args.errors or args.save:
        raise InputError(
            "--compare takes two planners or files and nothing else of a single planner; leave out "
            "--planner, --control, --errors and --save"
        )
    names = tuple(args.compare)
    saved = {name: load(Path(name)) for name in names if Path(name).is_file()}
    if len(saved) == len(set(names)) and (args.set or args.limit):
        raise InputError("--set and --limit choose rows to play, but both results are saved; leave them out")
    rows = _rows(args) if len(saved) < len(set(names)) else []
    one, other = (saved.get(name) or _results(rows, name) for name in names)
    found = bootstrap.differences(paired(one, other, names), SCORES, args.seed)
    if args.json:
        print("\n".join(json.dumps(vars(item)) for item in found))
    else:
        print(bootstrap.table(found, names))
    return 0


def _rows(args: argparse.Namespace) -> list[dict[str, Any]]:
    return list(read_rows(args.set or sorted(HELDOUT.glob("*.jsonl")), args.limit))


def _results(rows: Sequence[dict[str, Any]], planner: str) -> list[Result]:
    return list(map(result, *_scored(rows, Player(planner))))


def _control(name: str, planner: str) -> Player:
    from .controls import Nearest, shuffled

    if name == "nearest":
        return Player(Nearest())
    return Player(shuffled(planner)) if name == "shuffled" else Player(planner, swapped=True)


def _scored(rows: Sequence[dict[str, Any]], player: Player) -> tuple[list[Scored], list[Answered]]:
    turns = [player.play(row) for row in rows]
    pairs = list(zip(rows, turns, strict=True))
    return [score_turn(row, turn) for row, turn in pairs], [score_answer(row, turn) for row, turn in pairs]


def _print_errors(rows: Sequence[dict[str, Any]], scored: Sequence[Scored]) -> None:
    for row, item in zip(rows, scored, strict=True):
        if not item.exact:
            print(f"{item.id}  {row['request']!r}\n    want {row['calls']}\n    got  {list(item.written)}")
