"""Training a small planner further on new skills: `Run` with lessons, saved whole, ended early when asked."""

import logging
import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from tool_data.boards import Board
from tool_data.generate import Generator
from tool_data.material import Material

from .checkpoint import save
from .data import HARDER, REFINING, Stage
from .encode import Chats, Group
from .folder import replaced
from .forward import Seen
from .learn_keep import Keeper
from .learn_lesson import read_lessons
from .learn_source import Lessons
from .planner import Plan, Run
from .workers import Workers, together

KEEP = 3.0
"""Weight of the loss that keeps what the planner knows, see `learn_keep`."""

STAGE: Stage = replace(REFINING[0], mix=replace(HARDER, invented=0.15))
"""Offers and chats of learning: those of the planner's own later runs, fewer of them for skills that are made up.

Where four turns in ten with an added skill on offer are for it, a planner calls it whenever it is not sure.
"""


@dataclass(frozen=True)
class Course:
    """What is learnt; a process reads it anew from its files."""

    files: tuple[Path, ...]
    """Files of skills."""
    examples: tuple[Path, ...] = ()
    """Files of requests for them."""
    share: float = 0.22
    """Share of the turns that are for the new skills; the others replay what the planner knows."""

    def generator(
        self,
        material: Material,
        pool: Mapping[str, Sequence[str]],
        boards: Mapping[str, Board] | None = None,
        *,
        content: bool = True,
    ) -> Generator:
        """Return what draws the chats."""
        lessons = read_lessons(self.files, self.examples, material.words)
        return Lessons(material, pool, boards, content=content, lessons=lessons, share=self.share)


class Learning(Run):
    """One run that goes on from a planner; `out` takes each checkpoint whole."""

    def __init__(self, plan: Plan, course: Course, out: Path, stop: Path, workers: Workers | None = None) -> None:
        """Load the planner and read the lessons; the run ends behind the step during which `stop` appears."""
        super().__init__(plan, out, workers, course.generator)
        generator = self.source.generator
        assert plan.start is not None, "learning goes on from a planner"
        assert isinstance(generator, Lessons)
        skills = [lesson.skill for lesson in generator.lessons]
        self.keeper = Keeper(plan.start, skills, self.tokenizer, self.device, self.dtype)
        self.stop, self.parent = stop, os.getppid()

    def further(self, group: Group, read: Sequence[tuple[Chats, Seen]]) -> dict[str, Any]:
        """Return how far the planner is from what it said before, on chats for old skills."""
        head = self.model.lm_head.weight.to(self.dtype)
        return {"drift": self.keeper.drift(group, read, self.pixels, head, self.weights)}

    def total(self, losses: Mapping[str, Any]) -> Any:
        """Return what a step lowers."""
        return super().total(losses) + KEEP * losses["drift"]

    def stopping(self) -> bool:
        """Return whether the stop file is there, or the process that started this one is not."""
        return self.stop.exists() or (self.workers.count > 1 and os.getppid() != self.parent)

    def save(self) -> None:
        """Put a checkpoint into the place of `out`."""
        with replaced(self.out) as part:
            save(self.model, self.processor, part)


def train(workers: Workers, plan: Plan, course: Course, out: Path, stop: Path) -> None:
    """Train as one of the processes of a run."""
    level = logging.WARNING if workers.rank else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", force=True)
    Learning(plan, course, out, stop, workers).train()


def learn(plan: Plan, course: Course, out: Path) -> bool:
    """Train and return whether Ctrl-C ended it early; the checkpoint of the last step lies in `out` either way.

    Raises KeyboardInterrupt at a second Ctrl-C.
    """
    with tempfile.TemporaryDirectory() as folder:
        stop = Path(folder) / "stop"
        with _stoppable(stop):
            together(plan.workers, train, plan, course, out, stop, deaf=True)
        return stop.exists()


@contextmanager
def _stoppable(stop: Path) -> Iterator[None]:
    """Let the first Ctrl-C write the stop file; the second one raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(signum: int, frame: FrameType | None) -> None:
        if stop.exists():
            raise KeyboardInterrupt
        stop.touch()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
