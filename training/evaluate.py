"""`handeye eval planner`: how often a planner calls what it should, on requests its training never held."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.options import Parser
from agent.score import Scored, score_turn, table
from agent.score_answer import Answered, answer_table, score_answer
from skills import InputError

from .play import HELDOUT, Player, read_rows

CONTROLS = ("shuffled", "swapped", "nearest")
"""What a planner is measured against: its weights shuffled, other pictures shown, the nearest training request."""


def main(argv: Sequence[str] | None = None) -> int:
    """Score a planner and print shares with 95 % intervals; return the exit status."""
    parser = Parser(prog="handeye eval", description=__doc__)
    parser.add_argument("what", choices=["planner"], help="what to evaluate")
    parser.add_argument("--planner", default="embedded", help="checkpoint folder or hub id (default: embedded)")
    parser.add_argument("--set", action="append", default=[], help="a .jsonl file of rows; default: all held-out sets")
    parser.add_argument("--limit", type=int, default=0, help="rows of each set (default: all)")
    parser.add_argument("--control", choices=CONTROLS, action="append", default=[], help="measure this beside it")
    parser.add_argument("--errors", action="store_true", help="print the rows that were not exact")
    parser.add_argument("--json", action="store_true", help="print one JSON line a row instead of the tables")
    options = parser.parse_args(argv)
    if options.json and (options.control or options.errors):
        print("handeye: --json prints the planner's rows alone; leave out --control and --errors", file=sys.stderr)
        return 2
    try:
        rows = list(read_rows([Path(p) for p in options.set] or sorted(HELDOUT.glob("*.jsonl")), options.limit))
        scored, answers = _scored(rows, Player(options.planner))
        controls = {name: _scored(rows, _control(name, options.planner))[0] for name in options.control}
    except InputError as error:
        print(f"handeye: {error}", file=sys.stderr)
        return 2
    if options.json:
        for item in scored:
            print(json.dumps(vars(item), ensure_ascii=False))
        return 0
    print(table(scored, controls))
    print(f"\n{answer_table(answers)}")
    if options.errors:
        _print_errors(rows, scored)
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
