"""The options of `handeye data teach`, read and checked."""

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.options import parser
from skills import InputError
from skills.errors import nearest

from .teach_client import Endpoint, endpoint
from .teach_ledger import Limits, Price

_HELP = """Have a teacher (any model behind an OpenAI-compatible chat endpoint) write rows about pictures, each a Trace.
A line of SOURCES.jsonl is {"id", "image", "captions", "boxes": [{"label", "box": [x1, y1, x2, y2], 0-1}], ...}.
What a teacher writes is checked: calls against the skills' schemas, which then run, answers against the results.
What is no good is asked for once more with the reason, then refused into OUT.refused.jsonl. A run that was killed or
stopped goes on where it was: rows and replies are kept in OUT.teach.

recipes:
"""


def read(argv: Sequence[str], recipes: Iterable[str]) -> argparse.Namespace:
    """Return the options; `recipes` of it are names of the table. Raises InputError."""
    known = list(recipes)
    options = parser(
        "data teach",
        "RECIPE[,RECIPE...] SOURCES.jsonl OUT.jsonl --url URL --model NAME [--key-env VAR]",
        f"{_HELP}  {', '.join(known)}\n\nExit status: 0 where every row was made or refused, 1 where it stopped early.",
    )
    options.add_argument("recipes", metavar="RECIPE")
    options.add_argument("sources", type=Path, metavar="SOURCES.jsonl")
    options.add_argument("out", type=Path, metavar="OUT.jsonl")
    where = options.add_argument_group("the teacher")
    where.add_argument("--url", required=True, help="base of the endpoint, e.g. https://api.openai.com/v1")
    where.add_argument("--model", required=True, metavar="NAME", help="the model's name there")
    where.add_argument("--key-env", metavar="VAR", help="the variable that holds the key; none is sent without it")
    where.add_argument("--temperature", type=float, default=0.7, metavar="T", help="(default 0.7)")
    where.add_argument("--max-tokens", type=int, default=2000, metavar="N", help="of a reply (default 2000)")
    where.add_argument("--body", default="{}", metavar="JSON", help="more keys of a request; null takes one out")
    pace = options.add_argument_group("pace and budget")
    pace.add_argument("--rpm", type=float, default=60, metavar="N", help="requests a minute (default 60)")
    pace.add_argument("--workers", type=int, default=8, metavar="N", help="rows at a time (default 8)")
    pace.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds a request may take")
    pace.add_argument("--retries", type=int, default=6, metavar="N", help="of a request that fails (default 6)")
    pace.add_argument("--pause", type=float, default=1, metavar="S", help="before the first retry; doubles each time")
    pace.add_argument("--tries", type=int, default=2, metavar="N", help="for a reply that is no good (default 2)")
    pace.add_argument("--price", default="0,0", metavar="IN,OUT", help="of a million tokens asked and written")
    pace.add_argument("--budget", type=float, metavar="X", help="stop before more than this is spent, in that currency")
    pace.add_argument("--budget-tokens", type=int, metavar="N", help="stop before more tokens than this are used")
    options.add_argument("--times", type=int, default=1, metavar="N", help="rows of a recipe and a source (default 1)")
    options.add_argument("--seed", type=int, default=0, metavar="N", help="what is drawn is drawn from it")
    options.add_argument("--skills", action="append", default=[], type=Path, metavar="FILE.py", help="add skills")
    options.add_argument("--force", action="store_true", help="begin anew; replies that were paid for are kept")
    args = options.parse_args(argv)
    args.recipes = list(dict.fromkeys(name.strip() for name in args.recipes.split(",") if name.strip()))
    _check(args, known)
    return args


def _check(args: argparse.Namespace, known: list[str]) -> None:
    for name in args.recipes or [""]:
        if name not in known:
            hint = nearest(name, known, f"expected some of {', '.join(known)}")
            raise InputError(f"no recipe is named {name!r}; {hint}")
    if args.out.suffix != ".jsonl":
        raise InputError(f"the output {str(args.out)!r} does not end in .jsonl; Traces are written one a line")
    if args.out.resolve() == args.sources.resolve():
        raise InputError(f"{str(args.out)!r} is the sources and the output; name another output")
    for name in ("rpm", "workers", "timeout", "tries", "times", "max_tokens"):
        if not 0 < getattr(args, name) < math.inf:
            raise InputError(f"--{name.replace('_', '-')} is {getattr(args, name)}; expected more than 0")
    if min(args.retries, args.pause) < 0:
        raise InputError(f"--retries {args.retries}, --pause {args.pause:g}: expected 0 or more")
    if args.budget is not None and not any(prices(args.price)):
        raise InputError("--budget has no --price; expected e.g. --price 0.15,0.6 (a million tokens in, out)")


def prices(written: str) -> tuple[float, float]:
    """Return the two prices of "IN,OUT"; raises InputError."""
    try:
        found = [float(number) for number in written.split(",")]
        prompt, completion = found
    except ValueError:
        found = [-1.0]
    if min(found) < 0 or not all(map(math.isfinite, found)):
        raise InputError(f"--price {written!r} is no IN,OUT; expected two numbers, e.g. 0.15,0.6")
    return prompt, completion


def limits(args: argparse.Namespace) -> Limits:
    """Return what may be spent."""
    return Limits(args.budget, args.budget_tokens)


def price(args: argparse.Namespace) -> Price:
    """Return what tokens cost; raises InputError."""
    return Price(*prices(args.price))


def teaching(args: argparse.Namespace) -> Endpoint:
    """Return the endpoint; raises InputError."""
    return endpoint(
        args.url,
        args.model,
        args.key_env,
        timeout=args.timeout,
        temperature=args.temperature,
        max_tokens=args.max_tokens,
        extra=body(args.body),
    )


def body(written: str) -> dict[str, Any]:
    """Return the keys of --body; raises InputError where it is no JSON object or holds the messages."""
    try:
        found = json.loads(written)
    except ValueError as error:
        raise InputError(f"--body {written[:60]!r} is no JSON: {error}; expected an object") from None
    if not isinstance(found, dict) or {"messages", "stream", "n"} & set(found):
        raise InputError(f"--body {written[:60]!r}: expected an object without 'messages', 'stream' and 'n'")
    return found
