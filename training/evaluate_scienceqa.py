"""`handeye eval scienceqa`: accuracy by subject, context and grade, as published."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.options import common, make_agent, parser
from agent.show import cut
from skills import InputError
from tool_data.counted import claim

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
    options.add_argument("--images", type=Path, metavar="DIR", help="where the pictures are (default FOLDER/images)")
    options.add_argument("--limit", type=int, default=0, metavar="N", help="the first N questions (default: all)")
    options.add_argument("--no-tools", action="store_true", help="offer no skill: the model alone")
    options.add_argument("--answers", type=Path, metavar="FILE.jsonl", help="score answers that were written before")
    options.add_argument("--save", type=Path, metavar="FILE.jsonl", help="write the answers there, in LLaVA's form")
    options.add_argument("--force", action="store_true", help="let --save replace a file")
    options.add_argument("--json", action="store_true", help="print one JSON line a question instead of the table")
    common(options)
    args = options.parse_args(argv)
    if args.answers and args.save:
        raise InputError("--answers scores what was written before and --save writes anew; leave one out")
    found = scienceqa.read(args.path, args.split, args.images, args.limit)
    if args.save:
        claim(args.save, [], args.force)
    if args.answers:
        replies = questions.load(args.answers, found.questions)
    else:
        agent = make_agent(args)
        agent.offer = () if args.no_tools else agent.offer
        replies = list(questions.ask(agent, found.questions))
    if args.save:
        questions.save(args.save, replies, args.force)
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
