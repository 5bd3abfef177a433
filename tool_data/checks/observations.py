"""Observations: one for each call, in the calls' order, each with an error exactly where it says so."""

from collections.abc import Iterator

from agent.trace import Observation, Step

from .row import Row


def observation_faults(row: Row) -> Iterator[str]:
    """Yield where calls and observations do not go together, and call ids that are used twice."""
    used: dict[str, int] = {}
    for number, turn in enumerate(row.trace.turns, start=1):
        for step in turn.steps:
            for call in step.output.calls:
                if call.id in used:
                    yield (
                        f"turn {number}, {call.id}: the call id is used twice, first in turn {used[call.id]}; "
                        "ids are counted over the whole trace"
                    )
                used.setdefault(call.id, number)
            yield from (f"turn {number}, {fault}" for fault in _of_step(step))


def _of_step(step: Step) -> Iterator[str]:
    calls = [call.id for call in step.output.calls]
    seen = [item.tool_call_id for item in step.observations]
    if step.output.malformed is not None and seen and seen[-1] == "":
        seen.pop()
    for name in dict.fromkeys(calls):
        if name not in seen:
            yield f"{name}: a call without observation; expected one for each call of the step"
    for name in dict.fromkeys(seen):
        if name not in calls:
            yield f"{name or 'a step'}: an observation without its call; the step calls {', '.join(calls) or 'nothing'}"
        elif seen.count(name) > calls.count(name):
            yield f"{name}: {seen.count(name)} observations of one call; expected one"
    if sorted(calls) == sorted(seen) and calls != seen:
        yield f"{seen[0]}: the observations stand in another order ({', '.join(seen)}) than the calls"
    for item in step.observations:
        yield from _of_observation(item)


def _of_observation(seen: Observation) -> Iterator[str]:
    if (seen.status == "error") != (seen.error is not None):
        told = f"error {seen.error.type!r}" if seen.error else "no error"
        yield f"{seen.tool_call_id}: status {seen.status!r} with {told}; an error is told exactly where status says so"
