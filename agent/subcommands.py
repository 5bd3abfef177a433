"""Commands that have subcommands: a table of them, each a module with `main(argv) -> int`, imported when it is used."""

import importlib
import sys
from collections.abc import Mapping, Sequence

from skills import InputError
from skills.errors import nearest

from .cli import Command


def dispatch(command: str, table: Mapping[str, Command], argv: Sequence[str]) -> int:
    """Run a subcommand of `handeye COMMAND` and return its exit status; raises InputError for what cannot be used."""
    name, *rest = argv or ("",)
    if name in ("", "-h", "--help"):
        print(_help(command, table), file=sys.stdout if name else sys.stderr)
        return 0 if name else 2
    if name not in table:
        hint = nearest(name, table, f"expected one of {', '.join(table)}")
        raise InputError(f"`handeye {command}` has no {name!r}; {hint}")
    status: int = importlib.import_module(table[name].module).main(rest)
    return status


def _help(command: str, table: Mapping[str, Command]) -> str:
    width = max(map(len, table))
    rows = [f"  {name:<{width}} {found.summary}" for name, found in table.items()]
    more = f"`handeye {command} SUBCOMMAND --help` tells more."
    return "\n".join([f"usage: handeye {command} SUBCOMMAND ...", "", *rows, "", more])
