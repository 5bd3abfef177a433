"""The executor: checks a call, runs its skill under a deadline, stores what it made, and says what came of it.

Only a `SkillError` becomes an observation; any other exception out of a skill is a bug and raises here, after the
calls beside it have ended.
"""

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from skills import (
    Boxes,
    Cancel,
    Cancelled,
    Context,
    DeadlinePassed,
    Masks,
    OutOfMemory,
    Picture,
    Points,
    Skill,
    SkillError,
    SkillResult,
    Text,
    Unavailable,
    UnknownSkill,
    Value,
)
from skills.context import Record
from skills.describe import describe, summary
from skills.isolation import run_here, run_isolated
from skills.runtime import Runtime
from skills.store import Artifacts

from .arguments import Bound, bind
from .events import CallStarted, Progress
from .replay import Replay
from .trace import CallError, Observation, ToolCall, Trace

KEPT_RESULTS = 64
"""Results of equal calls kept in memory."""

POLL = 0.05
"""Seconds between looks at the clock and the cancel flag while calls run."""


@dataclass(frozen=True)
class _Outcome:
    """How a skill's thread ended; it is dropped where the call was given up before."""

    values: tuple[Value, ...] = ()
    note: str = ""
    error: SkillError | None = None
    cancelled: bool = False
    bug: Exception | None = None


@dataclass
class _Run:
    """One call under way; only the executor's own thread changes it."""

    call: ToolCall
    started: float
    bound: Bound | None = None
    cancel: Cancel = field(default_factory=Cancel)
    outcome: _Outcome = _Outcome()
    cached: bool = False
    ended: float | None = None
    seed: int | None = None
    key: tuple[str, ...] = ()
    record: Record = field(default_factory=Record)

    def end(self, outcome: _Outcome) -> None:
        self.outcome, self.ended = outcome, time.monotonic()


_Events = queue.Queue[Progress | tuple[_Run, _Outcome]]
"""What the threads of one step report."""


class Executor:
    """Runs the calls of one trace at a time; models and the cache are kept between traces."""

    def __init__(
        self,
        skills: Sequence[Skill[..., Any]],
        *,
        deadline: float = 120.0,
        folder: Path = Path("docs"),
        seed: int = 0,
        replay: Replay | None = None,
        runtime: Runtime | None = None,
        helpers: Iterable[Skill[..., Any]] = (),
    ) -> None:
        """Make an executor of the skills on offer; `deadline` is seconds a call, `replay` recorded results.

        `helpers` are skills that are not on offer but that a skill may call itself.
        """
        self.skills: Mapping[str, Skill[..., Any]] = {skill.name: skill for skill in skills}
        self.helpers = {**{skill.name: skill for skill in helpers}, **self.skills}
        self.deadline = deadline
        self.folder = folder
        self.seed = seed
        self.replay = replay or Replay()
        self.runtime = runtime or Runtime()
        self._cache: dict[tuple[str, ...], tuple[tuple[Value, ...], str]] = {}

    def run(
        self, calls: Sequence[ToolCall], trace: Trace, artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[CallStarted | Progress | Observation]:
        """Run calls side by side; yield what happens and one Observation each, in the calls' order.

        New artifacts are added to `artifacts` in the calls' order. Raises what a skill's bug raised, after the other
        calls ended. Never raises SkillError or Cancelled.
        """
        events: _Events = queue.Queue()
        runs = [self._start(call, artifacts, cancel, events) for call in calls]
        try:
            yield from (CallStarted(run.call) for run in runs)
            yield from self._wait(runs, cancel, events)
        finally:
            for run in runs:
                run.cancel.set()
        for run in runs:
            yield self._observe(run, artifacts)

    def _wait(self, runs: Sequence[_Run], cancel: Cancel, events: _Events) -> Iterator[Progress]:
        """Yield progress until every run has ended; raises the first bug among them."""
        bug: Exception | None = None
        while waiting := [run for run in runs if run.ended is None]:
            for run in waiting:
                self._watch(run, cancel)
            try:
                event = events.get(timeout=POLL)
            except queue.Empty:
                continue
            if isinstance(event, Progress):
                yield event
                continue
            run, outcome = event
            if run.ended is None:
                run.end(outcome)
                self._remember(run)
                bug = bug or outcome.bug
        if bug is not None:
            raise bug

    def _start(self, call: ToolCall, artifacts: Artifacts, cancel: Cancel, events: _Events) -> _Run:
        run = _Run(call=call, started=time.monotonic(), cancel=cancel.child())
        try:
            skill, recorded = self._admit(call)
            run.bound = bind(skill, call.args, artifacts)
            if recorded:
                made = self.replay.next(call.name)
                run.end(_Outcome(made.values, made.note))
                return run
        except SkillError as error:
            run.end(_Outcome(error=error))
            return run
        seed = run.bound.args.get("seed")
        run.seed = seed if isinstance(seed, int) else self.seed
        run.key = (*run.bound.key, f"seed={run.seed}")
        if (kept := self._cache.get(run.key)) is not None:
            run.cached = True
            run.end(_Outcome(*kept))
            return run
        context = self._context(run, events)
        threading.Thread(target=_work, args=(skill, run, context, events), daemon=True).start()
        return run

    def _admit(self, call: ToolCall) -> tuple[Skill[..., Any], bool]:
        skill = self.skills.get(call.name)
        if skill is None:
            raise UnknownSkill(f"no skill {call.name[:40]!r} is on offer; there is {', '.join(self.skills) or 'none'}")
        if self.replay.has(call.name):
            return skill, True
        if reason := skill.unavailable():
            raise Unavailable(f"{skill.name} cannot run here: {reason}")
        return skill, False

    def _context(self, run: _Run, events: _Events) -> Context:
        def progress(done: int, total: int, text: str) -> None:
            events.put(Progress(run.call.id, done, total, text))

        return Context(
            cancel=run.cancel,
            progress=progress,
            seed=run.seed or 0,
            folder=self.folder,
            runtime=self.runtime,
            skills=self.helpers,
            record=run.record,
        )

    def _remember(self, run: _Run) -> None:
        made = run.outcome
        if made.error or made.cancelled or made.bug:
            return
        while len(self._cache) >= KEPT_RESULTS:
            self._cache.pop(next(iter(self._cache)))
        self._cache[run.key] = (made.values, made.note)

    def _watch(self, run: _Run, cancel: Cancel) -> None:
        """End a call that is past its deadline or that the user stopped; its thread is abandoned."""
        late = time.monotonic() - run.started > self.deadline
        if not (late or cancel.cancelled):
            return
        run.cancel.set()
        if cancel.cancelled:
            run.end(_Outcome(cancelled=True))
            return
        error = f"{run.call.name} took longer than {self.deadline:g} s and was abandoned; try something smaller"
        run.end(_Outcome(error=DeadlinePassed(error)))
        self.runtime.abandon(run.cancel)

    def _observe(self, run: _Run, artifacts: Artifacts) -> Observation:
        assert run.ended is not None
        args = dict(run.bound.args) if run.bound else {}
        common: dict[str, Any] = {
            "tool_call_id": run.call.id,
            "seconds": round(run.ended - run.started, 3),
            "cached": run.cached,
            "device": run.record.device,
        }
        made = run.outcome
        if made.cancelled:
            return Observation(status="cancelled", args=args, content="cancelled", **common)
        if made.error is not None:
            error = CallError(type=made.error.type, message=str(made.error))
            content, notes = f"{error.type}: {error.message}", tuple(run.record.notes)
            return Observation(status="error", error=error, args=args, content=content, notes=notes, **common)
        assert run.bound is not None
        if run.seed is not None and "seed" in self.skills[run.call.name].arguments.model_fields:
            args["seed"] = run.seed
        ids = tuple(_keep(value, run.bound, run.call.id, artifacts) for value in made.values)
        data: dict[str, JsonValue] = {name: summary(artifacts.value(name)) for name in ids}
        lines = [_described(name, artifacts) for name in ids] + ([f"note: {made.note}"] if made.note else [])
        notes = (*run.bound.notes, *run.record.notes, *((made.note,) if made.note else ()))
        return Observation(
            status="success", args=args, content="\n".join(lines), data=data, artifacts=ids, notes=notes, **common
        )


def _work(skill: Skill[..., Any], run: _Run, context: Context, events: _Events) -> None:
    """Run a skill in this thread and report how it ended."""
    assert run.bound is not None
    try:
        made = run_isolated if skill.isolated else run_here
        outcome = _Outcome(*_values(skill, made(skill, run.bound.values, context)))
    except SkillError as error:
        outcome = _Outcome(error=error)
    except Cancelled:
        outcome = _Outcome(cancelled=True)
    except MemoryError:
        text = f"{skill.name} ran out of memory; try a smaller picture (crop it first)"
        outcome = _Outcome(error=OutOfMemory(text))
    except Exception as error:  # noqa: BLE001 - carried to the caller's thread and raised there
        outcome = _Outcome(bug=error)
    except BaseException as error:  # noqa: BLE001 - sys.exit() in a skill ends no program
        bug = RuntimeError(f"skill {skill.name!r} raised {error!r}; a skill may only return, or raise SkillError")
        bug.__cause__ = error
        outcome = _Outcome(bug=bug)
    events.put((run, outcome))


def _values(skill: Skill[..., Any], made: object) -> tuple[tuple[Value, ...], str]:
    result = made if isinstance(made, SkillResult) else None
    bare = result.values if result else made
    values = bare if isinstance(bare, tuple) else (bare,)
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(
                f"skill {skill.name!r} returned {type(value).__name__}; expected a value (Picture, Boxes ...)"
            )
    return values, result.note if result else ""


def _keep(value: Value, bound: Bound, source: str, artifacts: Artifacts) -> str:
    """Store a value; one without a frame lies in the frame of the picture the call worked on."""
    image = next((v for v in bound.values.values() if isinstance(v, Picture)), None)
    framed = isinstance(value, Boxes | Masks | Points) or (isinstance(value, Text) and any(n.box for n in value.lines))
    if framed and image is not None and not getattr(value, "frame", ""):
        value = value.model_copy(update={"frame": image.frame})
    return artifacts.add(value, source)


def _described(name: str, artifacts: Artifacts) -> str:
    value = artifacts.value(name)
    frame = getattr(value, "frame", "")
    size = artifacts.record(frame).size if frame in artifacts else None
    return describe(name, value, size)
