"""`handeye data teach`: rows written by a teacher, any model behind an OpenAI-compatible chat endpoint.

A killed run goes on where it stopped: OUT.teach holds every row the moment it is done, and every reply that was paid
for, by the hash of its request.
"""

import argparse
import hashlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent import Agent
from agent.saved import prepare, store_of
from agent.show import clean, cut
from skills import InputError
from skills.store import Store

from . import teach_llava, teach_options, teach_skills
from .teach_ledger import Ledger
from .teach_lesson import Lesson, Recipe, School, seeds
from .teach_log import Log
from .teach_pace import Pace
from .teach_run import Folder, Run, write_out
from .teach_source import digest, read_sources
from .teach_teacher import Teacher
from .teach_tutor import Tutor

RECIPES: Mapping[str, Recipe] = {
    "conversation": teach_llava.conversation,
    "description": teach_llava.description,
    "reasoning": teach_llava.reasoning,
    "stages": teach_llava.stages,
    "image-only": teach_skills.image_only,
    "arguments": teach_skills.arguments,
    "mixed": teach_skills.mixed,
    "negatives": teach_skills.negatives,
    "post": teach_skills.post,
}
"""Name -> how a row of it is made."""

SHOWN = 3
"""Rows left for the next run that are named on stderr."""


def main(argv: Sequence[str]) -> int:
    """Make rows with a teacher; see `handeye data teach --help`.

    Returns 0 where every row was made or refused, 1 where the run stopped early or no row was made. Raises InputError,
    OSError.
    """
    args = teach_options.read(argv, RECIPES)
    folder, endpoint = Folder(args.out), teach_options.teaching(args)
    sources, labels = _surveyed(args)
    prepare(args.out.parent)
    with folder.alone():
        folder.begin(_plan(args), args.force)
        stop = threading.Event()
        ledger = Ledger(folder.replies, teach_options.price(args), teach_options.limits(args))
        pace = Pace(args.rpm, stop)
        teacher = Teacher(endpoint, ledger, pace, tries=args.tries, retries=args.retries, pause=args.pause)
        agent = Agent(Tutor(), skills=args.skills, seed=args.seed)
        school = School(agent, Store(store_of(args.out)), args.sources.parent, labels, args.seed)
        run, total = Run(Log(folder.rows, "id"), stop), sources * args.times * len(args.recipes)
        try:
            _work(run, ledger, _jobs(args, teacher, school), args, total)
        finally:
            names = (lesson.name for lesson, _ in _jobs(args, teacher, school))
            made, refused = write_out(folder, run.rows, names) if len(run.rows) else (0, 0)
            _tell(run, folder, ledger, total, (made, refused))
    return 0 if made and made + refused == total else 1


def _surveyed(args: argparse.Namespace) -> tuple[int, list[str]]:
    """Return how many sources there are, each checked, and all their labels."""
    count, labels = 0, dict[str, None]()
    for source in read_sources(args.sources):
        count += 1
        labels.update(dict.fromkeys(source.labels))
    if not count:
        raise InputError(f"{str(args.sources)!r} is empty; expected a source a line")
    return count, list(labels)


def _plan(args: argparse.Namespace) -> dict[str, Any]:
    """Return what must be the same where a run goes on."""
    same = ("recipes", "times", "seed", "model", "temperature", "max_tokens", "tries", "body")
    told = hashlib.sha256(json.dumps(seeds()).encode()).hexdigest()
    return {"sources": digest(args.sources), "prompts": told} | {name: getattr(args, name) for name in same}


def _jobs(args: argparse.Namespace, teacher: Teacher, school: School) -> Iterator[tuple[Lesson, Recipe]]:
    """Yield every row to be made, in the order of the output."""
    for source in read_sources(args.sources):
        for version in range(1, args.times + 1):
            for recipe in args.recipes:
                name = f"{recipe}-{version}-{source.id}"
                yield Lesson(name, recipe, source, teacher, school, version), RECIPES[recipe]


def _work(
    run: Run, ledger: Ledger, jobs: Iterator[tuple[Lesson, Recipe]], args: argparse.Namespace, total: int
) -> None:
    from tqdm import tqdm

    left = ((lesson, make) for lesson, make in jobs if lesson.name not in run.rows)
    with tqdm(total=total, initial=len(run.rows), desc=args.out.name, unit=" rows", disable=None, leave=False) as bar:

        def tick() -> None:
            bar.set_postfix_str(f"cost {ledger.cost:.2f}", refresh=False)
            bar.update()

        run.work(left, args.workers, tick)


def _tell(run: Run, folder: Folder, ledger: Ledger, total: int, counts: tuple[int, int]) -> None:
    """Say on stderr what became of the rows, what it cost and, where rows are left, how to go on."""
    made, refused = counts
    print(clean(f"{made} rows in {folder.out}, {refused} refused (reasons in {folder.refused})"), file=sys.stderr)
    print(f"{ledger}", file=sys.stderr)
    for name, why in run.given_up[:SHOWN] if not run.why else ():
        print(cut(f"  {name}: {why}"), file=sys.stderr)
    if left := total - made - refused:
        why = f" ({run.why})" if run.why else ""
        print(clean(f"handeye: {left} rows are left{why}; the same command goes on with them"), file=sys.stderr)
