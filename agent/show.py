"""What a running turn looks like in a terminal: the log on one stream, the answer on the other."""

import json
import re
import sys
from typing import TextIO

from .agent import Chat
from .citations import expand
from .events import CallStarted, Event, Progress, StepEnded, TurnEnded
from .planner import Delta
from .trace import Observation, ToolCall, Trace, Turn

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_OPEN = re.compile(r"\[[a-z]*(?:_\d*(?:\[\d*\]?)?(?:\.[a-z]*)?)?$")
"""The start of a citation whose end is still to come."""

_LONGEST = 300
"""Characters of one line of the log."""

_ENDS = {
    "step_limit": "the planner used all its steps without an answer; ask for less at once",
    "context_full": "the chat does not fit into the planner's context",
    "cancelled": "stopped",
    "planner_error": "what the planner wrote could not be read; ask in other words",
    None: "the turn broke off",
}


def clean(text: str) -> str:
    """Return text without control characters: what a picture says must not steer a terminal."""
    return _CONTROLS.sub("\ufffd", text)


def cut(text: str) -> str:
    """Return text on one line, cut to what a log line holds."""
    line = " ".join(clean(text).split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " ..."


def ended(turn: Turn) -> str:
    """Return why a turn ended without an answer, in a line; empty where it was answered."""
    reason = turn.stop_reason
    return "" if reason in ("answered", "asked") else f"{reason or 'broken'}: {_ENDS[reason]}"


class Log:
    """Writes steps, thoughts, calls with status and seconds, and notes, as they come."""

    def __init__(self, out: TextIO | None = None) -> None:
        """Write to `out`, stderr where it is left out."""
        self._out = out or sys.stderr
        self._step = 0
        self._begun = False
        self._thought = ""

    def line(self, text: str) -> None:
        """Write one line of any kind."""
        print(cut(text), file=self._out, flush=True)

    def __call__(self, event: Event) -> None:
        """Write what an event says."""
        if isinstance(event, Delta):
            self._thought += event.text if event.branch == "thought" else ""
        elif isinstance(event, CallStarted):
            self._head()
            self._say(f"{event.call.id} {_written(event.call)}")
        elif isinstance(event, Progress):
            total = f"/{event.total}" if event.total else ""
            self._say(f"{event.tool_call_id} {event.done}{total} {event.text}")
        elif isinstance(event, Observation):
            self._observed(event)
        elif isinstance(event, StepEnded):
            self._step_ended(event.trace)
        elif isinstance(event, TurnEnded):
            for note in event.trace.turn.notes:
                self.line(f"note: {note}")

    def _head(self) -> None:
        if not self._begun:
            self._begun = True
            self._step += 1
            self.line(f"step {self._step}")
        if self._thought.strip():
            self._say(f"thought: {self._thought.strip()}")
            self._thought = ""

    def _say(self, text: str) -> None:
        print(f"  {cut(text)}", file=self._out, flush=True)

    def _observed(self, seen: Observation) -> None:
        cached = ", from an equal call" if seen.cached else ""
        self._say(f"{seen.tool_call_id} {seen.status} {seen.seconds:.2f} s{cached}: {seen.content}")
        for note in seen.notes:
            self._say(f"note: {note}")

    def _step_ended(self, trace: Trace) -> None:
        step = trace.turn.steps[-1] if trace.turn.steps else None
        if self._thought or (step and (step.output.notes or step.output.malformed is not None)):
            self._head()
        if step:
            for note in step.output.notes:
                self._say(f"note: {note}")
            if step.output.malformed is not None:
                self._say(f"error: {step.observations[-1].content}")
        self._begun = False


def _written(call: ToolCall) -> str:
    args = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.args.items())
    return f"{call.name}({args})"


class AnswerStream:
    """Writes the answer as it is decided, its citations expanded; the end writes what is missing."""

    def __init__(self, chat: Chat, out: TextIO | None = None) -> None:
        """Write a chat's answers to `out`, stdout where it is left out; piece by piece only on a terminal."""
        self._chat = chat
        self._out = out or sys.stdout
        self._terminal = self._out.isatty()
        self._raw = self._shown = ""

    def __call__(self, event: Event) -> None:
        """Take an event of the turn."""
        if isinstance(event, TurnEnded):
            self._end(event.trace.turn.answer)
        elif isinstance(event, Delta) and event.branch == "answer" and self._terminal:
            self._raw += event.text
            ready = self._raw[: m.start()] if (m := _OPEN.search(self._raw)) else self._raw
            text = expand(ready, self._chat.trace, self._chat.artifacts, self._chat.skills)[0]
            self._write(text[len(self._shown) :])
            self._shown = text

    def _end(self, answer: str) -> None:
        if not answer.startswith(self._shown):
            self._write("\n")
            self._shown = ""
        if answer:
            self._write(answer[len(self._shown) :] + "\n")
        self._raw = self._shown = ""

    def _write(self, text: str) -> None:
        self._out.write(clean(text) if self._terminal else text)
        self._out.flush()
