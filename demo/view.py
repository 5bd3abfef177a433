"""From a Trace and what is under way to the chat's messages. Pure: no Gradio, no files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from agent import CallReady, CallStarted, Delta, Observation, Progress, Step, ToolCall, Trace, Turn
from agent.events import Event

from .markup import block, marked, plain

Status = Literal["pending", "done", ""]

TITLE = 90
"""Characters of a thought or a result that stand in a title; the whole is inside."""

_ENDS = {
    "cancelled": "■ stopped; the next message goes on from here",
    "step_limit": "The planner used all its steps without an answer. Ask for less at once, or ask again.",
    "context_full": "The conversation no longer fits into the planner's memory. Start a new chat.",
    "planner_error": "The planner wrote several things that could not be read. Ask in other words.",
}
"""What the chat says about a turn that ended without an answer."""


@dataclass(frozen=True)
class Message:
    """One message or collapsible step of the chat."""

    role: Literal["user", "assistant"] = "assistant"
    """Who says it."""
    text: str = ""
    """Markup; everything foreign in it is escaped."""
    pictures: tuple[str, ...] = ()
    """Ids of the pictures and regions shown under the text; a region is shown drawn over its picture."""
    title: str = ""
    """Markup of a collapsible step's title; empty for a plain message."""
    key: str = ""
    """Name of the step, so that others can lie inside it."""
    parent: str = ""
    """Key of the step it lies inside, or empty."""
    status: Status = ""
    """Of a step: running (open), over (closed), or open for good where it failed."""
    seconds: float | None = None
    """How long the step took, where known."""


@dataclass
class Running:
    """The turn under way: what is not in the trace yet."""

    request: str = ""
    """What the user wrote, until the trace has the turn; then empty."""
    pictures: tuple[str, ...] = ()
    """Names of the pictures sent with it, likewise."""
    line: str = ""
    """What is being waited for, e.g. "loading the planner ...", or what went wrong."""
    failed: bool = False
    """True where `line` is an error."""
    thought: str = ""
    """The thought so far."""
    writing: str = ""
    """The text of a call so far."""
    answer: str = ""
    """The answer so far, citations not expanded."""
    calls: dict[str, ToolCall] = field(default_factory=dict)
    """Id -> call of this step."""
    progress: dict[str, Progress] = field(default_factory=dict)
    """Id -> how far a call is."""
    seen: dict[str, Observation] = field(default_factory=dict)
    """Id -> what came of a call."""

    def take(self, event: Event) -> None:
        """Take in what a running turn told; a step that ended is in the trace and is forgotten here."""
        self.line = ""
        if isinstance(event, Delta):
            name = {"thought": "thought", "call": "writing", "answer": "answer"}[event.branch]
            setattr(self, name, getattr(self, name) + event.text)
        elif isinstance(event, CallReady | CallStarted):
            self.calls[event.call.id] = event.call
            self.writing = ""
        elif isinstance(event, Progress):
            self.progress[event.tool_call_id] = event
        elif isinstance(event, Observation):
            self.seen[event.tool_call_id] = event
        else:
            self.__dict__.update(Running().__dict__)


def messages(trace: Trace, running: Running | None = None) -> list[Message]:
    """Return the whole chat, oldest first; `running` is the turn under way."""
    shown = [message for number, turn in enumerate(trace.turns) for message in _turn(number, turn)]
    if running is None:
        return shown
    if running.request or running.pictures:
        shown.append(Message("user", block(running.request), running.pictures))
    return [*shown, *_running(running)]


def _ended_by_bug(turn: Turn) -> bool:
    return any(note.startswith("ended by a bug") for note in turn.notes)


def _turn(number: int, turn: Turn) -> Iterator[Message]:
    yield Message("user", block(turn.request), (*turn.images, *turn.marks))
    for index, step in enumerate(turn.steps):
        yield from _step(f"{number}.{index}", step)
    if turn.answer:
        yield Message(text=marked(turn.answer, [(c.start, c.end, c.ref) for c in turn.citations]))
    elif turn.stop_reason in _ENDS:
        yield Message(text=block(_ENDS[turn.stop_reason], "note"))
    if turn.notes:
        yield Message(text=block("\n".join(turn.notes), "error" if _ended_by_bug(turn) else "note"))


def _step(key: str, step: Step) -> Iterator[Message]:
    seen = {item.tool_call_id: item for item in step.observations}
    parent = key if step.output.thought else ""
    if parent:
        seconds = max((item.seconds for item in step.observations), default=None)
        failed = any(item.error for item in step.observations)
        yield _thought(key, step.output.thought, "" if failed else "done", seconds)
    for call in step.output.calls:
        yield _call(call, seen.get(call.id), None, parent)
    if step.output.malformed is not None:
        yield Message(text=block(_unread(step), "error"), title="✗ not understood", parent=parent)
    if pictures := tuple(name for item in step.observations for name in item.artifacts):
        yield Message(pictures=pictures)


def _unread(step: Step) -> str:
    return "\n".join(item.error.message for item in step.observations if item.error) or str(step.output.malformed)


def _thought(key: str, text: str, status: Status, seconds: float | None = None) -> Message:
    first = _short(text)
    return Message(
        title=f"Thought: {plain(first)}", text=block(text), key=key, status=status, seconds=seconds,
    )  # fmt: skip


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


def _call(call: ToolCall, seen: Observation | None, progress: Progress | None, parent: str) -> Message:
    """Return a call as a step: running with its progress, or over with what came of it."""
    if seen is None:
        body = block(_arguments(call.args), "code") + block(_progress(progress), "note")
        return Message(title=f"⚙ {plain(call.name)}", text=body, key=call.id, parent=parent, status="pending")
    mark = {"success": "⚙", "error": "✗", "cancelled": "■"}[seen.status]
    parts = [call.name, _outcome(seen), "cached" if seen.cached else ""]
    body = block(_arguments(seen.args or call.args), "code")
    if seen.error is not None:
        body += block(seen.error.message, "error")
    elif seen.content:
        body += block(seen.content, "code")
    body += block("\n".join(seen.notes), "note")
    title = f"{mark} {plain(' · '.join(part for part in parts if part))}"
    status: Status = "" if seen.error else "done"
    return Message(title=title, text=body, key=call.id, parent=parent, status=status, seconds=seen.seconds)


def _outcome(seen: Observation) -> str:
    if seen.error is not None:
        return seen.error.type
    if seen.status == "cancelled":
        return "stopped"
    return _short(", ".join(str(held) for held in seen.data.values()))


def _arguments(args: Mapping[str, JsonValue]) -> str:
    return "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in args.items())


def _progress(progress: Progress | None) -> str:
    if progress is None:
        return "running ..."
    count = f"{progress.done} of {progress.total}" if progress.total else (str(progress.done) if progress.done else "")
    return " ".join(part for part in (progress.text, count) if part)


def _running(running: Running) -> Iterator[Message]:
    parent = "now" if running.thought else ""
    if running.thought:
        yield _thought("now", running.thought, "pending")
    for call in running.calls.values():
        yield _call(call, running.seen.get(call.id), running.progress.get(call.id), parent)
    if running.writing:
        yield Message(title="⚙ writing a call", text=block(running.writing, "code"), parent=parent, status="pending")
    if running.answer:
        yield Message(text=block(running.answer))
    if running.line:
        yield Message(text=block(running.line, "error" if running.failed else "note"))
