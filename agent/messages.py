"""Trace -> chat messages, the form every chat template reads, and templates that drop nothing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from skills import Skill

from .segments import Segment
from .slots import SHOWN_PICTURES
from .trace import CallError, Observation, PlannerOutput, Step, ToolCall, Trace, Turn

_FILL = re.compile("\ue000(\\d+)\ue001")
_BEGIN, _END = "\ue002", "\ue003"
_MARK = re.compile(f"([{_BEGIN}{_END}])")
_TEMPLATES = Path(__file__).parent / "templates"

Family = Literal["chatml", "vicuna"]
"""Families of checkpoints that have a template of ours."""

Plain = Callable[[str], str]
"""From text that somebody else wrote to its placeholder in a template's output."""


def tools_of(skills: Sequence[Skill[..., Any]]) -> list[dict[str, Any]]:
    """Return the offer as chat templates take it: one function schema a skill."""
    return [
        {
            "type": "function",
            "function": {"name": skill.name, "description": skill.description, "parameters": skill.schema},
        }
        for skill in skills
    ]


@cache
def family_template(family: Family) -> str:
    """Return our chat template of a family; it marks what the planner writes with a `generation` block.

    It reads `tools`, or the same words as a system message (`offer_text`), and arguments as objects or as JSON text.
    """
    return "".join((_TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8") for name in ("offer", family))


def offer_text(tools: Sequence[Mapping[str, Any]]) -> str:
    """Return the offer as our templates write it, for trainers that hand templates no tools."""
    return str(_offer().module.offer(tools))


@cache
def _offer() -> Any:
    from jinja2 import Environment

    environment = Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string((_TEMPLATES / "offer.jinja").read_text(encoding="utf-8"))


def to_messages(trace: Trace, plain: Plain) -> list[dict[str, Any]]:
    """Return the trace as messages; every text of user, planner and tools goes through `plain`.

    A picture is a part {"type": "image", "id": ...}; each new picture that is not a view follows its observation.
    """
    messages: list[dict[str, Any]] = []
    for turn in trace.turns:
        messages.append(_user(turn, plain))
        shown = 0
        for step in turn.steps:
            messages.append(_assistant(step.output, plain))
            for seen in step.observations:
                messages.append(_tool(seen, step.output, plain))
                new = _new_pictures(seen, trace)[: SHOWN_PICTURES - shown]
                shown += len(new)
                if new:
                    messages.append({"role": "user", "content": [_image(name) for name in new]})
    return messages


def _user(turn: Turn, plain: Plain) -> dict[str, Any]:
    named = [*turn.images, *turn.marks]
    heading = f"({', '.join(named)}) " if named else ""
    text = {"type": "text", "text": heading + plain(turn.request)}
    return {"role": "user", "content": [*(_image(name) for name in turn.images), text]}


def _image(name: str) -> dict[str, Any]:
    return {"type": "image", "id": name}


def _assistant(output: PlannerOutput, plain: Plain) -> dict[str, Any]:
    text = output.thought if output.calls else said(output)
    message: dict[str, Any] = {"role": "assistant", "content": [{"type": "text", "text": plain(text)}]}
    if output.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": _named(call.name, plain), "arguments": _fenced(call.args, plain)},
            }
            for call in output.calls
        ]
    return message


def said(output: PlannerOutput) -> str:
    """Return the text of a pass that does not call; behind LLaVA-o1's stages the answer is their conclusion.

    Any other thought stays unsaid: planners that write one without stages call with it.
    """
    answer = output.answer or output.malformed or ""
    staged = output.answer is not None and output.thought.rstrip().endswith("</REASONING>")
    return f"{output.thought}\n\n<CONCLUSION> {answer} </CONCLUSION>" if staged else answer


def _fenced(value: Any, plain: Plain) -> Any:
    """Return arguments with every string behind its placeholder, escaped as JSON will need it."""
    if isinstance(value, str):
        return plain(json.dumps(value, ensure_ascii=False)[1:-1])
    if isinstance(value, dict):
        return {_named(key, plain): _fenced(item, plain) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fenced(item, plain) for item in value]
    return value


def _named(name: str, plain: Plain) -> str:
    """Return a name that templates may read; what is no identifier can only be read as text."""
    return name if name.isidentifier() else str(_fenced(name, plain))


_WRITTEN_BY_SKILLS = ("description", "title", "default", "enum", "const", "examples", "pattern")


def _fenced_offer(schema: Any, plain: Plain) -> Any:
    """Return function schemas with whatever a skill's author wrote behind placeholders; names stay."""
    if isinstance(schema, str):
        return _named(schema, plain)
    if isinstance(schema, list):
        return [_fenced_offer(item, plain) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        _named(key, plain): _fenced(item, plain)
        if key in _WRITTEN_BY_SKILLS and not isinstance(item, dict)
        else _fenced_offer(item, plain)
        for key, item in schema.items()
    }


def _tool(seen: Observation, output: PlannerOutput, plain: Plain) -> dict[str, Any]:
    name = next((call.name for call in output.calls if call.id == seen.tool_call_id), "")
    return {
        "role": "tool",
        "tool_call_id": seen.tool_call_id,
        "name": _named(name, plain),
        "content": plain(seen.content),
    }


def _new_pictures(seen: Observation, trace: Trace) -> list[str]:
    records = trace.artifacts
    return [name for name in seen.artifacts if records[name].kind == "picture" and not records[name].view]


class ChatTemplate:
    """A checkpoint's chat template, or ours for its family where its own drops the offer, the calls or the results."""

    def __init__(self, tokenizer: Any, image_token: str, ends: Sequence[str] = ()) -> None:
        """Probe the tokenizer's template; `note` says so where another one is used.

        `ends` are the tokens that end the planner's turn, the tokenizer's own end token where none is named.
        """
        self._tokenizer = tokenizer
        self._image_token = image_token
        self._ends = tuple(ends) or ((tokenizer.eos_token,) if tokenizer.eos_token else ())
        self._template: str | None = None
        self.note = ""
        dropped = self._dropped()
        if dropped:
            family: Family = "chatml" if "<|im_start|>" in tokenizer.get_vocab() else "vicuna"
            self._template = family_template(family)
            self.note = (
                f"the checkpoint's chat template drops {', '.join(dropped)}; handeye's {family} template is used"
            )

    def render(self, trace: Trace, skills: Sequence[Skill[..., Any]]) -> list[Segment]:
        """Return the trace as segments; only the template's own words are markup.

        What the planner wrote and the token that ended its turn are targets.
        """
        return self.written(trace, tools_of(skills))

    def written(self, trace: Trace, tools: Sequence[Any]) -> list[Segment]:
        """Return the trace as `render` does, its offer given as function schemas."""
        fills: list[str] = []

        def plain(text: str) -> str:
            fills.append(text)
            return f"\ue000{len(fills) - 1}\ue001"

        messages = to_messages(trace, plain)
        pictures = [p["id"] for m in messages if not isinstance(m["content"], str) for p in m["content"] if "id" in p]
        text = self._marked(messages, _fenced_offer(list(tools), plain))
        return _segments(text, fills, pictures, self._image_token)

    def _marked(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
        """Return the messages as the template writes them, what the planner wrote between two marks.

        A template that writes earlier messages otherwise once more follow, or ends no turn, gets no marks there.
        """
        text = self._apply(messages, tools)
        marked, at = "", 0
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = self._apply(messages[:number], tools)
            ends = [found + len(end) for end in self._ends if (found := text.find(end, len(prompt))) >= 0]
            if text.startswith(prompt) and ends:
                marked += f"{text[at : len(prompt)]}{_BEGIN}{text[len(prompt) : min(ends)]}{_END}"
                at = min(ends)
        return marked + text[at:]

    def _apply(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
        rendered: str = self._tokenizer.apply_chat_template(
            messages,
            tools=tools,
            chat_template=self._template,
            add_generation_prompt=True,
            tokenize=False,
            image_token=self._image_token,
        )
        return rendered

    def _dropped(self) -> list[str]:
        """Return what the tokenizer's own template leaves out of a probe trace."""
        if not self._tokenizer.chat_template:
            return ["everything (there is none)"]
        tools = [{"type": "function", "function": {"name": "probe_offer", "description": "probe", "parameters": {}}}]
        try:
            text = self._apply(to_messages(_PROBE, lambda text: text), tools)
        except Exception as error:  # noqa: BLE001 - a template of a stranger's may raise anything
            return [f"the probe ({type(error).__name__})"]
        marks = {
            "the offer": "probe_offer",
            "calls": "probe_call",
            "arguments": "probe_argument",
            "results": "probe_result",
        }
        return [what for what, mark in marks.items() if mark not in text]


_PROBE = Trace(
    id="probe",
    turns=(
        Turn(
            request="probe",
            steps=(
                Step(
                    output=PlannerOutput(
                        calls=(ToolCall(id="call_1", name="probe_call", args={"a": "probe_argument"}),)
                    ),
                    observations=(
                        Observation(
                            tool_call_id="call_1",
                            status="error",
                            error=CallError(type="skill_error", message="probe_result"),
                            content="probe_result",
                        ),
                    ),
                ),
            ),
        ),
    ),
)


def _segments(text: str, fills: Sequence[str], pictures: Sequence[str], image_token: str) -> list[Segment]:
    segments: list[Segment] = []
    waiting = iter(pictures)
    target = False
    for i, piece in enumerate(_FILL.split(text)):
        if i % 2:
            segments.append(Segment(fills[int(piece)], target=target))
            continue
        for part in _MARK.split(piece):
            target = part == _BEGIN or (target and part != _END)
            if part not in (_BEGIN, _END):
                segments += _written_by_template(part, waiting, image_token, target=target)
    return [segment for segment in segments if segment.text or segment.image]


def _written_by_template(text: str, pictures: Iterator[str], image_token: str, *, target: bool) -> Iterator[Segment]:
    for number, part in enumerate(text.split(image_token)):
        if number:
            yield Segment("", image=next(pictures))
        yield Segment(part, markup=True, target=target)
