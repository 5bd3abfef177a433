"""Goes through the messages of a row of TACO once; `taco` tells the form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.trace import CallError, Observation, PlannerOutput, Step, ToolCall

from .base import Refused
from .taco_actions import number_of, to_action, to_skill
from .taco_text import IDLE, TERMINATE, WRAPPING, Message, drawn, is_error, read_message, unwrap, written_as


@dataclass
class Reader:
    """The steps so far, and what the row says beside them."""

    steps: list[Step] = field(default_factory=list)
    """Thoughts, calls and what came of them."""
    mends: list[str] = field(default_factory=list)
    """What was mended, one line each."""
    named: list[int] = field(default_factory=list)
    """Numbers of the pictures that actions name."""
    made: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Number of a picture that a tool made -> (the call, the call's name)."""
    _texts: dict[str, tuple[str, Message]] = field(default_factory=dict)
    _replies: dict[str, str | None] = field(default_factory=dict)
    _wrappings: dict[str, list[str]] = field(default_factory=dict)
    _replied: bool = True

    @property
    def form(self) -> dict[str, Any]:
        """What is laid out otherwise than usual."""
        form = {"replies": self._replies, "wrappings": self._wrappings}
        return written_as(self._texts) | {key: value for key, value in form.items() if value}

    def add(self, message: Any) -> None:
        """Take one message; raises Refused."""
        role, content = (message.get("role"), message.get("content")) if isinstance(message, Mapping) else (None, None)
        if role not in ("assistant", "observation") or not isinstance(content, str):
            raise Refused('it is not of the form {"role": "assistant" or "observation", "content": text}')
        if self.steps and self.steps[-1].output.answer is not None:
            raise Refused(f"it stands after {TERMINATE}; expected nothing there")
        if role == "assistant":
            self.reply(None)
            self._speak(content)
        elif self._replied:
            raise Refused("it is an observation that answers no message; expected an assistant's")
        else:
            self.reply(content)

    def _speak(self, content: str) -> None:
        said, mends = read_message(content)
        number = len(self.steps) + 1
        self.mends += [f"message of step {number}: {mend}" for mend in mends]
        if not mends:
            self._texts[str(number)] = (content, said)
        self._replied = said.name == TERMINATE
        if said.name == TERMINATE:
            output = PlannerOutput(thought=said.thought, answer=said.arguments["answer"])
        elif said.name:
            name, args = to_skill(said.name, said.arguments)
            if to_action(name, args) != (said.name, said.arguments):
                raise Refused(f"its action {said.name!r} is named as our skill is, which TACO calls otherwise")
            self.named += [found for value in said.arguments.values() if (found := number_of(value)) is not None]
            output = PlannerOutput(thought=said.thought, calls=(ToolCall(id=self._call(), name=name, args=args),))
        else:
            output = PlannerOutput(thought=said.thought)
        self.steps.append(Step(output=output))

    def _call(self) -> str:
        return f"call_{1 + sum(len(step.output.calls) for step in self.steps)}"

    def reply(self, content: str | None) -> None:
        """Give the newest message what came of it, None for nothing."""
        if self._replied:
            return
        self._replied, number, output = True, str(len(self.steps)), self.steps[-1].output
        text, wrapping = (None, WRAPPING) if content is None else unwrap(content)
        if wrapping != WRAPPING:
            self._wrappings[number] = wrapping
        if not output.calls:
            self._replies |= {} if text == IDLE else {number: text}
        elif text is not None:
            seen = self._seen(output.calls[0], text)
            self.steps[-1] = Step(output=output, observations=(seen,))

    def _seen(self, call: ToolCall, text: str) -> Observation:
        fresh = [number for number in drawn(text) if number and number not in self.made]
        self.made |= dict.fromkeys(fresh, (call.id, call.name))
        artifacts = tuple(f"img_{number + 1}" for number in fresh)
        if is_error(text):
            error = CallError(type="skill_error", message=text)
            return Observation(tool_call_id=call.id, status="error", error=error, content=text)
        return Observation(tool_call_id=call.id, status="success", content=text, artifacts=artifacts)
