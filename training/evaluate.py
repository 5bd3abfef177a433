"""`handeye eval`: a table of its subcommands."""

import sys
from collections.abc import Sequence

from agent.cli import Command
from agent.subcommands import dispatch
from skills import InputError

SUBCOMMANDS: dict[str, Command] = {
    "planner": Command("training.evaluate_planner", "how often a planner calls what it should, or two compared"),
    "scienceqa": Command("training.evaluate_scienceqa", "accuracy on ScienceQA, read from a folder"),
    "llava-bench": Command("training.evaluate_llava_bench", "answers to LLaVA-Bench, scored by a judge where one is"),
}
"""Subcommand -> where it lives."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status; `argv` is sys.argv's tail where it is left out."""
    try:
        return dispatch("eval", SUBCOMMANDS, sys.argv[1:] if argv is None else argv)
    except InputError as error:
        print(f"handeye: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
