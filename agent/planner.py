"""The Planner protocol: whoever decides what to call and what to answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from skills import Cancel, Skill
from skills.store import Artifacts

from .trace import PlannerOutput, ToolCall, Trace


@dataclass(frozen=True)
class Delta:
    """A piece of text as the planner writes it."""

    branch: Literal["thought", "call", "answer"]
    """What the text belongs to; the text of a call is for show, `CallReady` holds the call."""
    text: str
    """The new characters."""


@dataclass(frozen=True)
class CallReady:
    """A call whose last argument was just written."""

    call: ToolCall
    """The call."""


class ContextFull(Exception):
    """The conversation does not fit into the planner's context; raised before decoding starts."""


class Planner(Protocol):
    """Decides the next step of a turn."""

    name: str
    """What a trace calls it."""

    checkpoint: str
    """Its checkpoint's name and hash; empty where it has none."""

    def plan(
        self,
        trace: Trace,
        skills: Sequence[Skill[..., Any]],
        artifacts: Artifacts,
        cancel: Cancel,
    ) -> Iterator[Delta | CallReady | PlannerOutput]:
        """Yield text and calls as they are decided, and the whole PlannerOutput last.

        Raises ContextFull before decoding where the conversation does not fit, skills.Cancelled where `cancel` was
        set. Text that is neither calls nor an answer is given as `PlannerOutput.malformed`, never raised.
        """
        ...


@runtime_checkable
class Sampled(Protocol):
    """A planner that can also draw what it writes, which `agent.rollout` needs."""

    def sampled(self, temperature: float, seed: int) -> Planner:
        """Return a planner that draws from softmax(logits / temperature) with a generator of its own.

        Its outputs hold `token_ids` and `logprobs`. With temperature 0 it takes the best token.
        """
        ...
