"""`handeye data make`: authored chats as Traces, any number, the same for a seed however many processes draw them.

Their calls are simulated, or with --run go through the executor.
"""

import random
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

from agent.options import parser
from agent.profile import read_profile
from agent.saved import store_of
from skills import InputError

from . import run_make
from .counted import output
from .gallery import real_pictures
from .generate import Generator
from .material import Material
from .pictograms import installed
from .pictures import pool

PICTURES = 200
"""Pictures that simulated rows speak of; they are records alone, marked simulated."""

CHUNK = 100
"""Simulated rows a process draws at a time."""


def main(argv: Sequence[str]) -> int:
    """Write authored chats; see `handeye data make --help`. Raises InputError."""
    args = _options(argv)
    from tqdm import tqdm

    with output(args.out, [], args.force) as file, tempfile.TemporaryDirectory(dir=args.out.parent) as spare:
        rows = ran(args, Path(spare)) if args.run else drawn(args.rows, args.seed, args.full, args.workers)
        for row in tqdm(rows, total=args.rows, desc=args.out.name, unit=" rows", disable=None, leave=False):
            file.write(f"{row}\n")
    print(f"{args.rows} rows in {args.out}", file=sys.stderr)
    return 0


def _options(argv: Sequence[str]) -> Namespace:
    options = parser(
        "data make",
        "OUT.jsonl [--run] [--rows N] [--seed N] [--full SHARE] [--workers N] [--force]",
        "Write authored chats as Traces, one a line: requests, the calls they stand for, answers that cite.\n"
        "Requests kept for measuring are never drawn. Without --run no skill runs and no picture is stored: results\n"
        'are written as the executor would write them, rows say "planner": "simulated". With --run every call goes\n'
        "through the executor, once for each skill, arguments and picture, over drawn scenes and the pictures of\n"
        "--pictures; payloads lie in OUT.store. What a skill without its checkpoint would find in a drawn scene is\n"
        'told by the scene\'s truth and marked "simulated"; elsewhere it is unavailable.',
    )
    options.add_argument("out", type=Path, metavar="OUT.jsonl")
    options.add_argument("--rows", type=int, default=1000, metavar="N", help="how many (default 1000)")
    options.add_argument("--seed", type=int, default=0, metavar="N", help="every row is drawn from it and its number")
    options.add_argument(
        "--full", type=float, default=0.5, metavar="SHARE", help="share of rows under the whole offer (default 0.5)"
    )
    options.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default 1)")
    options.add_argument("--force", action="store_true", help="replace an output that is there")
    options.add_argument("--run", action="store_true", help="run the skills")
    options.add_argument("--pictures", type=Path, metavar="DIR", help="with --run: real pictures to ask about")
    options.add_argument(
        "--pictograms", type=Path, action="append", metavar="PATH",
        help="with --run: an emoji font, or a folder of PNGs named by code points (default: fonts installed here)",
    )  # fmt: skip
    options.add_argument("--profile", default="embedded", help="with --run: which skills have a checkpoint")
    options.add_argument(
        "--folder", type=Path, default=Path("docs"), metavar="DIR", help="with --run: what `retrieve` searches"
    )
    options.add_argument("--cache", type=Path, metavar="DIR", help="with --run: keep results here for another run")
    args = options.parse_args(argv)
    if args.rows < 1 or args.workers < 1 or not 0 <= args.full <= 1:
        raise InputError(
            f"--rows {args.rows}, --workers {args.workers}, --full {args.full}: expected at least 1, at least 1, 0 to 1"
        )
    if not args.run and (args.pictures or args.pictograms or args.cache):
        raise InputError("--pictures, --pictograms and --cache are for rows whose skills run; add --run")
    return args


def drawn(rows: int, seed: int, full: float, workers: int = 1) -> Iterator[str]:
    """Yield simulated chats as JSON; row n depends on `seed`, `full` and n alone."""
    yield from _spread(partial(_chunk, seed, full), rows, CHUNK, workers)


def ran(args: Namespace, spare: Path) -> Iterator[str]:
    """Yield chats whose calls run, as JSON; `spare` holds results where no folder is told for them."""
    pictograms = tuple(args.pictograms or installed())
    if not pictograms:
        print("no emoji font is here, scenes hold forms alone; name a font with --pictograms", file=sys.stderr)
    plan = run_make.Plan(
        seed=args.seed,
        full=args.full,
        store=store_of(args.out),
        results=args.cache or spare,
        pictograms=pictograms,
        real=real_pictures(args.pictures) if args.pictures else (),
        folder=args.folder,
        profile=read_profile(args.profile).tables,
    )
    yield from _spread(partial(_ran, plan), args.rows, run_make.ROWS, args.workers)


def _spread(make: "partial[list[str]]", rows: int, chunk: int, workers: int) -> Iterator[str]:
    """Yield the rows that `make` gives for ranges of `chunk` numbers, in order, from so many processes."""
    jobs = [range(at, min(at + chunk, rows)) for at in range(0, rows, chunk)]
    if workers == 1:
        yield from (row for job in jobs for row in make(job))
        return
    with get_context("spawn").Pool(workers) as processes:
        for found in processes.imap(make, jobs):
            yield from found


def _chunk(seed: int, full: float, numbers: range) -> list[str]:
    return [_row(seed, full, number) for number in numbers]


def _ran(plan: run_make.Plan, numbers: range) -> list[str]:
    return list(run_make.drawn(plan, numbers))


def _row(seed: int, full: float, number: int) -> str:
    rng = random.Random(f"{seed}-{number}")
    generator = _generator(seed)
    name = f"simulated-{seed}-{number}"
    return generator.chat(generator.offer(rng, full=full), rng, seed=seed, name=name).to_json()


@cache
def _generator(seed: int) -> Generator:
    return Generator(Material.load(), pool(PICTURES, seed).kinds)
