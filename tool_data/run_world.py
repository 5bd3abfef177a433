"""A world whose skills run: each call goes through the executor once, over pictures that are really there."""

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.arguments import Bound, bind
from agent.executor import Executor
from agent.replay import Replay, note_of
from agent.trace import Observation, ToolCall, Trace
from skills import Boxes, Cancel, Picture, Points, SkillError, SkillResult, Value
from skills.registry import AnySkill
from skills.runtime import Runtime
from skills.store import Artifacts, Store

from .gallery import Gallery
from .phrasings import LANGUAGES
from .requests import Words
from .results import Results, key_of
from .scene_truth import named, told
from .simulate import World

THERE = 0.75
"""Share of the things asked for that a drawn picture really shows, where its truth is known."""


@dataclass(frozen=True)
class Stage:
    """What the worlds of one gallery share."""

    gallery: Gallery
    """The pictures."""
    store: Store
    """Where payloads go."""
    results: Results
    """What ran already."""
    runtime: Runtime
    """Keeps models."""
    folder: Path
    """What `retrieve` searches."""
    deadline: float = 120.0
    """Seconds a call may take."""


class RunWorld(World):
    """The artifacts of one chat, made by skills that ran."""

    def __init__(self, rng: random.Random, words: Words, stage: Stage) -> None:
        """Start an empty world."""
        super().__init__(rng, words, stage.gallery.kinds, content=True)
        self.stage = stage
        self.table = Artifacts(stage.store)

    def add(self, value: Value, source: str = "user", shows: str = "") -> str:
        """Store a value and return its id."""
        name = self.table.add(value, source)
        self._look()
        return name

    def _look(self) -> None:
        """Take over what the table holds."""
        for name, record in self.table.records.items():
            if name not in self.artifacts:
                self.artifacts[name], self.values[name] = record, self.table.value(name)

    def room(self) -> bool:
        """Return True: ids are counted as they come."""
        return True

    def picture(self, source: str = "user", shows: str = "", **fields: Any) -> str:
        """Add one of the gallery's pictures, of a kind where `shows` names one."""
        hashes = self.pool[shows or self.rng.choice(list(self.pool))]
        return self.add(self.stage.gallery.pictures[self.rng.choice(hashes)], source)

    def mark(self, *, point: bool) -> str:
        """Add a box or a point on the newest picture: round a thing of the scene where its truth is known."""
        name = self.newest() or ""
        size = self.artifacts[name].size or (1, 1)
        scene = self.stage.gallery.scenes.get(self.artifacts[name].sha256)
        known = [] if scene is None else scene.boxes
        x, y = (self.rng.uniform(0, 0.6) * length for length in size)
        drawn = (x, y, x + self.rng.uniform(0.2, 0.4) * size[0], y + self.rng.uniform(0.2, 0.4) * size[1])
        box = self.rng.choice(known) if known else drawn
        frame = self.frame_of(name)
        if point:
            return self.add(Points(xy=(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2),), frame=frame))
        return self.add(Boxes(xyxy=(box,), frame=frame))

    def words_of(self, words: Words) -> Words:
        """Return the words with the newest picture's things among the objects, where its truth is known."""
        name = self.newest()
        scene = self.stage.gallery.scenes.get(self.artifacts[name].sha256) if name else None
        if scene is None or not scene.things or self.rng.random() > THERE:
            return words
        shown = {n: tuple(said for thing in scene.things for said in named(thing, n)) for n in LANGUAGES}
        return replace(words, lists={**words.lists, "object": shown, "class": shown})

    def run(self, call: ToolCall, skill: AnySkill, contract: str) -> Observation:
        """Run a call through the executor, or take what an equal one gave, or what the scene's truth says."""
        if skill.source == "made up":
            return super().run(call, skill, contract)
        try:
            bound = bind(skill, call.args, self.table)
        except SkillError:
            return self._executed(call, skill, None)
        if skill.unavailable():
            known = self._told(contract, bound)
            return self._executed(call, skill, known).model_copy(update={"simulated": known is not None})
        frame = next((value.frame for value in bound.values.values() if isinstance(value, Picture)), "")
        key = key_of(contract, bound.values, {**skill.settings, "folder": str(self.stage.folder.resolve())})
        if (kept := self.stage.results.get(key, frame)) is not None:
            return self._executed(call, skill, kept).model_copy(update={"cached": True})
        seen = self._executed(call, skill, None)
        if seen.status == "success":
            values = tuple(self._bare(name) for name in seen.artifacts)
            self.stage.results.put(key, SkillResult(values=values, note=note_of(seen)), frame)
        return seen

    def _bare(self, name: str) -> Value:
        """Return a value as its skill made it: a picture that is its own frame has none yet."""
        value = self.values[name]
        return value.model_copy(update={"frame": ""}) if getattr(value, "frame", "") == name else value

    def _told(self, contract: str, bound: Bound) -> SkillResult | None:
        """Return what the truth of a drawn scene says a skill would find in it."""
        image = str(bound.args.get("image", ""))
        scene = self.stage.gallery.scenes.get(self.artifacts[image].sha256) if image else None
        return told(contract, bound.values, scene) if scene is not None else None

    def _executed(self, call: ToolCall, skill: AnySkill, known: SkillResult | None) -> Observation:
        """Return what the executor says of a call; `known` stands in for the skill's result."""
        executor = Executor(
            [skill],
            deadline=self.stage.deadline,
            folder=self.stage.folder,
            runtime=self.stage.runtime,
            replay=Replay({skill.name: [known]} if known is not None else {}),
        )
        (seen,) = (
            event for event in executor.run((call,), _NOTHING, self.table, Cancel()) if isinstance(event, Observation)
        )
        self._look()
        return seen


_NOTHING = Trace(id="a call")
