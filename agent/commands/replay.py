"""`handeye replay`: a recorded trace again, exactly, or for real from a changed step."""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from skills import InputError, Value
from skills.registry import Registry
from skills.store import Artifacts

from ..agent import Agent, Chat
from ..compare import difference
from ..options import Parser, common, load_planner, make_agent, parser
from ..rerun import Fork, Played, completed, replaying_chat, value_of
from ..saved import Opened, open_trace, prepare, save
from ..session import opened, output_options
from ..show import clean
from ..trace import PlannerOutput, ToolCall, Trace, Turn
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
    return _forked(args, found) if args.step else _exact(args, found)


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


def _exact(args: argparse.Namespace, found: Opened) -> int:
    """Play the whole record; return 0 where the new trace is equal."""
    trace = found.trace.model_copy(update={"turns": tuple(completed(turn) for turn in found.trace.turns)})
    agent = make_agent(args, Played(trace))
    if args.save:
        prepare(args.save)
    chat = replaying_chat(agent, trace, found.store)
    with interruptible() as cancel:
        for turn in trace.turns:
            agent.max_steps = len(turn.steps) + (turn.stop_reason != "step_limit")
            request, images, marks = _given(turn, trace, found)
            for _event in relay(partial(chat.stream, request, images, marks=marks, cancel=cancel), cancel):
                pass
    if args.save:
        save(args.save, chat.trace, chat.artifacts)
    if args.json:
        print(chat.trace.to_json())
    steps = sum(len(turn.steps) for turn in trace.turns)
    line = difference(trace, chat.trace)
    said = f"different: {line}" if line else f"identical ({len(trace.turns)} turns, {steps} steps)"
    print(clean(said), file=sys.stderr if args.json else sys.stdout)
    return 1 if line else 0


def _forked(args: argparse.Namespace, found: Opened) -> int:
    """Play the record up to a step, run from there; return the new turn's exit status."""
    trace = found.trace
    at = _place(args.step, trace)
    step = trace.turns[at[0] - 1].steps[at[1] - 1]
    registry = make_agent(args).registry
    fork = Fork(at, _changed(step.output, args.set, registry))
    agent = make_agent(args, Played(trace, fork, load_planner(args)))
    most = max(agent.max_steps, at[1] + 1)
    with opened(agent, args, partial(_chat, found, fork)) as session:
        for number, turn in enumerate(trace.turns[: at[0]], start=1):
            agent.max_steps = most if number == at[0] else len(turn.steps) + (turn.stop_reason != "step_limit")
            request, images, marks = _given(turn, trace, found)
            session.turn(request, images, marks=marks, answers=number == at[0])
        if later := len(trace.turns) - at[0]:
            session.log.line(f"note: {later} later turns of the record were not asked again")
    return session.report()


def _chat(found: Opened, fork: Fork, agent: Agent, **options: Any) -> Chat:
    return replaying_chat(agent, found.trace, found.store, fork, **options)


def _given(turn: Turn, trace: Trace, found: Opened) -> tuple[str, list[Value], list[Value]]:
    """Return what a turn's user gave: the request, pictures and marks."""
    recorded = Artifacts(found.store, trace.artifacts)
    images = [value_of(recorded, name) for name in turn.images]
    return turn.request, images, [value_of(recorded, name) for name in turn.marks]


def _place(written: str, trace: Trace) -> tuple[int, int]:
    """Return (turn, step) of "TURN.STEP"; raises InputError where the trace has no such step."""
    match = re.fullmatch(r"(\d{1,6})\.(\d{1,6})", written)
    turn, step = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 0 < turn <= len(trace.turns) or not 0 < step <= len(trace.turns[turn - 1].steps):
        there = ", ".join(f"{i}.1-{i}.{len(t.steps)}" for i, t in enumerate(trace.turns, start=1) if t.steps)
        raise InputError(f"no step {written!r}; expected TURN.STEP, there is {there or 'none'}")
    return turn, step


def _changed(output: PlannerOutput, changes: Sequence[str], registry: Registry) -> PlannerOutput:
    """Return an output with arguments of its calls replaced; raises InputError for an argument that fits no call."""
    calls = {call.id: call for call in output.calls}
    for change in changes:
        name, found, text = change.partition("=")
        owner, _, key = name.rpartition(".")
        fitting = [call for call in calls.values() if _takes(call, owner, key, registry)]
        if not found or len(fitting) != 1:
            there = ", ".join(f"{call.id} {call.name}({', '.join(call.args)})" for call in calls.values())
            raise InputError(
                f"--set {change!r} fits {len(fitting)} calls of that step ({there or 'none'}); say CALL.k=v"
            )
        call = fitting[0]
        value = read_value(text, registry.get(call.name).param(key))
        calls[call.id] = call.model_copy(update={"args": {**call.args, key: value}})
    return output.model_copy(update={"calls": tuple(calls.values())})


def _takes(call: ToolCall, owner: str, key: str, registry: Registry) -> bool:
    """Return whether a change of `key` may mean this call."""
    known = call.name in registry and registry.get(call.name).param(key) is not None
    return known and owner in ("", call.id)
