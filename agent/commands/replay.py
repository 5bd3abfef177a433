"""`handeye replay`: a recorded trace again, exactly, or for real from a changed step."""

import argparse
import re
import sys
from collections.abc import Sequence

from skills import InputError, Picture, Value
from skills.store import Artifacts

from ..agent import Agent, Chat
from ..compare import difference
from ..options import Parser, common, make_agent, parser
from ..rerun import Fork, completed, replaying_chat, value_of
from ..saved import Opened, open_trace
from ..session import Session, opened, output_options
from ..trace import PlannerOutput, Trace
from ..turns import interruptible, relay
from ..written import read_value


def main(argv: Sequence[str]) -> int:
    """Replay a trace; see `handeye replay --help`. Raises InputError, Bug, Stopped, OSError."""
    args = _parser().parse_args(argv)
    if args.set and not args.step:
        raise InputError("--set needs --from TURN.STEP: the step whose argument is changed")
    found = open_trace(args.trace)
    for problem in found.problems:
        print(problem, file=sys.stderr)
    if not found.trace.turns:
        raise InputError(f"the trace {found.trace.id!r} holds no turn; there is nothing to replay")
    agent = make_agent(args)
    return _forked(agent, args, found) if args.step else _exact(agent, found)


def _parser() -> Parser:
    options = parser(
        "replay",
        "TRACE [--from TURN.STEP [--set k=v]] [options]",
        "Play a trace again. TRACE is a folder, a trace.jsonl, a batch's output (OUT.jsonl#ROW) or a kept trace's id.\n"
        "Without --from every planner output and every result is the recorded one, and the new trace must be equal.\n"
        "With --from the skills run again from that step, with the arguments that --set changes, and the planner goes "
        "on.",
    )
    options.add_argument("trace", metavar="TRACE")
    options.add_argument("--from", dest="step", metavar="TURN.STEP", help="counted from 1, e.g. 1.2")
    options.add_argument(
        "--set", action="append", default=[], metavar="k=v", help="an argument of that step's call (call_2.k=v)"
    )
    output_options(options)
    common(options)
    return options


def _exact(agent: Agent, found: Opened) -> int:
    trace = found.trace.model_copy(update={"turns": tuple(completed(turn) for turn in found.trace.turns)})
    chat = replaying_chat(agent, trace, found.store)
    with interruptible() as cancel:
        for number in range(len(trace.turns)):
            agent.max_steps = _passes(trace, number)
            given = _given(trace, number, found)
            for _event in relay(lambda given=given: chat.stream(*given[:2], marks=given[2], cancel=cancel), cancel):
                pass
    steps = sum(len(turn.steps) for turn in trace.turns)
    if line := difference(trace, _with_notes(chat, trace)):
        print(f"different: {line}")
        return 1
    print(f"identical ({len(trace.turns)} turns, {steps} steps)")
    return 0
