"""The dialect of LLaVA-Plus's own checkpoints: thoughts, actions and a value, tools' results as a human's message.

The offer is not in the prompt: such a checkpoint knows the tools it was trained with and no other. The wording is
that of its released training data. Under the grammar a thought holds no quotation mark, a reply of template "v0" no
number sign, for these end them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from skills import Boxes, Points, Skill
from skills.store import Artifacts

from .llava_plus_reader import ACTIONS, SIGN, THOUGHTS, VALUE
from .llava_plus_tools import normalised, result, schema, to_action
from .segments import Segment
from .trace import PlannerOutput, Step, Trace, Turn

_SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)
_TAIL = "summarize the model outputs and answer my first answer: "


class LlavaPlus:
    """How one checkpoint is written to; `settings` are those of its handeye.json."""

    def __init__(self, settings: Mapping[str, Any], tokenizer: Any) -> None:
        """Read `template` ("v0": ### Human, "v1": USER) and `marks` (<im_start>, <im_end> around a picture)."""
        self._v1 = settings.get("template", "v0") == "v1"
        self._marks = ("<im_start>", "<im_end>") if settings.get("marks") else ("", "")
        self._bos, self._eos = tokenizer.bos_token or "", tokenizer.eos_token or ""
        self._special = [
            name for name in (*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens) if len(name) > 1
        ]

    def render(self, trace: Trace, artifacts: Artifacts) -> list[Segment]:
        """Return the trace as segments, up to where the assistant goes on."""
        segments = [Segment(self._bos + _SYSTEM + (" " if self._v1 else "\n\n"), markup=True)]
        for turn in trace.turns:
            asked = _request(turn, artifacts)
            segments += self._human(asked, turn.images)
            for step in turn.steps:
                segments += self._assistant(step, turn)
                if step.observations:
                    segments += self._human(f"{_results(step, artifacts)}\n\n{_TAIL}{asked}", ())
        segments.append(Segment("ASSISTANT:" if self._v1 else f"{SIGN} Assistant:", markup=True))
        return [segment for segment in _stopped(segments) if segment.text or segment.image]

    def _human(self, text: str, images: Sequence[str]) -> list[Segment]:
        opened, closed = self._marks
        pictures = [
            part
            for name in images
            for part in (Segment(opened, markup=True), Segment("", image=name), Segment(f"{closed}\n", markup=True))
        ]
        end = " " if self._v1 else "\n"
        begin = "USER: " if self._v1 else f"{SIGN} Human: "
        return [Segment(begin, markup=True), *pictures, self._plain(text), Segment(end, markup=True)]

    def _assistant(self, step: Step, turn: Turn) -> list[Segment]:
        begin, end = ("ASSISTANT:", self._eos) if self._v1 else (f"{SIGN} Assistant:", "\n")
        said = (Segment(" ", markup=True), self._plain(written(step.output, turn)), Segment(end, markup=True))
        return [Segment(begin, markup=True), *(replace(segment, target=True) for segment in said)]

    def _plain(self, text: str) -> Segment:
        """Return text that somebody else wrote; it can spell neither a control token nor the sign of a new speaker.

        What spells no control token is encoded together with the words around it, as in training.
        """
        text = text.replace(SIGN, "# # #")
        return Segment(text, markup=not any(name in text for name in self._special))

    def grammar(self, skills: Sequence[Skill[..., Any]]) -> str:
        """Return the Lark text of one pass; it calls only tools whose skill is on offer."""

        def quoted(text: str) -> str:
            return json.dumps(text, ensure_ascii=False)

        reply = r"/[^\x00-\x08]+/" if self._v1 else r"/[^#\x00-\x08]+/"
        lines = [
            f"start: {quoted(f' {THOUGHTS} ')} THOUGHT {quoted(f'{ACTIONS} ')} actions {quoted(chr(10) + VALUE)} REPLY",
            r'THOUGHT: /[^"\x00-\x08]{1,600}/',
            f"actions: %json {json.dumps(schema(skills))}",
            f"REPLY: {reply}",
        ]
        lines[0] += "" if self._v1 else f" {quoted(SIGN)}"
        return "\n".join(lines)


def _stopped(segments: Sequence[Segment]) -> list[Segment]:
    """Return segments where the sign that ends a turn of template "v0" counts as the planner's."""
    stopped: list[Segment] = []
    for segment in segments:
        if stopped and stopped[-1].target and segment.text.startswith(SIGN):
            stopped.append(Segment(SIGN, markup=True, target=True))
            segment = replace(segment, text=segment.text.removeprefix(SIGN))
        stopped.append(segment)
    return stopped


def written(output: PlannerOutput, turn: Turn) -> str:
    """Return a pass as the assistant wrote it."""
    if output.malformed is not None:
        return output.malformed
    actions = [to_action(call) for call in output.calls]
    names = " and ".join(str(action["API_name"]) for action in actions)
    wait = f"I will use {names} to help to answer the question. Please wait for a moment."
    reply = wait if actions else output.answer or turn.answer
    return f"{THOUGHTS} {output.thought}\n{ACTIONS} {json.dumps(actions)}\n{VALUE} {reply}"


def _request(turn: Turn, artifacts: Artifacts) -> str:
    """Return a request with what the user drew: 0-1 with two decimals."""
    lines = [turn.request]
    for name in turn.marks:
        value = artifacts.value(name)
        if isinstance(value, Boxes | Points):
            places = value.xyxy if isinstance(value, Boxes) else value.xy
            kind = "boxes" if isinstance(value, Boxes) else "points"
            lines.append(f"The input {kind} are: {normalised(places, artifacts.picture(value.frame).size)}")
    return "\n".join(lines)


def _results(step: Step, artifacts: Artifacts) -> str:
    names = {call.id: str(to_action(call)["API_name"]) for call in step.output.calls}
    told = []
    for seen in step.observations:
        tool = names.get(seen.tool_call_id, "")
        told.append(f"{tool} model outputs: {result(tool, seen, artifacts)}" if tool else seen.content)
    return "\n\n".join(told)
