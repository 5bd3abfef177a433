"""What the commands share: their parser, the common options, and the agent those make."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from skills import InputError

from .agent import Agent
from .planner import Planner
from .planners.scripted import Line, ScriptedPlanner
from .profile import Profile, read_profile
from .trace import PlannerOutput

SCRIPTED = "scripted:"
"""Prefix of a `--planner` that plays a JSON list: the test double."""


class Parser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line."""

    def __init__(self, **options: Any) -> None:
        """Make a parser; help text keeps its line breaks."""
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Raise InputError with argparse's complaint."""
        raise InputError(f"{message}; `{self.prog} --help` shows the usage")


def parser(command: str, usage: str, description: str) -> Parser:
    """Make the parser of `handeye COMMAND`."""
    return Parser(prog=f"handeye {command}", usage=f"handeye {command} {usage}", description=description)


def common(options: Parser) -> None:
    """Add the options every command that runs skills has."""
    group = options.add_argument_group("common")
    group.add_argument("--profile", default="embedded", metavar="NAME|FILE.toml", help="settings (default embedded)")
    group.add_argument("--offer", metavar="a,b", help="narrow the skills the planner may call")
    group.add_argument("--skills", action="append", default=[], type=Path, metavar="FILE.py", help="add skills")
    group.add_argument(
        "--planner",
        metavar="P",
        help="checkpoint folder or hub id; scripted:FILE.json plays a JSON list of lines (the test double): "
        'a string answers, {"name", "args"} calls, a list of those calls side by side',
    )
    group.add_argument("--folder", type=Path, default=Path("docs"), metavar="DIR", help="what `retrieve` searches")
    group.add_argument("--seed", type=int, metavar="N", help="seed of every random choice")


def make_agent(args: argparse.Namespace, planner: Planner | None = None) -> Agent:
    """Make the agent that the common options describe; `planner` takes the place of the one they name.

    Raises InputError for whatever in them cannot be used.
    """
    profile = read_profile(args.profile)
    agent = Agent(
        planner or read_planner(args.planner or profile.planner),
        skills=args.skills,
        folder=args.folder,
        seed=profile.seed if args.seed is None else args.seed,
        deadline=profile.deadline,
        max_steps=profile.max_steps,
        profile=profile,
    )
    for problem in agent.registry.problems:
        print(problem, file=sys.stderr)
    agent.offer = agent.registry.offer(_offer(args.offer, profile, agent))
    return agent


def _offer(written: str | None, profile: Profile, agent: Agent) -> Sequence[str] | None:
    if written is None:
        left_out = {name for name, setting in profile.skills.items() if not setting.offer}
        return [name for name in agent.registry.names if name not in left_out] if left_out else None
    names = [name.strip() for name in written.split(",") if name.strip()]
    if not names:
        raise InputError("--offer names no skill; expected e.g. --offer blur,find_faces")
    return names


def load_planner(args: argparse.Namespace) -> Planner:
    """Load the planner that the common options name; raises InputError where it cannot be."""
    return Agent(read_planner(args.planner or read_profile(args.profile).planner)).planner


def read_planner(where: str) -> Planner | str:
    """Return the planner that `where` names, or its name where it is a checkpoint (loaded on first use).

    Raises InputError where a script cannot be read.
    """
    if not where.startswith(SCRIPTED):
        return where
    path = Path(where.removeprefix(SCRIPTED))
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no script at {str(path)!r}; --planner scripted:FILE.json names a JSON list") from None
    except (OSError, ValueError) as error:
        raise InputError(f"script {str(path)!r} cannot be read: {error}") from None
    if not isinstance(lines, list):
        raise InputError(f"script {str(path)!r} is no JSON list; expected answers and calls")
    return ScriptedPlanner([_line(line, number, path) for number, line in enumerate(lines, start=1)])


def _line(line: Any, number: int, path: Path) -> Line:
    calls = line if isinstance(line, list) else [line]
    if isinstance(line, str) or all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        return line  # type: ignore[no-any-return]
    try:
        return PlannerOutput.model_validate(line)
    except ValueError:
        raise InputError(
            f'item {number} of script {str(path)!r} is no line; expected an answer, {{"name", "args"}}, a list of '
            "those, or a whole output"
        ) from None
