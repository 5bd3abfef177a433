"""The command line: a table of commands, each imported when it is used, and one place that maps errors to exits.

Exit status: 0 for answered or asked, 1 the turn failed or a file could not be written, 2 bad usage or an input that
cannot be read, 130 after Ctrl-C.
"""

import importlib
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

from skills import InputError
from skills.errors import nearest

from .options import Parser
from .turns import Bug, Stopped

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


class Command(NamedTuple):
    """One row of the table."""

    module: str
    """Module that holds `main(argv) -> int`."""
    summary: str
    """What the command does, one line."""


_HERE = "agent.commands."

COMMANDS: dict[str, Command] = {
    "ask": Command(f"{_HERE}ask", 'answer one request: handeye ask photo.jpg "what does it say?"'),
    "batch": Command(f"{_HERE}batch", "run the rows of a JSON-lines file; a second run goes on where it stopped"),
    "run": Command(f"{_HERE}run", "run one skill without a planner"),
    "skills": Command(f"{_HERE}skills", "list the skills, or show one"),
    "check": Command(f"{_HERE}check", "check a file of skills and try each once"),
    "new-skill": Command(f"{_HERE}new_skill", "write a new skill and its test"),
    "replay": Command(f"{_HERE}replay", "play a recorded trace again, exactly or from a changed step"),
    "pull": Command(f"{_HERE}pull", "fetch the checkpoints a profile names, listed first"),
    "doctor": Command(f"{_HERE}doctor", "say what works on this machine and what mends the rest"),
    "forget": Command(f"{_HERE}forget", "delete kept traces"),
    "demo": Command("demo.app", "open the chat in a browser (from a checkout)"),
    "data": Command("tool_data.cli", "import, export, check, count and mix tool-use data"),
    "train": Command("training.train", "train a planner on tool-use data (from a checkout)"),
    "learn": Command("training.learn", "teach the planner a new skill, measured before and after (from a checkout)"),
    "eval": Command("training.evaluate", "measure a planner (from a checkout)"),
}
"""Command -> where it lives; those outside this package are looked up by name alone."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; `argv` is sys.argv's tail where it is left out.

    As the process's own entry (no `argv`) it does not wait for threads that a skill left behind.
    """
    status = _run(sys.argv[1:] if argv is None else list(argv))
    if argv is None and (status == INTERRUPTED or _held()):
        _leave(status)
    return status


def _run(argv: list[str]) -> int:
    try:
        return _dispatch(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except InputError as error:
        return _say(str(error), 2)
    except Bug as bug:
        traceback.print_exception(bug.__cause__)
        return _say(f"{bug}; this is a bug, the trace was kept as far as it got", 1)
    except (Stopped, KeyboardInterrupt):
        return _say("stopped", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f" {str(error.filename)!r}" if error.filename else ""
        return _say(f"cannot read or write{where}: {error.strerror or error}; free space or name another place", 1)


def _dispatch(argv: list[str]) -> int:
    parser = Parser(prog="handeye", usage="handeye COMMAND ...", description=_help(), add_help=False)
    if not argv or argv[0] in ("-h", "--help"):
        print(parser.format_help(), file=sys.stdout if argv else sys.stderr, end="")
        return 0 if argv else 2
    if argv[0] == "--version":
        from importlib.metadata import version

        print(f"handeye {version('handeye')}")
        return 0
    name, *rest = argv
    if name not in COMMANDS:
        hint = nearest(name, COMMANDS, "`handeye --help` lists them")
        raise InputError(f"no command is named {name!r}; {hint}")
    status: int = _module(name).main(rest)
    return status


def _module(name: str) -> ModuleType:
    """Import a command's module; raises InputError where it is part of a checkout that is not here."""
    module = COMMANDS[name].module
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (module, module.partition(".")[0]) or module.startswith(_HERE):
            raise
        raise InputError(
            f"`handeye {name}` runs from a checkout of handeye, which this is not; clone it and run `make setup` there"
        ) from None


def _help() -> str:
    rows = [f"  {name:<10} {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "handeye: a vision assistant that uses tools.",
            "",
            *rows,
            "",
            "`handeye COMMAND --help` shows a command's own options.",
        ]
    )


def _say(line: str, status: int) -> int:
    print(f"handeye: {line}", file=sys.stderr)
    return status


def _held() -> bool:
    """Return whether a thread that nobody waits for would keep the process alive."""
    return any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate())


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
