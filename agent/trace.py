"""The Trace: one record of a chat, the page a demo draws, a training row, the unit of evaluation and replay.

Frozen pydantic models; JSON round-trip exact. `docs/trace-format.md` is generated from this file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue

from skills.store import Artifact
from skills.values import Frozen

SCHEMA: Literal["handeye.trace/1"] = "handeye.trace/1"
"""The version every trace names; fields may be added under it, none renamed."""

StopReason = Literal["answered", "asked", "step_limit", "context_full", "cancelled", "planner_error"]
"""Why a turn ended; "asked" is a planner's question back to the user."""

UP, DOWN, CORRECTED = "up", "down", "corrected: "
"""What `Turn.feedback` says; behind the last stands the answer as it should be."""

TRAINING = "training"
"""The word of `Meta.consent` that allows a trace to become training data."""

ErrorType = Literal[
    "unknown_skill",
    "bad_arguments",
    "bad_region",
    "unavailable",
    "deadline",
    "out_of_memory",
    "skill_error",
]
"""What went wrong with a call, in a word."""


class ToolCall(Frozen):
    """One call as the planner wrote it."""

    id: str
    """"call_1", counted over the whole trace."""
    name: str
    """The skill named, on offer or not."""
    args: dict[str, JsonValue] = Field(default_factory=dict)
    """The arguments as written."""


class PlannerOutput(Frozen):
    """What a planner decided in one pass."""

    thought: str = ""
    """Why, in its own words; may be empty."""
    calls: tuple[ToolCall, ...] = ()
    """Calls to run side by side; empty where it answers."""
    answer: str | None = None
    """The answer with citations unexpanded; None while it still calls."""
    malformed: str | None = None
    """The text that could not be read as calls or an answer, where there is any."""
    notes: tuple[str, ...] = ()
    """What the planner's adapter changed or could not use, each one line."""
    token_ids: tuple[int, ...] | None = None
    """The tokens decoded, where the planner is asked to keep them; a stop token stands last where one was chosen."""
    logprobs: tuple[float, ...] | None = None
    """Their natural log-probabilities under the full softmax at temperature 1, before the grammar; likewise."""


class CallError(Frozen):
    """Why a call failed."""

    type: ErrorType
    """The kind, for programs."""
    message: str
    """What was wrong, what was expected, what to do, for planner and user."""


class Observation(Frozen):
    """What came of one call; made by the executor alone."""

    tool_call_id: str
    """The call it answers."""
    status: Literal["success", "error", "cancelled"]
    """How it ended."""
    error: CallError | None = None
    """Set where `status` is "error"."""
    args: dict[str, JsonValue] = Field(default_factory=dict)
    """What ran: defaults filled in, mended, seed drawn."""
    content: str = ""
    """What the planner reads (`skills.describe`)."""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """Id of each artifact made -> what it holds in a few words (`skills.summary`)."""
    artifacts: tuple[str, ...] = ()
    """Ids of what was made, in order."""
    notes: tuple[str, ...] = ()
    """What was mended, chosen or left out, each one line."""
    cached: bool = False
    """True where an equal call's result was used again."""
    simulated: bool = False
    """True where no skill ran: the result was made up, or told by the truth of a drawn scene."""
    seconds: float = 0.0
    """Wall time of the call."""
    device: str = "cpu"
    """Where it ran."""


class Step(Frozen):
    """One pass of the planner and what came of its calls."""

    output: PlannerOutput
    """What the planner decided."""
    observations: tuple[Observation, ...] = ()
    """One for each call, in the calls' order."""


class Citation(Frozen):
    """A place in an answer that a tool's own result was inserted at."""

    start: int
    """First character in `Turn.answer`."""
    end: int
    """One past the last character."""
    ref: str
    """What was cited: "text_1", "boxes_1.count", "boxes_1[0].label", "call_1.error"."""


class Turn(Frozen):
    """One request and everything done about it."""

    request: str
    """What the user wrote."""
    images: tuple[str, ...] = ()
    """Ids of the pictures that came with it."""
    marks: tuple[str, ...] = ()
    """Ids of the boxes and points the user drew."""
    steps: tuple[Step, ...] = ()
    """The passes, in order."""
    answer: str = ""
    """The answer with citations expanded."""
    citations: tuple[Citation, ...] = ()
    """Where they were."""
    stop_reason: StopReason | None = None
    """Why it ended; None while it runs or where it was killed."""
    notes: tuple[str, ...] = ()
    """What was said about the input or the answer, each one line."""
    feedback: str | None = None
    """What the user thought of it, where they said: "up", "down", or "corrected: " and the answer as it should be."""


class Origin(Frozen):
    """Where an imported trace came from."""

    format: str
    """The format it was read from."""
    row: str
    """Its row: file and number."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """What the row held beside the chat, needed to write it back as it was."""


class Meta(Frozen):
    """Where a trace came from."""

    planner: str = ""
    """The planner's name."""
    checkpoint: str = ""
    """Its checkpoint's name and hash, where it has one."""
    seed: int = 0
    """The seed every random choice is drawn from."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Package -> version."""
    offer: tuple[str, ...] = ()
    """The skills on offer."""
    consent: str = ""
    """What the user allowed the trace to be used for, words with commas between: "training"; empty allows nothing."""
    forked_from: str | None = None
    """The trace this one was forked from, "ID@TURN.STEP"."""
    replayed: tuple[str, ...] = ()
    """Skills answered from recorded results instead of run."""
    origin: Origin | None = None
    """Set for a trace that was imported."""


class Trace(Frozen):
    """A whole chat."""

    schema_: Literal["handeye.trace/1"] = Field(default=SCHEMA, alias="schema")
    """The format's version."""
    id: str
    """The trace's own id."""
    turns: tuple[Turn, ...] = ()
    """Requests with their steps and answers, oldest first."""
    artifacts: dict[str, Artifact] = Field(default_factory=dict)
    """Id -> record of every picture, box, mask, text and number, in order of making."""
    meta: Meta = Field(default_factory=Meta)
    """Where it came from."""

    model_config = ConfigDict(populate_by_name=True)

    def to_json(self, indent: int | None = None) -> str:
        """Return the trace as JSON text; `from_json` gives back an equal trace."""
        return self.model_dump_json(by_alias=True, indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Parse `to_json`'s text; raises pydantic.ValidationError where it is no trace."""
        return cls.model_validate_json(text)

    @classmethod
    def load(cls, path: Path) -> "Trace":
        """Read a trace from its folder or log; see `agent.journal.load`, which also reports damaged lines."""
        from .journal import load

        return load(path).trace

    @property
    def turn(self) -> Turn:
        """The newest turn; raises IndexError before the first."""
        return self.turns[-1]

    def with_turn(self, turn: Turn, artifacts: Mapping[str, Artifact]) -> Self:
        """Return the trace with one more turn; `artifacts` is the whole table."""
        return self._with(turns=(*self.turns, turn), artifacts=dict(artifacts))

    def with_step(self, step: Step, artifacts: Mapping[str, Artifact]) -> Self:
        """Return the trace with one more step in its newest turn; `artifacts` is the whole table."""
        turn = self.turn.model_copy(update={"steps": (*self.turn.steps, step)})
        return self._with(turns=(*self.turns[:-1], turn), artifacts=dict(artifacts))

    def with_end(self, **changes: Any) -> Self:
        """Return the trace with its newest turn ended: answer, citations, stop_reason, notes."""
        return self._with(turns=(*self.turns[:-1], self.turn.model_copy(update=changes)))

    def _with(self, **changes: Any) -> Self:
        return self.model_copy(update=changes)

    @property
    def call_count(self) -> int:
        """Calls so far, over all turns; the next call's id is one more."""
        return sum(len(step.output.calls) for turn in self.turns for step in turn.steps)
