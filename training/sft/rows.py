"""Traces to samples: what the model reads, which tokens are trained, and why a row is refused; nothing is ever cut."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from agent.rendering import Rendering
from agent.saved import store_of
from agent.segments import Encoded, Segment
from agent.trace import PlannerOutput, Trace
from skills import InputError, Param, Picture, Skill
from skills.pictures import read_picture
from skills.registry import Registry
from skills.store import Artifact, Artifacts, Store
from tool_data.formats.base import Refused
from tool_data.formats.llava_cot import STAGES
from tool_data.formats.tools import tools_of
from tool_data.jsonl import lines
from tool_data.others import unable

_STAGED = re.compile(r"\s*".join(rf"<{stage}>\s*\S(?:(?!</?{stage}>).)*</{stage}>" for stage in STAGES[:3]), re.DOTALL)


@dataclass(frozen=True)
class Place:
    """Where the pictures of a file's rows lie."""

    store: Path
    """Folder of payloads by SHA-256."""
    pictures: Path
    """Folder that an imported data set's own names are relative to."""

    @classmethod
    def beside(cls, file: Path, pictures: Path | None) -> "Place":
        """Return the places of a file: FILE.store, and `pictures` or the file's folder."""
        return cls(store_of(file), pictures or file.parent)

    def picture(self, name: str, record: Artifact) -> Picture:
        """Return a picture; raises Refused where it is not there."""
        try:
            if not record.sha256:
                return read_picture(self.pictures / record.path)[0]
            value = Store(self.store).value(record)
        except (KeyError, InputError, OSError, ValueError) as error:
            raise Refused(f"picture {name!r} cannot be read: {error.args[0] if error.args else error}") from None
        if not isinstance(value, Picture):
            raise Refused(f"{name!r} is shown as a picture and is a value of the kind {record.kind!r}")
        return value


@dataclass(frozen=True)
class Shown:
    """One picture of a sample."""

    name: str
    """Its id in the trace."""
    record: Artifact
    """Its record."""
    place: Place
    """Where its bytes lie."""


@dataclass(frozen=True)
class Sample:
    """One row as tokens."""

    row: str
    """The row's id."""
    ids: Any
    """(T,) int32 tokens, up to the last that is trained."""
    targets: Any
    """(T,) bool: True for the tokens the planner wrote, its end of turn among them."""
    pictures: tuple[Shown, ...]
    """Its pictures, in the order their tokens stand."""

    @property
    def supervised(self) -> int:
        """Tokens that are trained."""
        return int(self.targets.sum())


@dataclass(frozen=True)
class Rows:
    """What became of the rows of a run's files."""

    samples: list[Sample]
    """Those that are trained on."""
    refused: list[tuple[str, str]]
    """(row, why) of the others."""


class Encoder:
    """Encodes traces for one checkpoint as its planner reads them."""

    def __init__(self, rendering: Rendering, longest: int, *, stages: bool = False) -> None:
        """Use a checkpoint's rendering; a sample has at most `longest` tokens, with `stages` in LLaVA-o1's form."""
        self.rendering = rendering
        self.longest = longest
        self.stages = stages
        self._known = {skill.name: skill for skill in Registry.load().offer()}
        self._counts: dict[str, int] = {}

    def sample(self, trace: Trace, place: Place) -> Sample:
        """Return a trace as a sample; raises Refused that says why it cannot be one."""
        if unknown := {name for turn in trace.turns for name in (*turn.images, *turn.marks)} - trace.artifacts.keys():
            raise Refused(f"a request shows {min(unknown)!r}, of which the row has no record; add it to `artifacts`")
        outputs = [step.output for turn in trace.turns for step in turn.steps]
        if not outputs:
            raise Refused("the planner wrote nothing in it, so that no token would be trained")
        for number, output in enumerate(outputs, start=1):
            if output.malformed is not None:
                raise Refused(f"pass {number} of the planner is malformed; it would learn to write that")
            if self.stages and not output.calls and not _staged(output):
                raise Refused(f"the answer of pass {number} has not the four stages of LLaVA-o1 ({', '.join(STAGES)})")
        segments = self.segments(trace, place)
        told = sum(now.target and not before.target for before, now in pairwise(segments))
        if told != len(outputs):
            raise Refused(
                f"{told} of the planner's {len(outputs)} passes can be told apart as the template writes them; "
                "expected one that ends each with the model's end token and writes earlier ones as they were"
            )
        encoded = self.rendering.encode(segments, lambda name: self._count(name, trace, place))
        return self._cut(trace, place, encoded)

    def segments(self, trace: Trace, place: Place) -> list[Segment]:
        """Return what the planner reads and writes of a trace, its own words marked; raises Refused."""
        template = self.rendering.template
        if template is not None:
            return template.written(trace, tools_of(trace))
        skills = [self._known.get(tool["function"]["name"]) or _skill(tool) for tool in tools_of(trace)]
        try:
            return self.rendering.segments(trace, skills, Artifacts(Store(place.store), trace.artifacts))
        except (InputError, KeyError) as error:
            raise Refused(str(error.args[0])) from None

    def _cut(self, trace: Trace, place: Place, encoded: Encoded) -> Sample:
        """Return the sample without what stands behind its last trained token, which changes nothing."""
        targets = np.array(encoded.targets, dtype=bool)
        end = int(targets.nonzero()[0][-1]) + 1
        if end > self.longest:
            raise Refused(f"it has {end} tokens, {self.longest} fit; leave it out or raise the limit, it is never cut")
        shown = tuple(Shown(name, trace.artifacts[name], place) for at, name in encoded.images if at < end)
        return Sample(trace.id, np.array(encoded.ids[:end], dtype=np.int32), targets[:end], shown)

    def _count(self, name: str, trace: Trace, place: Place) -> int:
        """Return how many tokens a picture takes; its bytes are read once."""
        record = trace.artifacts[name]
        key = record.sha256 or str(place.pictures / record.path)
        if key not in self._counts:
            self._counts[key] = self.rendering.prepare(place.picture(name, record))[0]
        return self._counts[key]


def _staged(output: PlannerOutput) -> bool:
    """Return whether an answer has three stages before it and is one itself, none of them empty or written twice."""
    return bool(_STAGED.fullmatch(output.thought.strip()) and (output.answer or "").strip())


def _skill(tool: Mapping[str, Any]) -> Skill[..., Any]:
    """Return a skill that stands in an offer as a function schema says; raises Refused for a schema that is none."""
    function = tool.get("function", tool)
    told = function.get("parameters") or {}
    required = (told.get("required") or ()) if isinstance(told, Mapping) else None
    if not isinstance(required, list | tuple) or not isinstance(told.get("properties") or {}, Mapping):
        raise Refused(
            f"the parameters of the tool {function['name']!r} are no JSON schema; expected an object with `properties` "
            "and a list `required`"
        )
    params = tuple(
        Param(name=name, kind="picture", required=False, filled=True)
        if name == "image"
        else Param(name=name, kind="text", required=name in required)
        for name in told.get("properties") or {}
    )
    return unable(function["name"], function.get("description", ""), params)


def read_rows(files: Sequence[Path], encoder: Encoder, pictures: Path | None = None) -> Rows:
    """Read the rows of files of Traces; those that cannot be trained on stand in `refused` with the reason.

    Raises InputError for a file that is not there.
    """
    rows = Rows([], [])
    for file in files:
        for name, sample, why in _read(file, encoder, Place.beside(file, pictures)):
            if sample is None:
                rows.refused.append((name, why))
            else:
                rows.samples.append(sample)
    return rows


def _read(file: Path, encoder: Encoder, place: Place) -> Iterator[tuple[str, Sample | None, str]]:
    for line in lines(file):
        if line.trace is None:
            yield f"{file.name}:{line.number}", None, line.problem
            continue
        try:
            yield line.trace.id, encoder.sample(line.trace, place), ""
        except Refused as refused:
            yield f"{file.name}:{line.number} ({line.trace.id})", None, str(refused)
