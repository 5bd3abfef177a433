"""Running a skill in a process of its own, which can be killed: for code that may hang or crash."""

import multiprocessing
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from . import errors
from .context import Context
from .errors import SkillError
from .spec import Skill, context_name

POLL = 0.05
"""Seconds between looks at the cancel flag."""


def run_here(skill: Skill[..., Any], values: Mapping[str, Any], context: Context) -> object:
    """Run a skill in this thread and return what it returned; the context is passed where it takes one."""
    assert skill.run is not None
    name = context_name(skill.run)
    return skill(**values, **({name: context} if name else {}))


def run_isolated(skill: Skill[..., Any], values: Mapping[str, Any], context: Context) -> object:
    """Run a skill in a new process and return what it returned.

    The process is killed once `context.cancel` is set (Cancelled is raised). Raises SkillError as the skill did, or
    where the process died; RuntimeError with the traceback's text for a bug.
    """
    assert skill.run is not None
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(
        target=_child,
        args=(sender, skill.source, skill.run.__module__, skill.name, dict(values), dict(skill.settings)),
        kwargs={"seed": context.seed, "folder": context.folder},
        daemon=True,
    )
    process.start()
    sender.close()
    try:
        while not receiver.poll(POLL):
            context.cancel.check()
        kind, made = _receive(receiver, process, skill.name)
    finally:
        process.kill()
        process.join()
    if kind == "made":
        return made
    if kind == "bug":
        raise RuntimeError(f"{skill.name} failed in its process:\n{made}")
    raise getattr(errors, kind, SkillError)(str(made))


def _receive(receiver: Connection, process: BaseProcess, name: str) -> tuple[str, object]:
    try:
        kind, made = receiver.recv()
    except EOFError:
        process.join(timeout=1)
        raise SkillError(f"{name} crashed (exit code {process.exitcode}); try another input") from None
    return kind, made


def _child(
    sender: Connection,
    source: str,
    module: str,
    name: str,
    values: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    seed: int,
    folder: Path,
) -> None:
    """Find the skill again in this process, run it, send back what came of it."""
    import importlib
    import traceback

    from .registry import load_file, skills_of

    try:
        found = load_file(Path(source)) if source.endswith(".py") else skills_of(importlib.import_module(module))
        skill = next(item for item in found if item.name == name).using(**settings)
        sender.send(("made", run_here(skill, values, Context(seed=seed, folder=folder))))
    except SkillError as error:
        sender.send((type(error).__name__, str(error)))
    except MemoryError:
        sender.send(("OutOfMemory", f"{name} ran out of memory; try a smaller picture (crop it first)"))
    except Exception:  # noqa: BLE001 - carried to the parent as text and raised there
        sender.send(("bug", traceback.format_exc()))
