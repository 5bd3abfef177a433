"""`handeye eval llava-bench`: answers in LLaVA's form, and a judge's scores of them where there is a judge."""

import argparse
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from agent.options import parser
from agent.show import cut
from skills import InputError
from tool_data.counted import claim, output
from tool_data.teach_client import endpoint
from tool_data.teach_ledger import Ledger, Limits, Price
from tool_data.teach_options import body
from tool_data.teach_pace import Pace
from tool_data.teach_teacher import Teacher

from . import llava_bench, questions
from .llava_bench import Bench
from .llava_bench_judge import Review, judge, table
from .questions import SHOWN, Reply

_HELP = """Answer LLaVA-Bench (In-the-Wild) or (COCO) and have the answers judged.

FOLDER holds questions.jsonl, answers_gpt4.jsonl, context.jsonl and images/ (COCO: qa90_questions.jsonl,
qa90_gpt4_answer.jsonl, caps_boxes_coco2014_val_80.jsonl). The answers are written in LLaVA's form; without --judge that
is all. A judge is any model behind an OpenAI-compatible endpoint: it reads the picture in words, the question, GPT-4's
answer and ours, and scores both from 1 to 10; `relative` is ours over GPT-4's in percent. The prompt is handeye's own,
so figures compare with each other, not with published ones. OUT.reviews.jsonl gets what it said in LLaVA's form.
A run that was killed goes on: answers are kept in OUT.part.jsonl until the last one is there, and the judge's replies
in OUT.judge.jsonl, where --answers OUT.jsonl finds them.

Exit status: 0 where every question was asked (and judged), else 1."""


def main(argv: Sequence[str]) -> int:
    """Answer LLaVA-Bench and have it judged; see `handeye eval llava-bench --help`. Raises InputError, OSError."""
    args = _options(argv)
    bench = llava_bench.read(args.folder, args.images, args.limit)
    if args.judge:
        bench.judgeable(args.folder)
        claim(_reviews(args), [], args.force)
    if not args.answers:
        _shown(args, bench)
    teacher = _teacher(args) if args.judge else None
    replies = questions.replies(args, bench.questions)
    for line in questions.unanswered(replies):
        print(line, file=sys.stderr)
    done = all(reply.asked for reply in replies)
    if teacher is None:
        print("no --judge was given: answers were written, nothing was scored", file=sys.stderr)
        return 0 if done else 1
    reviews = _judged(args, bench, replies, teacher)
    print(table(reviews))
    return 0 if done and all(item.scores for item in reviews) else 1


def _options(argv: Sequence[str]) -> argparse.Namespace:
    options = parser("eval llava-bench", "FOLDER [--planner P] [--judge URL --judge-model M] [options]", _HELP)
    options.add_argument("folder", type=Path, metavar="FOLDER")
    group = options.add_argument_group("the judge")
    group.add_argument(
        "--judge", "--judge-url", metavar="URL", help="base of its endpoint, e.g. https://api.openai.com/v1"
    )
    group.add_argument("--judge-model", metavar="M", help="the model's name there")
    group.add_argument(
        "--judge-key-env", metavar="VAR", help="the variable that holds the key; none is sent without it"
    )
    group.add_argument("--judge-body", default="{}", metavar="JSON", help="more keys of a request; null takes one out")
    group.add_argument("--judge-max-tokens", type=int, default=1024, metavar="N", help="of a reply (default 1024)")
    group.add_argument("--judge-rpm", type=float, default=60, metavar="N", help="requests a minute (default 60)")
    group.add_argument("--judge-retries", type=int, default=6, metavar="N", help="of a request that fails (default 6)")
    questions.add_options(options, save=Path("answers.jsonl"))
    args = options.parse_args(argv)
    if bool(args.judge) != bool(args.judge_model):
        raise InputError("a judge needs both --judge URL and --judge-model M")
    if args.answers and not args.judge:
        raise InputError("--answers are there to be judged; add --judge URL and --judge-model M")
    if min(args.judge_rpm, args.judge_max_tokens) <= 0 or args.judge_retries < 0:
        raise InputError("--judge-rpm, --judge-max-tokens: expected more than 0; --judge-retries: 0 or more")
    return args


def _shown(args: argparse.Namespace, bench: Bench) -> None:
    """Raise InputError where no picture at all is there."""
    if not any(question.image and question.image.is_file() for question in bench.questions):
        raise InputError(
            f"no picture of the questions is there, e.g. {str(bench.questions[0].image)!r}; put them into "
            f"{str(args.images or args.folder / 'images')!r} or name their folder with --images"
        )


def _teacher(args: argparse.Namespace) -> Teacher:
    """Return the judge: asked at its pace, retried, each reply kept beside the answers and paid for once."""
    asked = endpoint(
        args.judge,
        args.judge_model,
        args.judge_key_env,
        options="--judge-",
        temperature=0.0,
        max_tokens=args.judge_max_tokens,
        extra=body(args.judge_body),
    )
    out = args.answers or args.save
    ledger = Ledger(out.with_suffix(".judge.jsonl"), Price(), Limits())
    return Teacher(asked, ledger, Pace(args.judge_rpm, threading.Event()), retries=args.judge_retries)


def _reviews(args: argparse.Namespace) -> Path:
    out: Path = args.answers or args.save
    return out.with_suffix(".reviews.jsonl")


def _judged(args: argparse.Namespace, bench: Bench, replies: Sequence[Reply], teacher: Teacher) -> list[Review]:
    """Have every answer judged, write the reviews, and name on stderr those without scores."""
    from tqdm import tqdm

    asked = [reply for reply in replies if reply.asked]
    reviews = list(judge(teacher, bench, tqdm(asked, unit=" answers", disable=None, leave=False)))
    with output(_reviews(args), [], args.force) as file:
        for reply, item in zip(asked, reviews, strict=True):
            file.write(json.dumps(item.row(reply.row()), ensure_ascii=False) + "\n")
    without = [item for item in reviews if item.scores is None]
    if without:
        print(f"not judged: {len(without)} of {len(reviews)} answers", file=sys.stderr)
    for item in without[:SHOWN]:
        print("  " + cut(f"{item.question_id}: {item.content}"), file=sys.stderr)
    return reviews
