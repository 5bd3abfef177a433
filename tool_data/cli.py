"""`handeye data`: a table of subcommands, each a module with `main(argv) -> int`, imported when it is used."""

import importlib
import sys
from collections.abc import Sequence

from agent.cli import Command
from skills import InputError
from skills.errors import nearest

SUBCOMMANDS: dict[str, Command] = {
    "import": Command("tool_data.importing", "read other people's data into Traces"),
    "export": Command("tool_data.exporting", "write Traces as other people's data"),
    "make": Command("tool_data.make", "write simulated chats"),
    "teach": Command("tool_data.teach", "have a teacher write rows about pictures, from captions and boxes"),
    "from-chats": Command("tool_data.from_chats", "make rows and preference pairs of saved chats"),
    "validate": Command("tool_data.validate", "name what is wrong with rows of tool-use data"),
    "stats": Command("tool_data.stats", "count what rows of tool-use data hold"),
    "mix": Command("tool_data.mix", "draw a training set from several files"),
}
"""Subcommand -> where it lives."""


def main(argv: Sequence[str]) -> int:
    """Run a subcommand and return its exit status; raises InputError for what cannot be used."""
    name, *rest = argv or ("",)
    if name in ("", "-h", "--help"):
        print(_help(), file=sys.stdout if name else sys.stderr)
        return 0 if name else 2
    if name not in SUBCOMMANDS:
        hint = nearest(name, SUBCOMMANDS, f"expected one of {', '.join(SUBCOMMANDS)}")
        raise InputError(f"`handeye data` has no {name!r}; {hint}")
    status: int = importlib.import_module(SUBCOMMANDS[name].module).main(rest)
    return status


def _help() -> str:
    rows = [f"  {name:<10} {command.summary}" for name, command in SUBCOMMANDS.items()]
    return "\n".join(
        ["usage: handeye data SUBCOMMAND ...", "", *rows, "", "`handeye data SUBCOMMAND --help` tells more."]
    )
