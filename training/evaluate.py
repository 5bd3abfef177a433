"""`handeye eval planner`: how often a planner calls what it should, on requests its training never held."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent import Agent, Chat
from agent.options import Parser
from agent.score import Scored, score_turn, table
from skills import Boxes, InputError, Line, Masks, Number, Picture, Text, Value

HELDOUT = Path(__file__).parent.parent / "tool_data" / "heldout"
"""Requests with gold calls, one JSON line each, written apart from the training phrasings."""

SIDE = 320
"""Side of the made-up picture, pixels."""

TURNS = 6
"""Results recorded per skill: more calls in one turn than any gold row has."""


def main(argv: Sequence[str] | None = None) -> int:
    """Score a planner and print shares with 95 % intervals; return the exit status."""
    parser = Parser(prog="handeye eval", description=__doc__)
    parser.add_argument("what", choices=["planner"], help="what to evaluate")
    parser.add_argument("--planner", default="embedded", help="checkpoint folder or hub id (default: embedded)")
    parser.add_argument("--set", action="append", default=[], help="a .jsonl file of rows; default: all held-out sets")
    parser.add_argument("--limit", type=int, default=0, help="rows of each set (default: all)")
    parser.add_argument("--errors", action="store_true", help="print the rows that were not exact")
    parser.add_argument("--json", action="store_true", help="print one JSON line a row instead of the table")
    options = parser.parse_args(argv)
    try:
        rows = list(read_rows([Path(p) for p in options.set] or sorted(HELDOUT.glob("*.jsonl")), options.limit))
        agent = Agent(options.planner, max_steps=TURNS)
        scored = [run_row(row, agent) for row in rows]
    except InputError as error:
        print(f"handeye: {error}", file=sys.stderr)
        return 2
    if options.json:
        for item in scored:
            print(json.dumps(vars(item), ensure_ascii=False))
        return 0
    print(table(scored))
    if options.errors:
        _print_errors(rows, scored)
    return 0


def read_rows(files: Iterable[Path], limit: int = 0) -> Iterable[dict[str, Any]]:
    """Yield the rows of held-out files, at most `limit` of each; raises InputError for a missing or damaged file."""
    for path in files:
        if not path.is_file():
            raise InputError(f"no held-out file at {str(path)!r}")
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines[: limit or None], start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise InputError(f"line {number} of {str(path)!r} is no JSON: {error}") from None


def run_row(row: dict[str, Any], agent: Agent) -> Scored:
    """Play one row as the first turn of a chat whose skills answer from made-up results."""
    chat = Chat(agent, results={skill.name: [_result(skill.name)] * TURNS for skill in agent.offer})
    region = {"box": [0.2, 0.2, 0.7, 0.8], "point": [0.5, 0.5]}.get(row.get("mark") or "")
    images = [] if row.get("picture") == "none" else [_picture()]
    answer = chat.ask(row["request"], images, region=region if images else None)
    return score_turn(row, answer.turn)


def _picture() -> Picture:
    ramp = np.linspace(40, 220, SIDE, dtype=np.uint8)
    return Picture.from_array(np.stack([np.tile(ramp, (SIDE, 1))] * 3, axis=-1))


def _result(name: str) -> Value:
    """Return a plausible result of a skill, enough for a next step to work on."""
    boxes = ((30.0, 40.0, 120.0, 160.0), (180.0, 60.0, 260.0, 170.0))
    if name in ("find_faces", "detect"):
        label = "face" if name == "find_faces" else "thing"
        return Boxes(xyxy=boxes, scores=(0.9, 0.8), labels=(label, label))
    if name in ("read_text", "read_code"):
        return Text(lines=tuple(Line(text=t, box=b) for t, b in zip(("Open daily", "Gate four"), boxes, strict=True)))
    if name in ("segment", "segment_scene", "segment_like"):
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        mask[40:160, 30:120] = True
        return Masks.from_arrays([mask])
    if name in ("tag", "caption", "retrieve", "moderate"):
        return Text.of("a quiet street in the evening")
    return Number(value=42) if name == "calculate" else _picture()


def _print_errors(rows: Sequence[dict[str, Any]], scored: Sequence[Scored]) -> None:
    for row, item in zip(rows, scored, strict=True):
        if not item.exact:
            print(f"{item.id}  {row['request']!r}\n    want {row['calls']}\n    got  {list(item.written)}")


if __name__ == "__main__":
    sys.exit(main())
