"""SingleCall: makes the one call a person asked for and says nothing; what `handeye run` and `check` plan with."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from skills import Cancel, Skill
from skills.store import Artifacts

from ..planner import CallReady, Delta
from ..trace import PlannerOutput, ToolCall, Trace


class SingleCall:
    """Calls `skill` with `args` in the first step of every turn and ends it in the second."""

    name = "single call"
    checkpoint = ""

    def __init__(self) -> None:
        """Make it; set `skill` and `args` before a turn."""
        self.skill = ""
        self.args: Mapping[str, JsonValue] = {}

    def plan(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[Delta | CallReady | PlannerOutput]:
        """Yield the call, then an empty answer."""
        cancel.check()
        if trace.turn.steps:
            yield PlannerOutput(answer="")
            return
        call = ToolCall(id=f"call_{trace.call_count + 1}", name=self.skill, args=dict(self.args))
        yield CallReady(call)
        yield PlannerOutput(calls=(call,))
