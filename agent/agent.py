"""Agent and Chat: the Python door. `Agent().ask("blur the faces", images=["a.jpg"])`."""

import copy
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skills import Boxes, Cancel, InputError, Picture, Points, Skill, Value
from skills.pictures import read_picture
from skills.registry import Registry
from skills.runtime import Runtime
from skills.store import Artifacts, Store

from .events import Event, StepEnded, TurnEnded
from .executor import Executor
from .journal import Journal
from .loop import Desk, run
from .planner import Planner
from .profile import Profile, read_profile
from .replay import Replay
from .trace import Meta, Observation, Trace, Turn

if TYPE_CHECKING:
    from PIL.Image import Image

PictureInput = "str | Path | bytes | Picture | Image"
"""What counts as a picture: a path, a file's bytes, a Picture or a PIL image."""

Region = Sequence[float]
"""A box [x1, y1, x2, y2] or a point [x, y], normalised 0-1 of the newest picture given."""

_PACKAGES = ("handeye", "torch", "transformers", "pillow", "opencv-python-headless", "rapidocr")


@dataclass(frozen=True)
class Answer:
    """One finished turn, with its values at hand."""

    trace: Trace
    """The whole chat so far."""
    artifacts: Artifacts
    """Every value of it, by id."""

    @property
    def turn(self) -> Turn:
        """The turn itself."""
        return self.trace.turn

    @property
    def answer(self) -> str:
        """What was answered, citations expanded; empty where the turn did not end in an answer."""
        return self.turn.answer

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What came of every call of the turn, in order."""
        return tuple(seen for step in self.turn.steps for seen in step.observations)

    @property
    def values(self) -> dict[str, Value]:
        """Id -> value of everything this turn made, in order."""
        return {name: self.artifacts.value(name) for seen in self.observations for name in seen.artifacts}

    @property
    def images(self) -> list["Image"]:
        """The pictures this turn made, as PIL images, in order."""
        return [value.image for value in self.values.values() if isinstance(value, Picture)]


class Agent:
    """A planner, the skills on offer and an executor; make one and start as many chats as needed."""

    def __init__(
        self,
        planner: "Planner | str" = "embedded",
        *,
        offer: Sequence[str] | None = None,
        skills: Sequence[Path | str | Skill[..., Any]] = (),
        folder: Path | str = "docs",
        seed: int = 0,
        deadline: float = 120.0,
        max_steps: int = 8,
        profile: "Profile | str | None" = None,
    ) -> None:
        """Make an agent.

        `planner` is "embedded", a checkpoint's folder or hub id, or any Planner; `offer` narrows the skills;
        `skills` adds files or skills; `folder` is what `retrieve` searches; `deadline` is seconds a call. `profile`
        (read, or a name or FILE.toml) chooses the skills' models and their memory. Raises InputError for an unknown
        name or a file that cannot be used. The planner is loaded on the first turn.
        """
        files = [Path(item) for item in skills if not isinstance(item, Skill)]
        added = [item for item in skills if isinstance(item, Skill)]
        registry = Registry.load(files)
        settings = read_profile(profile) if isinstance(profile, str) else profile or Profile()
        self.registry = Registry([*registry, *added], registry.problems).configured(settings.tables, settings.name)
        self.offer = self.registry.offer(offer)
        self.folder, self.seed, self.deadline, self.max_steps = Path(folder), seed, deadline, max_steps
        self.runtime = Runtime(round(settings.memory * 1e9))
        self._planner = planner
        self._loading = threading.Lock()

    @property
    def planner(self) -> Planner:
        """The planner, loaded on first use."""
        with self._loading:
            if not isinstance(self._planner, str):
                return self._planner
            from .planners.llava import load_planner

            loaded = load_planner(self._planner)
            self._planner = loaded
            return loaded

    def with_planner(self, planner: Planner, seed: int) -> "Agent":
        """Return an agent with another planner and seed; skills, their loaded models and all settings are shared."""
        other = copy.copy(self)
        other._planner, other.seed = planner, seed
        return other

    def ask(
        self, request: str, images: Sequence[Any] = (), *, region: Region | None = None, cancel: Cancel | None = None
    ) -> Answer:
        """Answer one request about pictures in a chat of its own.

        Raises InputError for an empty request or a picture that cannot be read, and any bug of a skill.
        """
        return self.chat().ask(request, images, region=region, cancel=cancel)

    def chat(self, **options: Any) -> "Chat":
        """Start a chat; `options` are Chat's."""
        return Chat(self, **options)


class Chat:
    """One trace as it grows."""

    def __init__(
        self,
        agent: Agent,
        *,
        trace: Trace | None = None,
        trace_id: str | None = None,
        folder: Path | None = None,
        store: Store | None = None,
        offer: Sequence[str] | None = None,
        results: Mapping[str, Sequence[Value | tuple[Value, ...]]] | None = None,
        forked_from: str | None = None,
    ) -> None:
        """Start a chat, or go on with `trace` (whose payloads are in `store`).

        `folder` keeps the trace on disk; `offer` narrows the skills; `results` are recorded values that are returned
        instead of running those skills.
        """
        self.agent = agent
        skills = agent.offer if offer is None else agent.registry.offer(offer)
        replay = Replay(results)
        self.store = store or Store(folder / "store" if folder else None)
        meta = Meta(
            seed=agent.seed, offer=tuple(s.name for s in skills), replayed=replay.names, forked_from=forked_from
        )
        self.trace = trace or Trace(id=trace_id or uuid.uuid4().hex[:12], meta=meta)
        self.artifacts = Artifacts(self.store, self.trace.artifacts)
        self.skills = skills
        self.executor = Executor(
            skills,
            deadline=agent.deadline,
            folder=agent.folder,
            seed=agent.seed,
            replay=replay,
            runtime=agent.runtime,
            helpers=agent.registry,
        )
        self._journal = Journal(folder) if folder else None
        self._logged = False

    def ask(
        self, request: str, images: Sequence[Any] = (), *, region: Region | None = None, cancel: Cancel | None = None
    ) -> Answer:
        """Answer the next request; see Agent.ask."""
        for _event in self.stream(request, images, region=region, cancel=cancel):
            pass
        return Answer(self.trace, self.artifacts)

    def stream(
        self,
        request: str,
        images: Sequence[Any] = (),
        *,
        region: Region | None = None,
        marks: Sequence[Value] = (),
        cancel: Cancel | None = None,
    ) -> Iterator[Event]:
        """Answer the next request, yielding what happens; TurnEnded is the last event.

        `marks` are boxes or points the user drew, in pixels of the newest picture. Raises InputError before
        anything is added to the trace.
        """
        if not request.strip():
            raise InputError('the request is empty; say what to do, e.g. "what does it say?"')
        if request.encode("utf-8", "ignore").decode() != request:
            raise InputError(f"the request is no valid text ({request[:40]!r}); write it as UTF-8")
        read = [_read(item) for item in images]
        drawn = [self._drawn(region, read)] if region is not None else []
        planner = self.agent.planner
        self._head(planner)
        turn = self._turn(request, read, [*drawn, *marks])
        self.trace = self.trace.with_turn(turn, self.artifacts.records)
        if self._journal is not None:
            self._journal.turn(self.trace)
        desk = Desk(planner, self.executor, self.skills, self.artifacts, self.agent.max_steps)
        for event in run(self.trace, desk, cancel or Cancel()):
            if isinstance(event, StepEnded | TurnEnded):
                self.trace = event.trace
                self._log(event)
            yield event

    def _turn(self, request: str, read: Sequence[tuple[Picture, tuple[str, ...]]], marks: Sequence[Value]) -> Turn:
        """Add pictures and marks to the artifacts and return the turn that names them."""
        ids = tuple(self.artifacts.add(picture) for picture, _ in read)
        newest = self.artifacts.newest_picture()
        frame = self.artifacts.record(newest).frame if newest else ""
        framed = [mark.model_copy(update={"frame": frame}) for mark in marks]
        notes = tuple(note for _, notes in read for note in notes)
        return Turn(request=request, images=ids, marks=tuple(self.artifacts.add(m) for m in framed), notes=notes)

    def _drawn(self, region: Region, read: Sequence[tuple[Picture, tuple[str, ...]]]) -> Boxes | Points:
        """Return a region in pixels of the picture it was drawn on: the last one given, else the newest."""
        name = self.artifacts.newest_picture()
        if not read and name is None:
            raise InputError("a region was marked but there is no picture; give one")
        return mark(region, read[-1][0].size if read else self.artifacts.picture(str(name)).size)

    def _head(self, planner: Planner) -> None:
        """Complete and log the head of a trace once its planner is known."""
        if not self.trace.turns:
            meta = self.trace.meta.model_copy(
                update={"planner": planner.name, "checkpoint": planner.checkpoint, "versions": versions()}
            )
            self.trace = self.trace.model_copy(update={"meta": meta})
        if self._journal is not None and not self._logged:
            past = self.trace.turns
            self._journal.whole(self.trace) if past else self._journal.trace(self.trace)
            self._logged = True

    def _log(self, event: StepEnded | TurnEnded) -> None:
        if self._journal is None:
            return
        if isinstance(event, StepEnded):
            self._journal.step(event.trace)
        else:
            self._journal.end(event.trace)


def mark(region: Region, size: tuple[int, int]) -> Boxes | Points:
    """Return a normalised box or point as a value in pixels of a picture of `size` (width, height).

    Raises InputError where it is neither, lies outside 0-1, or is empty.
    """
    numbers = [float(n) for n in region]
    if len(numbers) not in (2, 4) or not all(0 <= n <= 1 for n in numbers):
        raise InputError(f"region {numbers!r} is no box; expected x1,y1,x2,y2 (or x,y) between 0 and 1")
    width, height = size
    if len(numbers) == 2:
        return Points(xy=((numbers[0] * width, numbers[1] * height),), include=(True,))
    x1, y1, x2, y2 = numbers
    if x1 >= x2 or y1 >= y2:
        raise InputError(f"region {numbers!r} is empty; expected x1 < x2 and y1 < y2")
    return Boxes(xyxy=((x1 * width, y1 * height, x2 * width, y2 * height),), labels=("marked",))


def _read(item: Any) -> tuple[Picture, tuple[str, ...]]:
    if isinstance(item, Picture):
        return item.model_copy(update={"frame": "", "view": False}), ()
    if isinstance(item, str | Path | bytes):
        return read_picture(item if isinstance(item, bytes) else Path(item))
    return Picture.from_image(item), ()


def versions() -> dict[str, str]:
    """Return the versions of the packages a trace depends on; what is not installed is left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
