"""A chat as a command runs it: kept under home, logged, saved and printed however its turns end."""

import argparse
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skills import Cancel, InputError, Value

from .agent import Agent, Chat, Region
from .events import Event
from .home import discard_empty, make_home, trace_folder
from .options import Parser
from .saved import prepare, save
from .show import AnswerStream, Log, ended
from .trace import Trace
from .turns import interruptible, relay


def output_options(options: Parser) -> None:
    """Add `--json` and `--save`."""
    options.add_argument("--json", action="store_true", help="print the trace, and only that, to stdout")
    options.add_argument("--save", type=Path, metavar="DIR", help="write trace.jsonl and every value by its id")


class Session:
    """One chat with its log; make it with `opened`."""

    def __init__(self, chat: Chat, args: argparse.Namespace, log: Log, cancel: Cancel, folder: Path | None) -> None:
        """Wrap a chat; `args` has `json` and `save`, `folder` is where home keeps it."""
        self.chat = chat
        self.args = args
        self.log = log
        self.cancel = cancel
        self.folder = folder

    def turn(
        self,
        request: str,
        images: Sequence[Any] = (),
        *,
        region: Region | None = None,
        marks: Sequence[Value] = (),
        answers: bool = True,
    ) -> Trace:
        """Run a turn and return the trace; see Chat.stream and turns.relay for what it raises.

        `answers` writes the answer to stdout, unless that is for `--json` alone.
        """
        shown: list[Callable[[Event], None]] = [self.log]
        if answers and not self.args.json:
            shown.append(AnswerStream(self.chat))
        cancel = self.cancel
        stream = self.chat.stream
        for event in relay(lambda: stream(request, images, region=region, marks=marks, cancel=cancel), cancel):
            for show in shown:
                show(event)
        return self.chat.trace

    def close(self) -> None:
        """Write and print what there is of the trace."""
        if self.folder:
            discard_empty(self.folder)
        if not self.chat.trace.turns:
            return
        if self.args.save:
            save(self.args.save, self.chat.trace, self.chat.artifacts)
        if self.args.json:
            print(self.chat.trace.to_json())
        if self.folder:
            self.log.line(f"kept as {self.folder.name}")

    def report(self) -> int:
        """Say what the newest turn made and why it ended without an answer; return the exit status."""
        trace = self.chat.trace
        made = made_pictures(trace)
        for name in made if self.args.save else ():
            print(self.args.save / f"{name}.png", file=sys.stderr if self.args.json else sys.stdout)
        if made and not self.args.save:
            self.log.line(f"made {', '.join(made)}; --save DIR writes what is made")
        if line := ended(trace.turn):
            print(f"handeye: {line}", file=sys.stderr)
        return 1 if line else 0


@contextmanager
def opened(
    agent: Agent, args: argparse.Namespace, make: Callable[..., Chat] | None = None, **options: Any
) -> Iterator[Session]:
    """Open a chat that is kept under home, and close it however the block ends.

    `make` makes the chat from Chat's arguments, `options` are more of those. Raises InputError where `--save` cannot
    be written to; where home cannot, the log says that the trace is not kept.
    """
    if args.save:
        prepare(args.save)
    log = Log()
    folder = _keep_folder(log)
    chat = (make or Chat)(agent, trace_id=folder.name if folder else None, folder=folder, **options)
    with interruptible() as cancel:
        session = Session(chat, args, log, cancel, folder)
        try:
            yield session
        finally:
            session.close()


def _keep_folder(log: Log) -> Path | None:
    try:
        make_home()
    except InputError as error:
        log.line(f"note: the trace is not kept: {error}")
        return None
    return trace_folder(uuid.uuid4().hex[:12])


def made_pictures(trace: Trace) -> list[str]:
    """Return the ids of the pictures the newest turn made, in order."""
    ids = [name for step in trace.turn.steps for seen in step.observations for name in seen.artifacts]
    return [name for name in ids if trace.artifacts[name].kind == "picture"]
