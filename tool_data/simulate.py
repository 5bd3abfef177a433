"""A simulated world: what skills would have made, written exactly as the executor writes it.

No skill runs; pictures are records without pixels whose payload is one of a pool of drawn pictures.
"""

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from agent.slots import CALLS, IDS
from agent.trace import CallError, ErrorType, Observation, ToolCall
from skills import Boxes, Line, Masks, Number, Picture, Points, Skill, Text, Value
from skills.describe import describe, summary
from skills.registry import CONTRACT, AnySkill
from skills.store import Artifact
from skills.values import PREFIXES, Rle, value_bytes

from .requests import Words
from .returned import FOUND, returned

Outcome = Literal["success", "empty", "unavailable", "deadline", "skill_error", "out_of_memory"]
"""How a simulated call ends; "empty" is a success that found nothing."""

FINDERS = ("find_faces", "detect", "read_text", "read_code", "segment_like", "retrieve")
"""Skills that may find nothing."""

FLAT_MASK = 16
"""Side of a simulated mask in pixels; its share of the picture is all that is described."""


class World:
    """The artifacts of one simulated chat."""

    def __init__(
        self, rng: random.Random, words: Words, pool: Mapping[str, Sequence[str]], *, content: bool, first: int = 1
    ) -> None:
        """Start an empty world; `pool` is what pictures show -> payload hashes, `first` the first number of ids.

        `content` fills `Observation.content`; training rows do without it.
        """
        self.rng, self.words, self.pool, self.content = rng, words, pool, content
        self.artifacts: dict[str, Artifact] = {}
        self.values: dict[str, Value] = {}
        self._next = dict.fromkeys(PREFIXES.values(), first)
        self._call = first if first == 1 else rng.randint(1, CALLS - 12)

    def room(self) -> bool:
        """Return whether ids and calls are left for another turn."""
        return max(self._next.values()) <= IDS - 4 and self._call <= CALLS - 4

    def next_call(self) -> str:
        """Return the id of the next call."""
        self._call += 1
        return f"call_{self._call - 1}"

    def add(self, value: Value, source: str = "user", shows: str = "") -> str:
        """Record a value and return its id; `shows` chooses the payload of a picture, at random where empty."""
        prefix = PREFIXES[value.kind]
        name = f"{prefix}_{self._next[prefix]}"
        self._next[prefix] += 1
        frame = getattr(value, "frame", "")
        picture = isinstance(value, Picture)
        if picture and not frame:
            frame = name
            value = value.model_copy(update={"frame": name})
        payloads = self.pool[shows or self.rng.choice(list(self.pool))]
        digest = self.rng.choice(payloads) if picture else hashlib.sha256(value_bytes(value)).hexdigest()
        self.artifacts[name] = Artifact(
            kind=value.kind,
            sha256=digest,
            media_type="image/png" if picture else "application/json",
            size=value.size if isinstance(value, Picture) else None,
            frame=frame,
            view=getattr(value, "view", False),
            source=source,
            untrusted=getattr(value, "untrusted", False),
        )
        self.values[name] = value
        return name

    def picture(self, source: str = "user", shows: str = "", **fields: Any) -> str:
        """Record a picture without pixels; `shows` says of what, `fields` are size, mode, frame, view."""
        size = (
            self.rng.choice((64, 96, 240, 320, 480, 512, 640, 800, 1024)),
            self.rng.choice((64, 256, 480, 512, 768)),
        )
        made = {"kind": "picture", "pixels": b"", "size": size, "mode": "RGB", "frame": "", "view": False, **fields}
        return self.add(Picture.model_construct(**made), source, shows)

    def mark(self, *, point: bool) -> str:
        """Record a box or a point that the user drew on the newest picture."""
        frame = self.frame_of(self.newest() or "")
        if point:
            return self.add(Points(xy=(self._point(),), frame=frame))
        return self.add(Boxes(xyxy=(self._box(),), frame=frame))

    def newest(self) -> str | None:
        """Return the newest picture that is not a view."""
        pictures = [n for n, a in self.artifacts.items() if a.kind == "picture" and not a.view]
        return pictures[-1] if pictures else None

    def frame_of(self, name: str) -> str:
        """Return the frame of an artifact, or an empty string."""
        return self.artifacts[name].frame if name in self.artifacts else ""

    def words_of(self, words: Words) -> Words:
        """Return the words that a request is filled from."""
        return words

    def outcome(self, seen: Observation) -> Outcome:
        """Return how a call ended."""
        if seen.error is not None:
            return seen.error.type if seen.error.type in get_args(Outcome) else "skill_error"  # type: ignore[return-value]
        values: list[Any] = [self.values[name] for name in seen.artifacts]
        return "empty" if hasattr(values[0], "__len__") and len(values[0]) == 0 else "success"

    def run(self, call: ToolCall, skill: AnySkill, contract: str) -> Observation:
        """Return what the executor would say of a call to `skill`, which the contract calls `contract`."""
        outcome = self._drawn(skill, contract)
        if outcome not in ("success", "empty"):
            error = CallError(type=_TYPES[outcome], message=_message(skill, outcome))
            content = f"{error.type}: {error.message}" if self.content else ""
            return Observation(
                tool_call_id=call.id, status="error", error=error, args=call.args, content=content, simulated=True
            )
        if kinds := returned(skill) if contract not in CONTRACT else ():
            ids = tuple(self._returned(kind, call, empty=outcome == "empty") for kind in kinds)
        else:
            ids = self._make(call, "" if skill.source == "made up" else contract, empty=outcome == "empty")
        data = {name: summary(self.values[name]) for name in ids}
        lines = [describe(n, self.values[n], self._size(n)) for n in ids] if self.content else []
        return Observation(
            tool_call_id=call.id, status="success", args=call.args, content="\n".join(lines), data=data, artifacts=ids,
            simulated=True,
        )  # fmt: skip

    def _drawn(self, skill: AnySkill, contract: str) -> Outcome:
        """Draw how a call ends."""
        at = self.rng.random()
        if needs_weights(skill) and at < 0.6:
            return "unavailable"
        finds = contract in FINDERS if contract in CONTRACT else bool(set(returned(skill)) & set(FOUND))
        if finds and at > 0.9:
            return "empty"
        if 0.6 < at < 0.63:
            return self.rng.choice(("deadline", "skill_error", "out_of_memory", "unavailable"))
        return "success"

    def _size(self, name: str) -> tuple[int, int] | None:
        frame = self.frame_of(name)
        return self.artifacts[frame].size if frame in self.artifacts else None

    def _returned(self, kind: str, call: ToolCall, *, empty: bool) -> str:
        """Record a value of a kind as what a call made and return its id."""
        if kind == "picture":
            return self.picture(call.id)
        frame = self.frame_of(_written_picture(call, self) or self.newest() or "")
        made: Mapping[str, Callable[[], Value]] = {
            "boxes": lambda: self._boxes(call, "", frame, empty=empty),
            "masks": lambda: self._masks(frame, empty=empty, named=False),
            "points": lambda: Points(xy=() if empty else (self._point(),), frame=frame),
            "text": lambda: self._text("", "", empty=False),
            "number": lambda: Number(value=self._number()),
        }
        return self.add(made[kind](), call.id)

    def _make(self, call: ToolCall, contract: str, *, empty: bool) -> tuple[str, ...]:
        image = _written_picture(call, self) or self.newest() or ""
        frame = self.frame_of(image)
        if contract in _SAME_FRAME:
            return (
                self.picture(
                    call.id, size=self.artifacts[image].size or (64, 64), frame=frame, **_SAME_FRAME[contract]
                ),
            )
        if contract in ("crop", "rotate", "generate", "generate_from"):
            return (self.picture(call.id),)
        if contract in ("segment", "segment_like", "segment_scene"):
            masks = (self.add(self._masks(frame, empty=empty, named=contract == "segment_scene"), call.id),)
            view = contract == "segment_scene"
            return (*masks, self.picture(call.id, frame=frame, view=True)) if view else masks
        if contract in ("find_faces", "detect"):
            return (self.add(self._boxes(call, contract, frame, empty=empty), call.id),)
        if contract == "calculate":
            return (self.add(Number(value=self._number()), call.id),)
        return (self.add(self._text(contract, frame, empty=empty), call.id),)

    def _number(self) -> int | float:
        whole = self.rng.randint(-99, 10 ** self.rng.randint(1, 7))
        return whole if self.rng.random() < 0.6 else whole + round(self.rng.random(), 3)

    def _point(self) -> tuple[float, float]:
        return (self.rng.uniform(1, 60), self.rng.uniform(1, 60))

    def _box(self) -> tuple[float, float, float, float]:
        x, y = self.rng.uniform(0, 50), self.rng.uniform(0, 50)
        return (x, y, x + self.rng.uniform(4, 14), y + self.rng.uniform(4, 14))

    def _boxes(self, call: ToolCall, contract: str, frame: str, *, empty: bool) -> Boxes:
        count = 0 if empty else self.rng.choice((1, 1, 1, 2, 2, 3, 4, 6, 9))
        wanted = call.args.get("objects")
        names = [str(n) for n in wanted] if isinstance(wanted, list) and wanted else ["thing"]
        labels = tuple("face" if contract == "find_faces" else self.rng.choice(names) for _ in range(count))
        scores = tuple(round(self.rng.uniform(0.3, 1), 3) for _ in range(count))
        return Boxes(xyxy=tuple(self._box() for _ in range(count)), labels=labels, scores=scores, frame=frame)

    def _masks(self, frame: str, *, empty: bool, named: bool) -> Masks:
        count = 0 if empty else self.rng.choice((1, 1, 2, 3, 5))
        labels = tuple(
            self.rng.choice(("sky", "road", "wall", "ground", "tree", "water")) for _ in range(count if named else 0)
        )
        return Masks(rle=(_FLAT,) * count, labels=labels, frame=frame)

    def _text(self, contract: str, frame: str, *, empty: bool) -> Text:
        count = 0 if empty else 1 if contract in ("caption", "moderate") else self.rng.choice((1, 1, 2, 3, 5, 8))
        boxed = contract in ("read_text", "read_code")
        lines = tuple(
            Line(text=self._line(), box=self._box() if boxed else None, score=0.9 if boxed else None)
            for _ in range(count)
        )
        untrusted = contract in ("read_text", "read_code", "retrieve")
        return Text(lines=lines, frame=frame if boxed else "", untrusted=untrusted)

    def _line(self) -> str:
        language: Literal["en", "es"] = self.rng.choice(("en", "es"))
        written = " ".join(self.words.word(language, self.rng) for _ in range(self.rng.randint(1, 6)))
        return self.rng.choice(
            (written, written.capitalize(), written.upper(), f"{written} {self.rng.randint(1, 2030)}")
        )


_FLAT = Rle(size=(FLAT_MASK, FLAT_MASK), counts="04<000000000000000000000000000000")
_SAME_FRAME: Mapping[str, Mapping[str, Any]] = {
    "blur": {}, "erase": {}, "adjust": {}, "inpaint": {}, "edit": {}, "cut_out": {"mode": "RGBA"},
    "annotate": {"view": True}, "estimate_depth": {"view": True},
}  # fmt: skip
_TYPES: Mapping[Outcome, ErrorType] = {
    "unavailable": "unavailable", "deadline": "deadline",
    "skill_error": "skill_error", "out_of_memory": "out_of_memory",
}  # fmt: skip


def needs_weights(skill: AnySkill) -> bool:
    """Return whether a skill runs nowhere, or where a checkpoint was pulled: simulated calls find it unavailable."""
    return skill.run is None or bool(skill.chosen and skill.chosen.checkpoint)


def _message(skill: Skill[..., Any], outcome: Outcome) -> str:
    """Return the executor's own words for a call that failed so."""
    told: Mapping[Outcome, Callable[[], str]] = {
        "unavailable": lambda: f"{skill.name} cannot run here: {skill.mend or 'a package is missing; install it'}",
        "deadline": lambda: f"{skill.name} took longer than 120 s and was abandoned; try something smaller",
        "out_of_memory": lambda: f"{skill.name} ran out of memory; try a smaller picture (crop it first)",
        "skill_error": lambda: "the region is empty, nothing would be changed; name another region",
    }
    return told[outcome]()


def _written_picture(call: ToolCall, world: World) -> str | None:
    """Return the picture a call names, or the newest in the frame of its region."""
    if isinstance(written := call.args.get("image"), str):
        return written
    for value in call.args.values():
        name = value.partition("[")[0] if isinstance(value, str) else ""
        frame = world.frame_of(name)
        fitting = [n for n, a in world.artifacts.items() if a.kind == "picture" and not a.view and a.frame == frame]
        if frame and fitting:
            return fitting[-1]
    return None
