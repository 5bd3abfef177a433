"""Running a skill in a process of its own, which can be killed: for code that may hang or crash."""

import multiprocessing
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .context import Context
from .errors import SkillError
from .spec import Skill

POLL = 0.05
"""Seconds between looks at the cancel flag."""


def run_isolated(skill: Skill[..., Any], values: Mapping[str, Any], context: Context) -> object:
    """Run a skill in a new process and return what it returned.

    The process is killed once `context.cancel` is set (Cancelled is raised). Raises SkillError as the skill did, or
    where the process died; RuntimeError with the traceback's text for a bug.
    """
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(
        target=_child, args=(sender, skill.source, skill.name, dict(values), context.seed, context.folder), daemon=True
    )
    process.start()
    sender.close()
    try:
        while not receiver.poll(POLL):
            context.cancel.check()
            if not process.is_alive() and not receiver.poll():
                raise SkillError(f"{skill.name} crashed (exit code {process.exitcode}); try another input")
        kind, made = _receive(receiver, skill.name)
    finally:
        process.kill()
        process.join()
    if kind == "mendable":
        raise SkillError(str(made))
    if kind == "bug":
        raise RuntimeError(f"{skill.name} failed in its process:\n{made}")
    return made


def _receive(receiver: Connection, name: str) -> tuple[str, object]:
    try:
        kind, made = receiver.recv()
    except EOFError:
        raise SkillError(f"{name} crashed without an answer; try another input") from None
    return kind, made


def _child(sender: Connection, source: str, name: str, values: Mapping[str, Any], seed: int, folder: Path) -> None:
    """Find the skill again in this process, run it, send back what came of it."""
    import traceback

    from .registry import Registry

    try:
        files = [Path(source)] if source.endswith(".py") else []
        skill = Registry.load(files).get(name)
        assert skill.run is not None
        arguments = dict(values)
        if "ctx" in skill.run.__code__.co_varnames:
            arguments["ctx"] = Context(seed=seed, folder=folder)
        sender.send(("made", skill.run(**arguments)))
    except SkillError as error:
        sender.send(("mendable", str(error)))
    except Exception:  # noqa: BLE001 - carried to the parent as text and raised there
        sender.send(("bug", traceback.format_exc()))
