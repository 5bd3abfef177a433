"""`handeye eval scienceqa`: accuracy by subject, context and grade, as published."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.options import parser
from agent.show import cut
from skills import InputError

from . import questions, scienceqa
from .questions import SHOWN, Reply
from .scienceqa import Problem

_HELP = f"""Ask ScienceQA's questions; print the accuracy by the columns of the published table, with 95 % intervals.

FOLDER holds problems.json, pid_splits.json and the pictures as images/SPLIT/ID/image.png; a FILE in it may hold LLaVA's
questions (llava_test_CQM-A.json), whose words are then asked. An answer chooses an option where it begins with its
letter ("B", "(B) ...", "B. ..."), says "answer is B", or is the option's own words. Anything else chooses none; it
counts as wrong, as does a question whose picture is missing, and both are shown.

NAT SOC LAN: subject. TXT, IMG, NO: with a hint, with a picture, with neither. {scienceqa.INSTRUCTION!r}
ends every question."""


def main(argv: Sequence[str]) -> int:
    """Score a planner on ScienceQA; return 0, or 1 where a question could not be asked. Raises InputError, OSError."""
    options = parser("eval scienceqa", "FOLDER|FILE [--planner P] [options]", _HELP)
    options.add_argument("path", type=Path, metavar="FOLDER|FILE")
    options.add_argument("--split", default="test", metavar="NAME", help="of pid_splits.json (default test)")
    options.add_argument("--json", action="store_true", help="print one JSON line a question instead of the table")
    questions.add_options(options, save=None)
    args = options.parse_args(argv)
    if args.answers and args.save:
        raise InputError("--answers scores what was written before and --save writes anew; leave one out")
    found = scienceqa.read(args.path, args.split, args.images, args.limit)
    replies = questions.replies(args, found.questions)
    if args.json:
        for reply in replies:
            print(json.dumps(scienceqa.scored(found.problems[str(reply.id)], reply), ensure_ascii=False))
    else:
        print(scienceqa.table(found.problems, replies))
    for line in [*questions.unanswered(replies), *_unread(found.problems, replies)]:
        print(line, file=sys.stderr)
    return 0 if all(reply.asked for reply in replies) else 1


def _unread(problems: Mapping[str, Problem], replies: Sequence[Reply]) -> list[str]:
    """Return lines on answers that choose no option, the first of them in their own words."""
    unread = [r for r in replies if r.text and scienceqa.choice(r.text, problems[str(r.id)].choices) is None]
    lines = [f"answered, no option chosen: {len(unread)} of {len(replies)} questions"] if unread else []
    return lines + ["  " + cut(f"{reply.id}: {reply.text!r}") for reply in unread[:SHOWN]]
