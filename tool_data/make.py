"""`handeye data make`: simulated chats as Traces, any number, the same for a seed however many processes draw them."""

import random
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from agent.options import parser
from skills import InputError

from .counted import output
from .generate import Generator
from .material import Material
from .pictures import pool

PICTURES = 200
"""Pictures that rows speak of; they are records alone, marked simulated."""

CHUNK = 100
"""Rows a process draws at a time."""


def main(argv: Sequence[str]) -> int:
    """Write simulated chats; see `handeye data make --help`. Raises InputError."""
    options = parser(
        "data make",
        "OUT.jsonl [--rows N] [--seed N] [--full SHARE] [--workers N] [--force]",
        "Write simulated chats as Traces, one a line: authored requests, the calls they stand for, results as the\n"
        "executor would write them, answers that cite. No skill runs and no picture is stored: rows say\n"
        '"planner": "simulated". Requests kept for measuring are never drawn.',
    )
    options.add_argument("out", type=Path, metavar="OUT.jsonl")
    options.add_argument("--rows", type=int, default=1000, metavar="N", help="how many (default 1000)")
    options.add_argument("--seed", type=int, default=0, metavar="N", help="every row is drawn from it and its number")
    options.add_argument(
        "--full", type=float, default=0.5, metavar="SHARE", help="share of rows under the whole offer (default 0.5)"
    )
    options.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default 1)")
    options.add_argument("--force", action="store_true", help="replace an output that is there")
    args = options.parse_args(argv)
    if args.rows < 1 or args.workers < 1 or not 0 <= args.full <= 1:
        raise InputError(
            f"--rows {args.rows}, --workers {args.workers}, --full {args.full}: expected at least 1, at least 1, 0 to 1"
        )
    from tqdm import tqdm

    with output(args.out, [], args.force) as file:
        rows = drawn(args.rows, args.seed, args.full, args.workers)
        for row in tqdm(rows, total=args.rows, desc=args.out.name, unit=" rows", disable=None, leave=False):
            file.write(f"{row}\n")
    print(f"{args.rows} rows in {args.out}", file=sys.stderr)
    return 0


def drawn(rows: int, seed: int, full: float, workers: int = 1) -> Iterator[str]:
    """Yield simulated chats as JSON; row n depends on `seed`, `full` and n alone."""
    jobs = [(seed, full, range(at, min(at + CHUNK, rows))) for at in range(0, rows, CHUNK)]
    if workers == 1:
        yield from (row for job in jobs for row in _chunk(job))
        return
    with get_context("spawn").Pool(workers) as processes:
        for found in processes.imap(_chunk, jobs):
            yield from found


def _chunk(job: tuple[int, float, range]) -> list[str]:
    seed, full, numbers = job
    return [_row(seed, full, number) for number in numbers]


def _row(seed: int, full: float, number: int) -> str:
    rng = random.Random(f"{seed}-{number}")
    generator = _generator(seed)
    name = f"simulated-{seed}-{number}"
    return generator.chat(generator.offer(rng, full=full), rng, seed=seed, name=name).to_json()


@cache
def _generator(seed: int) -> Generator:
    return Generator(Material.load(), pool(PICTURES, seed).kinds)
