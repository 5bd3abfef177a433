"""A row under check, with what every check asks of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.trace import Observation, Trace
from skills import Value
from skills.registry import AnySkill
from skills.store import Store

SIMULATED = "simulated"
"""`Meta.planner` of the traces that `tool_data.generate` draws."""

AUTHORED = "authored"
"""`Meta.planner` of the traces that `tool_data.run_make` draws: people wrote what is asked and answered; skills ran."""


def is_simulated(trace: Trace) -> bool:
    """Return whether a trace was drawn by `tool_data.generate`: `meta.planner` says "simulated".

    Its artifacts are records only: their payloads were never made, so nobody looks for them, and its answers keep
    their citations unexpanded, for there is nothing to expand them from.
    """
    return trace.meta.planner == SIMULATED


@dataclass(frozen=True)
class Row:
    """One Trace and what it is checked against."""

    trace: Trace
    """The Trace."""
    skills: Mapping[str, AnySkill]
    """Name -> skill, those whose schema is known."""
    store: Store | None
    """Where its payloads lie; None where they are not looked at (none was given, or it is simulated)."""

    @property
    def written_elsewhere(self) -> bool:
        """Whether no executor of ours wrote it: simulated, or imported from another format."""
        return is_simulated(self.trace) or self.trace.meta.origin is not None

    def value(self, name: str) -> Value | None:
        """Return the value behind an id, or None where its payload is not at hand or damaged."""
        record = self.trace.artifacts.get(name)
        if self.store is None or record is None:
            return None
        from PIL.Image import DecompressionBombError

        try:
            return self.store.value(record)
        except (KeyError, ValueError, OSError, DecompressionBombError):
            return None

    def observation(self, call_id: str) -> Observation | None:
        """Return the observation of a call, or None."""
        steps = (step for turn in self.trace.turns for step in turn.steps)
        return next((seen for step in steps for seen in step.observations if seen.tool_call_id == call_id), None)
