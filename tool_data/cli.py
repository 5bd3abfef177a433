"""`handeye data`: a table of its subcommands."""

from collections.abc import Sequence

from agent.cli import Command
from agent.subcommands import dispatch

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
    return dispatch("data", SUBCOMMANDS, argv)
