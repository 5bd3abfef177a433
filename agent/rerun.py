"""Playing a recorded trace again: its outputs through the real loop, its results through the real executor.

Up to the fork, if there is one, calls are answered from their recorded observations; from there on skills run and
another planner decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skills import (
    BadArguments,
    BadRegion,
    Cancel,
    Cancelled,
    DeadlinePassed,
    InputError,
    OutOfMemory,
    Skill,
    SkillError,
    SkillResult,
    Unavailable,
    UnknownSkill,
    Value,
)
from skills.store import Artifacts, Store

from .agent import Agent, Chat
from .executor import Executor, _Events, _Outcome, _Run
from .planner import CallReady, ContextFull, Delta, Planner
from .replay import Replay, note_of
from .trace import Observation, PlannerOutput, ToolCall, Trace, Turn

_ERRORS = {
    kind.type: kind
    for kind in (BadArguments, BadRegion, DeadlinePassed, OutOfMemory, SkillError, Unavailable, UnknownSkill)
}


class _Recorded(Replay):
    """The recorded outcome of one call."""

    def __init__(self, seen: Observation, values: tuple[Value, ...]) -> None:
        super().__init__()
        self.seen = seen
        self.values = values

    def has(self, name: str) -> bool:
        """Return True: the call is answered from its record; raises what was recorded where it could not run."""
        error = self.seen.error
        if error is not None and error.type == "unavailable" and not self.seen.args:
            raise Unavailable(error.message)
        return True

    def next(self, name: str) -> SkillResult:
        """Return the recorded values and note; raises the recorded error."""
        if self.seen.error is not None:
            raise _ERRORS[self.seen.error.type](self.seen.error.message)
        return SkillResult(values=self.values, note=note_of(self.seen))


class Player(Executor):
    """Answers the calls it has a record of from that; every other call runs."""

    def __init__(self, skills: Sequence[Skill[..., Any]], records: Mapping[str, _Recorded], **options: Any) -> None:
        """Make an executor with `records` by call id; `options` are Executor's."""
        super().__init__(skills, **options)
        self._records = records

    def _start(self, call: ToolCall, artifacts: Artifacts, cancel: Cancel, events: _Events) -> _Run:
        record = self._records.get(call.id)
        if record is None:
            return super()._start(call, artifacts, cancel, events)
        before, self.replay = self.replay, record
        try:
            run = super()._start(call, artifacts, cancel, events)
        finally:
            self.replay = before
        if record.seen.status == "cancelled":
            run.end(_Outcome(cancelled=True))
        elif run.outcome.error is None:
            run.cached = record.seen.cached
            seed = record.seen.args.get("seed")
            run.seed = seed if isinstance(seed, int) else None
        return run


class Played:
    """A planner that says what was recorded, then, after a fork, what `after` decides."""

    def __init__(self, trace: Trace, fork: "Fork | None" = None, after: Planner | None = None) -> None:
        """Play `trace`; `fork` and `after` are where another planner takes over."""
        self.name = after.name if after else trace.meta.planner
        self.checkpoint = after.checkpoint if after else trace.meta.checkpoint
        self._trace = trace
        self._fork = fork
        self._after = after

    def plan(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[Delta | CallReady | PlannerOutput]:
        """Yield the recorded output of this step; raises what ended the recorded turn where there is none."""
        turn, step = len(trace.turns), len(trace.turn.steps) + 1
        if self._fork is not None and self._after is not None and (turn, step) >= self._fork.at:
            if (turn, step) > self._fork.at or not self._fork.output.calls:
                yield from self._after.plan(trace, skills, artifacts, cancel)
                return
            yield self._fork.output
            return
        recorded = self._trace.turns[turn - 1]
        if step <= len(recorded.steps):
            yield recorded.steps[step - 1].output
        elif recorded.stop_reason == "context_full":
            raise ContextFull(recorded.notes[-1] if recorded.notes else "")
        else:
            raise Cancelled


@dataclass(frozen=True)
class Fork:
    """Where a run leaves its record."""

    at: tuple[int, int]
    """Turn and step, counted from 1."""
    output: PlannerOutput
    """What the planner is taken to have said there."""


def replaying_chat(agent: Agent, trace: Trace, store: Store, fork: Fork | None = None, **options: Any) -> Chat:
    """Make a chat of an agent that plans with Played; the values of `trace` are in `store`, `options` are Chat's.

    Raises InputError where a skill that was on offer, or a value, is not here any more.
    """
    missing = [name for name in trace.meta.offer if name not in agent.registry]
    if missing:
        raise InputError(f"the trace offers {missing[0]!r}, which is not registered here; add --skills FILE.py")
    forked_from = f"{trace.id}@{fork.at[0]}.{fork.at[1]}" if fork else None
    recorded = Artifacts(store, trace.artifacts)
    records = _records(trace, recorded, fork)
    agent.seed = trace.meta.seed
    chat = agent.chat(offer=list(trace.meta.offer), forked_from=forked_from, **options)
    chat.executor = Player(
        chat.skills, records, deadline=agent.deadline, folder=agent.folder, seed=agent.seed, runtime=agent.runtime
    )
    return chat


def _records(trace: Trace, recorded: Artifacts, fork: Fork | None) -> dict[str, _Recorded]:
    """Return what came of every call before the fork, by call id."""
    found: dict[str, _Recorded] = {}
    for turn_number, turn in enumerate(trace.turns, start=1):
        for step_number, step in enumerate(turn.steps, start=1):
            if fork is not None and (turn_number, step_number) >= fork.at:
                return found
            for seen in step.observations:
                found[seen.tool_call_id] = _Recorded(seen, tuple(value_of(recorded, name) for name in seen.artifacts))
    return found


def value_of(artifacts: Artifacts, name: str) -> Value:
    """Return a recorded value; raises InputError where its payload is missing or damaged."""
    try:
        return artifacts.value(name)
    except (KeyError, OSError, ValueError) as error:
        reason = error.args[0] if error.args else error
        raise InputError(f"the value {name!r} cannot be replayed: {reason}") from None


def completed(turn: Turn) -> Turn:
    """Return a turn without a step that a bug broke off (calls that nothing came of): that cannot be replayed."""
    steps = [step for step in turn.steps if len(step.observations) >= len(step.output.calls)]
    return turn.model_copy(update={"steps": tuple(steps)})
