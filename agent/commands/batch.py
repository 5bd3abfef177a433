"""`handeye batch`: the rows of a file, one chat and one line of output each; a second run goes on."""

import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from skills import Cancel, InputError
from skills.store import Store

from ..agent import Agent, Chat
from ..options import common, make_agent, parser
from ..rows import Damaged, Row, chat_of, read_batch
from ..saved import prepare, read_rows, store_of
from ..show import clean, ended
from ..trace import Trace
from ..turns import Bug, interruptible, relay


def main(argv: Sequence[str]) -> int:
    """Run a batch; see `handeye batch --help`. Raises InputError, Stopped, OSError."""
    options = parser(
        "batch",
        "IN.jsonl OUT.jsonl [options]",
        'Rows are {"id", "images", "requests", "offer"?, "results"?}; a row\'s requests are one chat, pictures are\n'
        "relative to the batch file. OUT.jsonl gets one trace a row, OUT.store the values. Rows whose id is in\n"
        "OUT.jsonl are skipped; rows that cannot be read are reported and the rest is run.\n"
        "Exit status: 2 where a row could not be read, else 1 where a turn failed, else 0.",
    )
    options.add_argument("rows", type=Path, metavar="IN.jsonl")
    options.add_argument("out", type=Path, metavar="OUT.jsonl")
    common(options)
    args = options.parse_args(argv)
    if args.rows.resolve() == args.out.resolve():
        raise InputError("IN.jsonl and OUT.jsonl are the same file; name another output")
    rows = list(read_batch(args.rows))
    output = _Output.opened(args.out)
    agent = make_agent(args)
    batch = _Batch(agent, output, args.rows.parent)
    if any(not isinstance(row, Damaged) and row[1].id not in output.done for row in rows):
        _ = agent.planner  # a planner that cannot be loaded is one error, not one for every row
    with interruptible() as cancel:
        for row in rows:
            batch.take(row, cancel)
    print(batch.summary, file=sys.stderr)
    return 2 if batch.damaged else 1 if batch.failed else 0


@dataclass
class _Output:
    """The file of traces, written and flushed row by row."""

    path: Path
    done: set[str]

    @classmethod
    def opened(cls, path: Path) -> "_Output":
        """Open an output for more rows; raises InputError where it cannot be written."""
        prepare(path.parent)
        if path.is_dir():
            raise InputError(f"{str(path)!r} is a folder; name a file for the traces")
        done: list[Trace] = []
        if path.exists():
            done, problems = read_rows(path)
            for problem in problems:
                print(f"{problem}; its row is run again", file=sys.stderr)
        try:
            with path.open("ab+") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
                if file.read(1) not in (b"", b"\n"):
                    file.write(b"\n")
        except OSError as error:
            raise InputError(f"cannot write to {str(path)!r}: {error.strerror}; name another output") from None
        return cls(path, {trace.id for trace in done})

    def write(self, trace: Trace) -> None:
        """Append one row's trace and bring it to the disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(trace.to_json() + "\n")
            file.flush()
            os.fsync(file.fileno())


@dataclass
class _Batch:
    """The run of a batch so far."""

    agent: Agent
    output: _Output
    folder: Path
    ran: int = 0
    skipped: int = 0
    failed: int = 0
    damaged: list[int] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """What was done, in a line."""
        lines = f" (line {', '.join(map(str, self.damaged))})" if self.damaged else ""
        return (
            f"{self.ran} rows run, {self.failed} of them failed, {self.skipped} were done before, "
            f"{len(self.damaged)} could not be read{lines}"
        )

    def take(self, item: tuple[int, Row] | Damaged, cancel: Cancel) -> None:
        """Run one row unless it is done or damaged; raises Stopped and OSError."""
        if isinstance(item, Damaged):
            self._report(item.line, item.problem)
            return
        number, row = item
        if row.id in self.output.done:
            self.skipped += 1
            return
        started = time.monotonic()
        try:
            store = Store(store_of(self.output.path))
            chat = chat_of(row, self.agent, self.folder, trace_id=row.id, store=store)
        except InputError as error:
            self._report(number, str(error))
            return
        if (problem := self._run(row, chat, cancel)) and not chat.trace.turns:
            self._report(number, problem)
            return
        self.output.write(chat.trace)
        self.ran += 1
        why = next((line for turn in chat.trace.turns if (line := ended(turn))), "")
        self.failed += bool(why)
        print(clean(f"{row.id}: {why or 'answered'}, {time.monotonic() - started:.1f} s"), file=sys.stderr)

    def _run(self, row: Row, chat: Chat, cancel: Cancel) -> str:
        """Ask a row's requests one after another; a bug ends the row. Return what could not be used, or ""."""
        images = [self.folder / image for image in row.images]
        for number, request in enumerate(row.requests):
            start = partial(chat.stream, request, [] if number else images, cancel=cancel)
            try:
                for _event in relay(start, cancel):
                    pass
            except InputError as error:
                return str(error)
            except Bug as bug:
                if not chat.trace.turns:
                    raise
                traceback.print_exception(bug.__cause__)
                return str(bug)
        return ""

    def _report(self, number: int, problem: str) -> None:
        self.damaged.append(number)
        print(f"handeye: line {number}: {clean(problem)}", file=sys.stderr)
