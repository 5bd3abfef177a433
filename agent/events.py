"""What a running turn tells whoever watches: the command line, the chat and the batch runner."""

from dataclasses import dataclass

from .planner import CallReady, Delta
from .trace import Observation, ToolCall, Trace


@dataclass(frozen=True)
class CallStarted:
    """A call was handed to its skill."""

    call: ToolCall
    """The call."""


@dataclass(frozen=True)
class Progress:
    """A running skill reported how far it is."""

    tool_call_id: str
    """The call."""
    done: int
    """Units done."""
    total: int
    """Units in all; 0 where nobody knows."""
    text: str
    """What is being done."""


@dataclass(frozen=True)
class StepEnded:
    """A step was appended to the trace (and is on disk, where the trace is)."""

    trace: Trace
    """The trace with the step."""


@dataclass(frozen=True)
class TurnEnded:
    """The turn is over."""

    trace: Trace
    """The trace with answer, citations and stop_reason."""


Event = Delta | CallReady | CallStarted | Progress | Observation | StepEnded | TurnEnded
"""Everything `loop.run` yields; TurnEnded is the last."""
