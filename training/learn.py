"""`handeye learn`: one file with a new skill in, a planner that calls it out, measured before and after."""

import json
import random
import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.cli import INTERRUPTED
from agent.options import Parser, parser
from agent.planners.llava import EMBEDDED, load_planner
from agent.rendering import SETTINGS, settings_of
from agent.slots import DIALECT
from skills import InputError
from tool_data.material import Material
from tool_data.requests import draw
from tool_data.whole import whole

from .folder import claim
from .learn_lesson import Lesson, read_lessons
from .learn_measure import alone, measure, new_rows, old_rows
from .learn_report import read, report, told
from .learn_run import STAGE, Course, learn
from .planner import Plan

REPORT = "learnt.json"
"""The report's name, in the folder of the checkpoint."""

TOKENS = 1_300_000
"""Tokens a planner is trained on."""

MUON, ADAM = 0.005, 0.0008
"""Learning rates: a quarter of those the planner was trained at from nothing."""

PICTURES = 600
"""Pictures the chats are about."""


def main(argv: Sequence[str]) -> int:
    """Teach a planner new skills; return 0 once it was trained, whatever was measured, 130 where Ctrl-C ended it.

    Raises InputError for files and options that cannot be used, KeyboardInterrupt before anything was learnt.
    """
    args = _parser().parse_args(argv)
    args.out = args.out.absolute()
    start = _checked(args)
    course = Course(tuple(args.files), tuple(args.examples), args.share)
    lessons = read_lessons(course.files, course.examples, Material.load().words)
    claim(args.out, SETTINGS, "planner", force=args.force)
    for lesson in lessons:
        _say(*read(lesson))
    plan = Plan(
        tokens=args.tokens, minutes=args.minutes, seed=args.seed, workers=args.workers, pictures=PICTURES,
        start=start, stages=(STAGE,), muon=MUON, adam=ADAM,
    )  # fmt: skip
    rows = {lesson.skill.name: new_rows(lesson, args.seed) for lesson in lessons}
    old = old_rows(args.rows, rows)
    skills = [lesson.skill for lesson in lessons]
    planner = load_planner(str(start))
    known, before = alone(planner, old), measure(planner, skills, rows, old)
    began = time.monotonic()
    stopped = learn(plan, course, args.out)
    seconds = round(time.monotonic() - began)
    use = _use(args.out, course, lessons)
    if stopped:
        _say(f"stopped after {seconds} s; what was learnt until then is in {str(args.out)!r}, not measured", use)
        return INTERRUPTED
    _say(f"trained for {seconds} s; the planner is in {str(args.out)!r}")
    try:
        after = measure(str(args.out), skills, rows, old)
    except KeyboardInterrupt:
        _say(f"stopped while measuring; the planner in {str(args.out)!r} is whole", use)
        return INTERRUPTED
    found = report(lessons, course, plan, known, before, after, planner=str(start), seconds=seconds)
    _write(args.out / REPORT, found)
    _say(*told(found), f"report: {args.out / REPORT}", use)
    return 0


def _parser() -> Parser:
    options = parser(
        "learn",
        "FILE.py... --out DIR [options]",
        "Teach the embedded planner to call the skills of a file. Requests are made from each skill's docstring,\n"
        "name, schema and examples (and from --examples), some wordings kept for measuring. The planner is trained\n"
        "further on them, mixed with chats for the skills it knows. DIR gets the planner and learnt.json, the\n"
        "figures before and after. What is kept for measuring is made by the rules that made what is trained on; only\n"
        "requests of your own (held_out = true in --examples) tell how people ask. Ctrl-C ends training early and\n"
        "keeps what was learnt.",
    )
    options.add_argument("files", nargs="+", type=Path, metavar="FILE.py", help="skills to learn, as for --skills")
    options.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the planner goes")
    options.add_argument("--force", action="store_true", help="replace a planner that is there")
    options.add_argument(
        "--examples", action="append", default=[], type=Path, metavar="FILE.toml",
        help="requests with their calls: [[requests]] with en, es, args, held_out",
    )  # fmt: skip
    options.add_argument(
        "--planner", default="embedded", metavar="DIR", help="planner to go on from (default embedded)"
    )
    options.add_argument("--tokens", type=int, default=TOKENS, metavar="N", help=f"trained on (default {TOKENS:,})")
    options.add_argument(
        "--minutes", type=float, default=15.0, metavar="M", help="most minutes of training (default 15)"
    )
    options.add_argument(
        "--share", type=float, default=Course.share, metavar="0-1", help="share of turns for the new (0.22)"
    )
    options.add_argument("--rows", type=int, default=240, metavar="N", help="held-out rows for the old skills (240)")
    options.add_argument("--workers", type=int, default=2, metavar="N", help="processes that train (default 2)")
    options.add_argument("--seed", type=int, default=0, metavar="N", help="of every random choice")
    return options


def _checked(args: Namespace) -> Path:
    """Return the checkpoint to go on from; raises InputError where options cannot be used."""
    if not 0 < args.share < 1:
        raise InputError(f"--share {args.share} leaves nothing of one kind; expected a number between 0 and 1")
    for name in ("tokens", "minutes", "rows", "workers"):
        if getattr(args, name) <= 0:
            raise InputError(f"--{name} {getattr(args, name)} is too few; expected a number above 0")
    start = EMBEDDED if args.planner == "embedded" else Path(args.planner)
    if settings_of(start).get("dialect") != DIALECT:
        raise InputError(
            f"--planner {args.planner!r} is no planner of the dialect {DIALECT!r}, which `handeye learn` trains; "
            "name the folder of one, or leave it out for the embedded one"
        )
    if start.resolve() == args.out.resolve():
        raise InputError(f"--out {str(args.out)!r} is the planner to go on from; name another folder")
    return start


def _use(out: Path, course: Course, lessons: Sequence[Lesson]) -> str:
    """Return the command that asks the planner for the first new skill."""
    lesson = lessons[0]
    wording = lesson.wordings.train[0]
    told = draw(wording.text, wording.language, lesson.values, random.Random(0), noise=False)
    request = next((example for example in lesson.skill.examples if example.strip()), told.text)
    files = (part for path in course.files for part in ("--skills", str(path)))
    picture = ["photo.jpg"] if lesson.sees else []
    return f"use it: {shlex.join(['handeye', 'ask', *picture, request, '--planner', str(out), *files])}"


def _write(path: Path, found: Any) -> None:
    with whole(path) as part:
        part.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
