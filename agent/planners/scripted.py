"""ScriptedPlanner: the test double that ships; it says what it was told to say, in order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from skills import Cancel, InputError, Skill
from skills.store import Artifacts

from ..planner import CallReady, Delta
from ..trace import PlannerOutput, ToolCall, Trace

Line = str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | PlannerOutput
"""An answer, one call {"name", "args"}, several calls, or a whole output."""


class ScriptedPlanner:
    """Plays its lines in order, one a pass, through the real loop."""

    name = "scripted"
    checkpoint = ""

    def __init__(self, lines: Sequence[Line]) -> None:
        """Take the lines: a string answers, {"name", "args"} calls, a list of those calls side by side."""
        self._lines = list(lines)
        self._next = 0

    def plan(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[Delta | CallReady | PlannerOutput]:
        """Yield the next line; raises InputError once the script has run out."""
        cancel.check()
        if self._next >= len(self._lines):
            raise InputError(f"the script has run out after {len(self._lines)} lines; add what is said next")
        line = self._lines[self._next]
        self._next += 1
        output = line if isinstance(line, PlannerOutput) else _output(line, trace)
        if output.thought:
            yield Delta("thought", output.thought)
        for call in output.calls:
            yield CallReady(call)
        if output.answer:
            yield Delta("answer", output.answer)
        yield output


def _output(line: str | Mapping[str, Any] | Sequence[Mapping[str, Any]], trace: Trace) -> PlannerOutput:
    if isinstance(line, str):
        return PlannerOutput(answer=line)
    calls = [line] if isinstance(line, Mapping) else list(line)
    first = trace.call_count + 1
    return PlannerOutput(
        calls=tuple(
            ToolCall(id=f"call_{first + i}", name=call["name"], args=dict(call.get("args", {})))
            for i, call in enumerate(calls)
        )
    )
