"""The loop: plan; if it answered, stop; run the calls side by side; append; repeat."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from skills import Cancel, Cancelled, Skill
from skills.store import Artifacts

from .citations import expand
from .events import Event, StepEnded, TurnEnded
from .executor import Executor
from .planner import ContextFull, Planner
from .trace import CallError, Observation, PlannerOutput, Step, StopReason, Trace

MALFORMED_LIMIT = 3
"""Unreadable outputs in one turn after which the turn ends as planner_error."""


@dataclass(frozen=True)
class Desk:
    """Everybody who works on one trace."""

    planner: Planner
    """Decides."""
    executor: Executor
    """Runs calls."""
    skills: Sequence[Skill[..., Any]]
    """What is on offer."""
    artifacts: Artifacts
    """What was made."""
    max_steps: int = 8
    """Passes of the planner in one turn."""


def run(trace: Trace, desk: Desk, cancel: Cancel) -> Iterator[Event]:
    """Work on the newest turn of `trace` until it is answered; yield what happens, TurnEnded last.

    A bug (any exception but those a turn may end by) raises after StepEnded and TurnEnded were yielded.
    """
    reason: StopReason = "step_limit"
    try:
        for _ in range(desk.max_steps):
            output = yield from _plan(trace, desk, cancel)
            trace = yield from _act(trace, output, desk, cancel)
            yield StepEnded(trace)
            if cancel.cancelled or (verdict := _verdict(trace)) is not None:
                reason = "cancelled" if cancel.cancelled else verdict or reason
                break
    except Cancelled:
        reason = "cancelled"
    except ContextFull as full:
        yield TurnEnded(_ended(trace, desk, "context_full", str(full)))
        return
    except Broken as broken:
        if broken.trace is not trace:
            yield StepEnded(broken.trace)
        yield TurnEnded(_ended(broken.trace, desk, None, f"ended by a bug: {broken.__cause__!r}"))
        raise broken.__cause__ or broken from None
    yield TurnEnded(_ended(trace, desk, reason))


class Broken(Exception):
    """A bug in a skill or a planner; carries the trace so far, the bug is its cause."""

    def __init__(self, trace: Trace) -> None:
        """Carry the trace as far as it got."""
        super().__init__("a turn was ended by a bug")
        self.trace = trace


def _plan(trace: Trace, desk: Desk, cancel: Cancel) -> Generator[Event, None, PlannerOutput]:
    """Pass on what the planner writes and return its output."""
    output: PlannerOutput | None = None
    try:
        for item in desk.planner.plan(trace, desk.skills, desk.artifacts, cancel):
            if isinstance(item, PlannerOutput):
                output = item
            else:
                yield item
    except (Cancelled, ContextFull):
        raise
    except Exception as bug:
        raise Broken(trace) from bug
    return output or PlannerOutput(malformed="")


def _act(trace: Trace, output: PlannerOutput, desk: Desk, cancel: Cancel) -> Generator[Event, None, Trace]:
    """Run the calls of an output and return the trace with the step."""
    seen: list[Observation] = []
    try:
        for event in desk.executor.run(output.calls, trace, desk.artifacts, cancel):
            if isinstance(event, Observation):
                seen.append(event)
            yield event
    except Exception as bug:
        raise Broken(trace.with_step(Step(output=output), desk.artifacts.records)) from bug
    if output.malformed is not None:
        seen.append(_unread(output.malformed))
    return trace.with_step(Step(output=output, observations=tuple(seen)), desk.artifacts.records)


def _unread(text: str) -> Observation:
    message = f"{text[:80]!r} could not be read; expected a call of a skill on offer, or an answer"
    error = CallError(type="bad_arguments", message=message)
    return Observation(tool_call_id="", status="error", error=error, content=f"{error.type}: {message}")


def _verdict(trace: Trace) -> StopReason | None:
    """Return why the turn ends after its newest step, or None where it goes on."""
    output = trace.turn.steps[-1].output
    if output.answer is not None and not output.calls:
        return "asked" if output.answer.rstrip().endswith("?") else "answered"
    unread = sum(1 for step in trace.turn.steps if step.output.malformed is not None)
    return "planner_error" if unread >= MALFORMED_LIMIT else None


def _ended(trace: Trace, desk: Desk, reason: StopReason | None, *notes: str) -> Trace:
    steps = trace.turn.steps
    raw = (steps[-1].output.answer if steps else None) or ""
    text, citations, left_out = expand(raw, trace, desk.artifacts, desk.skills)
    answer = text if reason in ("answered", "asked") else ""
    said = (*trace.turn.notes, *notes, *left_out)
    return trace.with_end(answer=answer, citations=citations if answer else (), stop_reason=reason, notes=said)
