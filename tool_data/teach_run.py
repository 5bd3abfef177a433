"""A run of a teacher: its rows made side by side, each kept the moment it is done, the whole written at the end."""

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.trace import Trace
from skills import InputError

from .formats.base import Refused
from .teach_ledger import BudgetSpent
from .teach_lesson import Lesson, Recipe
from .teach_log import Log
from .teach_pace import Stopped
from .teach_teacher import GaveUp
from .whole import whole

GIVEN_UP = 3
"""Rows given up one after another that end a run: the endpoint does not answer."""


class Folder:
    """What a run keeps beside its output: plan, rows done, replies paid for."""

    def __init__(self, out: Path) -> None:
        """Name the folder of an output: OUT.jsonl -> OUT.teach."""
        self.out, self.path = out, out.with_suffix(".teach")
        self.plan, self.rows = self.path / "plan.json", self.path / "rows.jsonl"
        self.replies = self.path / "replies.jsonl"
        self.refused = out.with_suffix(".refused.jsonl")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder for one run; raises InputError where another has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            if os.name == "posix":
                import fcntl

                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise InputError(
                        f"another run is writing {str(self.out)!r}; wait for its end, or name another output"
                    ) from None
            yield

    def begin(self, plan: Mapping[str, Any], force: bool) -> None:
        """Go on with the run that was begun by this plan, or begin one; replies paid for stay in either case.

        Raises InputError where the output belongs to another plan and not `force`.
        """
        old = self._planned()
        if old == plan:
            return
        if not force:
            if changed := [key for key in plan if key in old and old[key] != plan[key]]:
                raise InputError(
                    f"{str(self.out)!r} was begun with another {changed[0]!r} ({old[changed[0]]!r}, now "
                    f"{plan[changed[0]]!r}); name another output, or add --force to begin anew (replies are kept)"
                )
            if self.out.exists():
                raise InputError(
                    f"{str(self.out)!r} is there already; name another output, or add --force to replace it"
                )
        self.rows.unlink(missing_ok=True)
        with whole(self.plan) as part:
            part.write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")

    def _planned(self) -> dict[str, Any]:
        try:
            found = json.loads(self.plan.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


class Run:
    """Rows made by threads, each once, over as many runs as it takes."""

    def __init__(self, rows: Log, stop: threading.Event) -> None:
        """Start with the rows that are done; setting `stop` ends it after those under way."""
        self.rows, self.stop = rows, stop
        self.why = ""
        self.given_up: list[tuple[str, str]] = []
        self._failed = 0

    def work(self, jobs: Iterator[tuple[Lesson, Recipe]], workers: int, tick: Callable[[], object]) -> None:
        """Make the rows that are not done; `tick` is called after each. `why` says why it stopped early, if it did.

        Raises InputError, OSError and what a bug raised, after those under way have ended.
        """
        waiting: set[Future[None]] = set()
        with ThreadPoolExecutor(workers, thread_name_prefix="teach") as pool:
            try:
                for lesson, make in jobs:
                    if len(waiting) >= 2 * workers:
                        waiting = self._ended(waiting, tick)
                    if self.stop.is_set():
                        break
                    waiting.add(pool.submit(self._one, lesson, make))
                while waiting:
                    waiting = self._ended(waiting, tick)
            except BaseException:
                self.stop.set()
                raise

    def _ended(self, waiting: set[Future[None]], tick: Callable[[], object]) -> set[Future[None]]:
        done, rest = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
            tick()
        return rest

    def _one(self, lesson: Lesson, make: Recipe) -> None:
        if self.stop.is_set():
            return
        try:
            row = {"id": lesson.name, "trace": json.loads(make(lesson).to_json())}
        except Refused as refused:
            row = {"id": lesson.name, "refused": str(refused)}
        except Stopped:
            return
        except GaveUp as gave_up:
            self._give_up(lesson.name, str(gave_up))
            return
        except BudgetSpent as spent:
            self.end(str(spent))
            return
        self.rows.add(row)
        self._failed = 0

    def _give_up(self, name: str, why: str) -> None:
        self.given_up.append((name, why))
        self._failed += 1
        if self._failed >= GIVEN_UP:
            self.end(f"the endpoint does not answer ({why})")

    def end(self, why: str) -> None:
        """Stop after the rows under way."""
        self.why = self.why or why
        self.stop.set()


def write_out(folder: Folder, rows: Log, names: Iterable[str]) -> tuple[int, int]:
    """Write the output and the refusals, in the order of `names`; return how many of each. Both appear whole."""
    made = refused = 0
    with (
        whole(folder.out) as part,
        whole(folder.refused) as other,
        part.open("w", encoding="utf-8") as file,
        other.open("w", encoding="utf-8") as left,
    ):
        for row in (rows.get(name) for name in names if name in rows):
            if "trace" in row:
                file.write(Trace.from_json(json.dumps(row["trace"])).to_json() + "\n")
                made += 1
            else:
                left.write(json.dumps(row, ensure_ascii=False) + "\n")
                refused += 1
    return made, refused
