"""The embedded planner's short dialect: a skill is one line of the offer, a call is a few tokens.

    <offer><s4> read_text(region?) read the text ...<s4><s9> blur(regions strength?) blur ...<s9><chat>
    <user><img_1>(picture) blur the faces<end>
    <think> find the faces, then blur them<call><s2><end>        (find_faces stands before <s2>)
    <obs><ok><boxes_1> 2 face in img_1
    <call><s9><a1><boxes_1><end>
    <obs><ok><img_2> picture, 512x512, frame of img_1(picture)
    <say> I blurred <boxes_1><.count> faces: <img_2><end>

The slot stands before its line, so that every word of the line can know whose it is, and behind it, so that its own
hidden state has read the line. A line is in lower case, as most requests are. `<a0>` opens the argument `image`,
`<a1>`, `<a2>` ... the others in the order of the offer's line. Values of artifacts are one token each; words are copied
with the space before them, so that they have the tokens of the request.
"""

import re
from collections.abc import Sequence

from skills import InputError, Param, Skill
from skills.registry import CONTRACT
from skills.values import PREFIXES

from .citations import PATTERN
from .segments import Segment
from .trace import CallError, Observation, PlannerOutput, ToolCall, Trace, Turn

DIALECT = "slots/2"
"""How a checkpoint's `handeye.json` names the dialect; the first form had no slot before a line."""

SLOTS = 48
"""Skills that fit into one offer."""

IDS = 32
"""Artifacts per prefix that have a token."""

CALLS = 48
"""Calls of one trace whose errors can be cited."""

ELEMENTS = 24
"""Elements of one value that have a token."""

ARGUMENTS = 10
"""Arguments of one skill, `image` included."""

SHOWN_PICTURES = 4
"""New pictures shown to the planner in one turn; the rest by id."""

_MARKS = (
    "<pad> <s> <end> <unk> <image> <offer> <chat> <user> <mark> <think> <call> <say> <obs> <ok> "
    "<error> <cancelled> <,> <skills> <.count> <.label> <.text> <.error>"
)

REFERENCE = re.compile(r"^([a-z]+_\d+)(?:\[(\d+)\])?$")
"""An artifact id with an optional element."""


def special_tokens() -> list[str]:
    """Return every control token of the dialect, in the order of their ids."""
    ids = [f"<{p}_{n}>" for p in PREFIXES.values() for n in range(1, IDS + 1)]
    return [
        *_MARKS.split(),
        *(f"<s{n}>" for n in range(SLOTS)),
        *(f"<a{n}>" for n in range(ARGUMENTS)),
        *(f"<[{n}]>" for n in range(ELEMENTS)),
        *(f"<call_{n}>" for n in range(1, CALLS + 1)),
        *ids,
    ]


def ordered_params(skill: Skill[..., object]) -> dict[int, Param]:
    """Return argument number -> argument: 0 is the picture `image`, the others follow in order.

    Raises InputError where the skill has more arguments than the dialect has numbers for.
    """
    numbered: dict[int, Param] = {}
    number = 1
    for param in skill.params:
        if param.name == "image" and param.kind == "picture":
            numbered[0] = param
        else:
            numbered[number] = param
            number += 1
    if number > ARGUMENTS:
        raise InputError(
            f"skill {skill.name!r} has {number - 1} arguments beside `image`; "
            f"this planner writes at most {ARGUMENTS - 1}"
        )
    return numbered


def home_slots(names: Sequence[str]) -> tuple[int, ...]:
    """Return the slot of each name: a skill of the contract has its own, others take those behind, in order.

    Raises InputError where more skills beside the contract's are on offer than there are slots left.
    """
    free = iter(range(len(CONTRACT), SLOTS))
    added = sum(1 for name in names if name not in CONTRACT)
    if added > SLOTS - len(CONTRACT):
        raise InputError(
            f"{added} added skills are on offer; this planner reads at most {SLOTS - len(CONTRACT)}: use --offer"
        )
    return tuple(CONTRACT.index(name) if name in CONTRACT else next(free) for name in names)


class Slots:
    """Renders one trace in the dialect, for serving and for training alike."""

    def __init__(self, skills: Sequence[Skill[..., object]], slots: Sequence[int] | None = None) -> None:
        """Give each skill its slot: `home_slots`, or as `slots` says (training draws them)."""
        numbers = tuple(slots) if slots is not None else home_slots([skill.name for skill in skills])
        self.slot = {skill.name: number for skill, number in zip(skills, numbers, strict=True)}
        self.by_slot = {number: skill for skill, number in zip(skills, numbers, strict=True)}

    def offer(self) -> list[Segment]:
        """Return the offer: one line a skill, its slot before and behind it."""
        segments = [Segment("<s><offer>", markup=True)]
        for number, skill in self.by_slot.items():
            names = " ".join(p.name + ("" if p.required else "?") for n, p in ordered_params(skill).items() if n)
            line, slot = f" {skill.name}({names}) {skill.description}", Segment(f"<s{number}>", markup=True)
            segments += [slot, Segment(line.lower()), slot]
        return [*segments, Segment("<chat>", markup=True)]

    def render(self, trace: Trace) -> list[Segment]:
        """Return the whole trace; where its newest turn has no answer yet, it ends where the planner goes on."""
        segments = self.offer()
        for turn in trace.turns:
            segments.extend(self.turn(turn, trace))
        return segments

    def turn(self, turn: Turn, trace: Trace) -> list[Segment]:
        """Return one turn: pictures, marks, request, then each step."""
        segments = [Segment("<user>", markup=True)]
        for picture in turn.images:
            segments += [_reference(picture), Segment("", image=picture)]
        for mark in turn.marks:
            segments += [Segment("<mark>", markup=True), _reference(mark)]
        segments += [Segment(spaced(turn.request)), Segment("<end>", markup=True)]
        shown = 0
        for step in turn.steps:
            segments += self.output(step.output)
            for observation in step.observations:
                new = self._observation(observation, trace, SHOWN_PICTURES - shown)
                shown += sum(1 for segment in new if segment.image)
                segments += new
        return segments

    def output(self, output: PlannerOutput) -> list[Segment]:
        """Return one pass of the planner, all of it a training target."""
        segments: list[Segment] = []
        if output.thought:
            segments += [_target("<think>"), Segment(spaced(output.thought), target=True)]
        for call in output.calls:
            segments += self._call(call)
        if output.answer is not None:
            segments += [_target("<say>"), *_answer(output.answer)]
        return [*segments, _target("<end>")]

    def _call(self, call: ToolCall) -> list[Segment]:
        if call.name not in self.slot:
            return [_target("<call>"), Segment(spaced(call.name), target=True)]
        skill = self.by_slot[self.slot[call.name]]
        segments = [_target(f"<call><s{self.slot[call.name]}>")]
        for number, param in ordered_params(skill).items():
            value = call.args.get(param.name)
            if value is not None:
                segments += [_target(f"<a{number}>"), *_argument(value)]
        return segments

    def _observation(self, observation: Observation, trace: Trace, room: int) -> list[Segment]:
        mark = {"success": "<ok>", "error": "<error>", "cancelled": "<cancelled>"}[observation.status]
        segments = [Segment(f"<obs>{mark}", markup=True)]
        if observation.error is not None:
            segments.append(_reference(observation.tool_call_id))
            segments.append(Segment(spaced(f"{observation.error.type}: {_told(observation.error)}"[:80])))
        for artifact in observation.artifacts:
            record = trace.artifacts[artifact]
            summary = observation.data.get(artifact)
            segments += [_reference(artifact), Segment(spaced(str(summary or "")))]
            if record.kind == "picture" and not record.view and room > 0:
                segments.append(Segment("", image=artifact))
                room -= 1
        return segments


def spaced(text: str) -> str:
    """Return the words of `text`, each with one space before it."""
    words = text.split()
    return " " + " ".join(words) if words else ""


def _told(error: CallError) -> str:
    """Return what is read of an error; why a skill is unavailable is left out: it names files and packages here."""
    return error.message.partition(": ")[0] if error.type == "unavailable" else error.message


def _target(text: str) -> Segment:
    return Segment(text, markup=True, target=True)


def has_token(reference: str) -> bool:
    """Return whether an id (of an artifact or a call) has a control token of its own."""
    prefix, _, number = reference.rpartition("_")
    if not number.isdigit():
        return False
    limit = CALLS if prefix == "call" else IDS if prefix in PREFIXES.values() else 0
    return 1 <= int(number) <= limit


def _reference(reference: str, *, target: bool = False) -> Segment:
    if has_token(reference):
        return Segment(f"<{reference}>", markup=True, target=target)
    return Segment(f" {reference}", target=target)


def _argument(value: object) -> list[Segment]:
    if isinstance(value, str) and (match := REFERENCE.match(value)) and has_token(match[1]):
        segments = [_reference(match[1], target=True)]
        return segments + ([_target(f"<[{match[2]}]>")] if match[2] else [])
    if isinstance(value, Sequence) and not isinstance(value, str):
        segments = []
        for i, item in enumerate(value):
            segments += ([_target("<,>")] if i else []) + _argument(item)
        return segments
    written = str(value).lower() if isinstance(value, bool) else str(value)
    return [Segment(spaced(written), target=True)]


def _answer(answer: str) -> list[Segment]:
    segments: list[Segment] = []
    at = 0
    for match in PATTERN.finditer(answer):
        segments.append(_said(answer[at : match.start()], first=at == 0))
        markup = f"<{match[1]}>" + (f"<[{match[2]}]>" if match[2] else "") + (f"<.{match[3]}>" if match[3] else "")
        segments.append(_target(markup))
        at = match.end()
    segments.append(_said(answer[at:], first=at == 0))
    return [segment for segment in segments if segment.text]


def _said(text: str, *, first: bool) -> Segment:
    """Return text of an answer; behind a citation it keeps its own space, so "[num_1]." stays as written."""
    words = spaced(text)
    return Segment(words if first or text[:1].isspace() else words[1:], target=True)
