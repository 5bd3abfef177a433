"""What a planner is measured against: its own weights shuffled, and the nearest request of its training."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from agent.planner import CallReady, Delta
from agent.planners.llava import LlavaPlanner, load_planner
from agent.trace import PlannerOutput, Trace
from skills import Cancel, Skill
from skills.store import Artifacts
from tool_data.material import Material
from tool_data.nearest import Index, words
from tool_data.phrasings import SLOT, Call
from tool_data.requests import number

from .play import Told


def shuffled(where: str, seed: int = 0) -> LlavaPlanner:
    """Return a planner with every weight table's numbers in random order: what the grammar alone achieves."""
    import torch

    planner = load_planner(where)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in planner.decoder.model.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return planner


class Nearest:
    """A planner that does what the nearest request of the training data stands for."""

    name = "nearest"
    checkpoint = ""

    def __init__(self, material: Material | None = None) -> None:
        """Index the training requests."""
        self._index = Index(material or Material.load())
        self._told = Told()

    def plan(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[Delta | CallReady | PlannerOutput]:
        """Yield the next step of the nearest request's intent; its slots take the words that the two do not share."""
        if any(seen.error for step in trace.turn.steps for seen in step.observations):
            yield PlannerOutput(answer="Done.")
            return
        request = trace.turn.request
        near = self._index.nearest(request)
        offered = {skill.name for skill in skills}
        steps = near.intent.steps if near.intent else ()
        if any(step.skill not in offered for step in steps):
            steps = ()
        rest = " ".join(w for w in request.split() if not words(w) <= words(near.text))
        known = {name.rpartition("_")[0]: name for name in artifacts.records}
        marked = bool(trace.turn.marks)
        self._told.steps = [[{"name": s.skill, "args": _arguments(s, rest, known, marked)}] for s in steps]
        yield from self._told.plan(trace, skills, artifacts, cancel)


def _arguments(step: Call, rest: str, known: dict[str, str], marked: bool) -> dict[str, Any]:
    """Return a step's arguments: slots take `rest`, earlier results the newest id; what does not exist is left out."""

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(item) for item in value]
        if not isinstance(value, str):
            return value
        named = re.match(r"\$([a-z_]+)(.*)", value)
        if named and named[1] != "mark":
            return known[named[1]] + named[2] if named[1] in known else None
        if named and not marked:
            return None
        if "{degrees}" in value:
            digits = re.search(r"\d+(\.\d+)?", rest)
            return number(value.replace("{degrees}", digits[0])) if digits else None
        return (SLOT.sub(lambda _: rest, value) or "x") if SLOT.search(value) else value

    args = {name: filled(value) for name, value in step.args.items()}
    return {name: value for name, value in args.items() if value is not None}
