"""Plays held-out rows: earlier turns as they are told, the last one by the planner that is measured."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from agent import Agent, Chat
from agent.planner import CallReady, Delta, Planner
from agent.trace import PlannerOutput, ToolCall, Trace, Turn
from skills import Boxes, Cancel, InputError, Line, Masks, Number, Param, Picture, Points, Skill, Text, Value
from skills.registry import AnySkill, Registry
from skills.store import Artifacts
from tool_data.formats.base import rows
from tool_data.others import unable
from tool_data.pictures import KINDS
from tool_data.pictures import pool as draw_pool
from tool_data.returned import returned

HELDOUT = Path(__file__).parent.parent / "tool_data" / "heldout"
"""Requests with gold calls, one JSON line each, written apart from the training phrasings."""

SIDE = 320
"""Side of a row's picture, pixels."""

SEED = 77_000
"""The pictures of held-out rows are drawn from this seed; training draws from other ones."""

TURNS = 8
"""Results recorded per skill: more calls in one turn than any gold row has."""

RUN = ("blur", "erase", "crop", "cut_out", "annotate", "rotate", "adjust", "calculate")
"""Skills that run as ever, so that frames are what they are; the others answer from records."""

BESIDE = 4
"""Other unseen skills that stand on offer beside the one a row asks for."""


def read_rows(files: Iterable[Path], limit: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the rows of held-out files, at most `limit` of each; raises InputError for a missing or damaged file."""
    for path in files:
        if not path.is_file():
            raise InputError(f"no held-out file at {str(path)!r}")
        yield from islice(rows(path), limit or None)


def unseen_skills(path: Path = HELDOUT / "unseen_skills.json") -> dict[str, AnySkill]:
    """Return name -> skill that training never held; none of them can run."""
    found = {}
    for row in json.loads(path.read_text(encoding="utf-8")):
        params = [
            Param(name="image", kind="picture", required=False, filled=True)
            if told == "image"
            else Param(name=told["name"], kind=told["kind"], required=True)
            for told in row["params"]
        ]
        found[row["name"]] = unable(row["name"], row["description"], tuple(params))
    return found


class Told:
    """A planner that makes the calls of gold steps, for earlier turns and for proving that rows can be played."""

    name = "told"
    checkpoint = ""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self.steps: Sequence[Sequence[Mapping[str, Any]]] = ()

    def plan(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[Delta | CallReady | PlannerOutput]:
        """Yield the next gold step with "$1" and "$mark" filled in, an answer once all are made."""
        turn = trace.turn
        if len(turn.steps) == len(self.steps):
            yield PlannerOutput(answer="Done.")
            return
        made = [seen.artifacts for step in turn.steps for seen in step.observations]
        first = trace.call_count + 1
        calls = [
            ToolCall(id=f"call_{first + n}", name=call["name"], args=_filled(call["args"], made, turn.marks))
            for n, call in enumerate(self.steps[len(turn.steps)])
        ]
        yield PlannerOutput(calls=tuple(calls))


def _filled(value: Any, made: Sequence[Sequence[str]], marks: Sequence[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(item, made, marks) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, made, marks) for item in value]
    if value in (">1", "<1"):
        return 1.5 if value == ">1" else 0.6
    if not (isinstance(value, str) and value.startswith("$")):
        return value
    name, bracket, element = value[1:].partition("[")
    return (marks[0] if name == "mark" else made[int(name) - 1][0]) + bracket + element


class Player:
    """Plays rows with one planner."""

    def __init__(self, planner: Planner | str, *, swapped: bool = False, added: Sequence[AnySkill] = ()) -> None:
        """Use a planner; with `swapped` every row is shown a picture of another kind than its own.

        `added` skills stand behind the contract's in every offer; they do not run.
        """
        self.swapped = swapped
        self.added = {skill.name: skill for skill in added}
        self.unseen = {name: skill for name, skill in unseen_skills().items() if name not in self.added}
        self.agent = Agent(planner, skills=[*added, *self.unseen.values()], max_steps=TURNS)
        self._told = Told()
        self._past = Agent(self._told, max_steps=TURNS)
        self._own = [skill.name for skill in Registry.load().offer()]

    def play(self, row: Mapping[str, Any]) -> Turn:
        """Return the last turn of a row."""
        return self._play(row, self.agent)

    def prove(self, row: Mapping[str, Any]) -> Turn:
        """Return the last turn of a row as its gold calls make it."""
        self._told.steps = row["calls"]
        agent = Agent(self._told, skills=list(self.unseen.values()), max_steps=TURNS)
        return self._play(row, agent)

    def _play(self, row: Mapping[str, Any], agent: Agent) -> Turn:
        results = self._results(row)
        offer = self._offer(row)
        images = [] if row.get("picture") == "none" else [self._picture(row)]
        past = Chat(self._past, results=results)
        gold, earlier = self._told.steps, row.get("before", ())
        for told in earlier:
            self._told.steps = told["calls"]
            past.ask(told["request"], images, region=_region(told.get("mark")))
            images = []
        self._told.steps = gold
        chat = Chat(agent, trace=past.trace if earlier else None, store=past.store, results=results, offer=offer)
        return chat.ask(row["request"], images, region=_region(row.get("mark"))).turn

    def _offer(self, row: Mapping[str, Any]) -> list[str]:
        """Return what is on offer: the contract's skills but those withheld, and the added ones.

        With an unseen one, a few more of them.
        """
        own = [*(name for name in self._own if name not in row.get("withheld", ())), *self.added]
        if row["group"] != "unseen":
            return own
        names = list(self.unseen)
        first = names.index(row["calls"][0][0]["name"]) - zlib.crc32(row["id"].encode()) % (BESIDE + 1)
        return [*own, *(names[(first + n) % len(names)] for n in range(BESIDE + 1))]

    def _results(self, row: Mapping[str, Any]) -> dict[str, list[Value | tuple[Value, ...]]]:
        """Return recorded results of every skill, but of those that a row is to find unavailable."""
        missing = {call["name"] for step in row["calls"] for call in step} if row["group"] == "unavailable" else set()
        names = [name for name in [*self._own, *self.unseen] if name not in missing and name not in RUN]
        told: dict[str, list[Value | tuple[Value, ...]]] = {name: [_result(name)] * TURNS for name in names}
        told.update({name: [_added_result(skill)] * TURNS for name, skill in self.added.items()})
        return told

    def _picture(self, row: Mapping[str, Any]) -> Picture:
        kind = row["picture"]
        if self.swapped:
            kinds = list(KINDS)
            kind = kinds[(kinds.index(kind) + 1 + zlib.crc32(row["id"].encode()) % (len(kinds) - 1)) % len(kinds)]
        choices = _pictures()[kind]
        return choices[zlib.crc32(row["id"].encode()) % len(choices)]


@lru_cache(maxsize=1)
def _pictures() -> dict[str, list[Picture]]:
    """Return what a picture shows -> pictures that training never drew."""
    from PIL import Image

    pool = draw_pool(160, SEED)
    large = {d: p.resize((SIDE, SIDE), Image.Resampling.BICUBIC) for d, p in pool.pictures.items()}
    return {kind: [Picture.from_image(large[d]) for d in digests] for kind, digests in pool.kinds.items()}


def _region(mark: str | None) -> list[float] | None:
    return {"box": [0.2, 0.2, 0.7, 0.8], "point": [0.5, 0.5]}.get(mark or "")


_BOXES = ((30.0, 40.0, 120.0, 160.0), (180.0, 60.0, 260.0, 170.0))
_SAID = Text.of("a quiet street in the evening")


def _result(name: str) -> Value | tuple[Value, ...]:
    """Return a plausible result of a skill, enough for a next step to work on."""
    if name in ("find_faces", "detect"):
        label = "face" if name == "find_faces" else "thing"
        return Boxes(xyxy=_BOXES, scores=(0.9, 0.8), labels=(label, label))
    if name in ("read_text", "read_code"):
        return Text(lines=tuple(Line(text=t, box=b) for t, b in zip(("Open daily", "Gate four"), _BOXES, strict=True)))
    if name in ("segment", "segment_scene", "segment_like"):
        masks = _mask()
        return (masks, _blank().model_copy(update={"view": True})) if name == "segment_scene" else masks
    if name == "estimate_depth":
        return _blank().model_copy(update={"view": True})
    if name in ("tag", "caption", "retrieve", "moderate"):
        return _SAID
    return _blank()


def _added_result(skill: AnySkill) -> tuple[Value, ...]:
    """Return a result of the kinds an added skill returns, a text where it does not say."""
    made: dict[str, Value] = {
        "picture": _blank(),
        "boxes": Boxes(xyxy=_BOXES, scores=(0.9, 0.8), labels=("thing", "thing")),
        "masks": _mask(),
        "points": Points(xy=((40.0, 60.0),)),
        "text": _SAID,
        "number": Number(value=7),
    }
    return tuple(made[kind] for kind in returned(skill) or ("text",))


def _mask() -> Masks:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[40:160, 30:120] = True
    return Masks.from_arrays([mask])


@lru_cache(maxsize=1)
def _blank() -> Picture:
    return Picture.from_array(np.full((SIDE, SIDE, 3), 128, dtype=np.uint8))
