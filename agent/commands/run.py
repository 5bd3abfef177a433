"""`handeye run`: one skill through the real executor, without a planner."""

import json
import sys
from collections.abc import Sequence

from ..options import common, make_agent, parser
from ..planners.single import SingleCall
from ..session import opened, output_options
from ..trace import Observation
from ..written import read_arguments

_USAGE_ERRORS = ("bad_arguments", "bad_region")


def main(argv: Sequence[str]) -> int:
    """Run one skill; see `handeye run --help`. Raises InputError, Bug, Stopped, OSError."""
    options = parser(
        "run",
        "SKILL [PICTURE...] [--arg k=v] [options]",
        "Run one skill and print what it made, as a planner would read it.",
    )
    options.add_argument("skill", metavar="SKILL", help="`handeye skills` lists them")
    options.add_argument("pictures", nargs="*", metavar="PICTURE", help="img_1, img_2 ... in this order")
    options.add_argument(
        "--arg", action="append", default=[], metavar="k=v", help="JSON or a string; a region as 0.1,0.2,0.5,0.6"
    )
    output_options(options)
    common(options)
    args = options.parse_intermixed_args(argv)
    planner = SingleCall()
    agent = make_agent(args, planner)
    agent.max_steps = 2
    skill = agent.registry.get(args.skill)
    planner.skill, planner.args = skill.name, read_arguments(args.arg, skill)
    with opened(agent, args, offer=[skill.name]) as session:
        request = f"run {skill.name} {json.dumps(planner.args, ensure_ascii=False)}"
        trace = session.turn(request, args.pictures, answers=False)
    session.report()
    seen = trace.turn.steps[0].observations[0]
    return _show(seen, quiet=args.json)


def _show(seen: Observation, *, quiet: bool) -> int:
    """Print what came of the call and return the exit status: 2 where the arguments were wrong, 1 for other errors."""
    if seen.error is not None:
        print(f"handeye: {seen.error.message}", file=sys.stderr)
        return 2 if seen.error.type in _USAGE_ERRORS else 1
    if not quiet:
        print(seen.content)
    return 0 if seen.status == "success" else 1
