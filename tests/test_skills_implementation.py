"""Implementations, parts and settings behind one skill, and what a call leaves in the trace of them."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from agent import Agent
from agent.planners.scripted import ScriptedPlanner
from agent.profile import Profile
from skills import (
    Checkpoint,
    Context,
    Implementation,
    InputError,
    Number,
    Picture,
    SkillError,
    Unavailable,
    Weights,
    skill,
)
from skills.implementation import importable


def _load(weights: Weights) -> dict[str, Any]:
    count = int((weights.path / "model.safetensors").read_text())
    where = {name: path.name for name, path in weights.parts.items()}
    return {"model": torch.nn.Linear(count, 1, bias=False), "told": (weights.part, where, weights.settings["bias"])}


def _run(factor: float, ctx: Context) -> float:
    part, where, bias = ctx.infer(lambda model: model["told"], part="depth" if factor < 0 else "")
    ctx.note(f"part {part!r} of {where}")
    return factor * ctx.setting("scale") + bias


LINEAR = Implementation(
    name="linear",
    run=_run,
    load=_load,
    checkpoint=Checkpoint("org/linear", licence="MIT", size=100),
    parts={"depth": Checkpoint("org/depth")},
    settings={"scale": 2.0, "bias": 1},
)
PLAIN = Implementation(name="plain", run=lambda factor, ctx: factor, needs=("surely_not_installed",), extra="originals")


@skill(implementations=[LINEAR, PLAIN])
def scale(factor: float, *, ctx: Context) -> Number:
    """Scale a number."""
    return Number(value=ctx.run(factor))


@skill
def scale_twice(factor: float, *, ctx: Context) -> Number:
    """Scale a number twice."""
    once = ctx.call("scale", factor=factor)
    return ctx.call("scale", factor=float(once.value))


def _checkpoints(folder: Path, count: int = 100) -> dict[str, Any]:
    for name in ("linear", "depth"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "model.safetensors").write_text(str(count))
    return {"checkpoint": str(folder / "linear"), "parts": {"depth": str(folder / "depth")}}


def test_settings_and_parts_reach_the_loader_and_the_work(tmp_path: Path) -> None:
    tables, ctx = _checkpoints(tmp_path), Context()
    made = scale.using(**tables, bias=5, device="cpu")
    assert made(-3.0, ctx=ctx) == Number(value=-1.0)
    assert ctx.record.notes == ["part 'depth' of {'depth': 'depth'}"]
    assert scale.using(**tables, scale=3)(1.0, ctx=Context()) == Number(value=4.0)


def test_what_is_missing_is_named_with_what_mends_it(tmp_path: Path) -> None:
    assert scale.unavailable() == "checkpoint 'org/linear' is not on this machine; handeye pull scale"
    here = _checkpoints(tmp_path)
    there = scale.using(checkpoint=here["checkpoint"])
    assert there.unavailable() == "checkpoint 'org/depth' is not on this machine; handeye pull scale"
    assert there.using(parts=here["parts"]).unavailable() == ""
    plain = scale.using(implementation="plain").unavailable()
    assert plain == "package 'surely_not_installed' is missing; pip install 'handeye[originals]'"
    with pytest.raises(SkillError, match=r"^checkpoint 'org/linear' is not on this machine; `handeye doctor` says"):
        scale(1.0, ctx=Context())


def test_a_skill_without_implementations_says_so_to_its_author() -> None:
    with pytest.raises(InputError, match=r"^this skill declares no implementations; pass @skill\(implementations="):
        Context().run(1)
    with pytest.raises(KeyError, match="'linear' declares no setting 'colour'; add it to `settings`"):
        Context(chosen=scale.chosen).setting("colour")


def test_a_skill_calls_another_with_its_own_implementation(tmp_path: Path) -> None:
    ctx = Context(skills={"scale": scale.using(**_checkpoints(tmp_path))})
    assert scale_twice(1.0, ctx=ctx) == Number(value=7.0)
    with pytest.raises(Unavailable) as caught:
        scale_twice(1.0, ctx=Context(skills={"scale": scale}))
    expected = "scale is needed for this and cannot run here: checkpoint 'org/linear' is not on this machine"
    assert str(caught.value).startswith(expected)


def _observations(agent: Agent) -> list[Any]:
    return list(agent.ask("scale it").observations)


def test_the_trace_says_that_memory_ran_out_and_the_turn_finishes(tmp_path: Path) -> None:
    call = {"name": "scale", "args": {"factor": 2}}
    setting = {"skills": {"scale": {**_checkpoints(tmp_path, 1000), "device": "cpu"}}}
    planner = ScriptedPlanner([call, "done"])
    (seen,) = _observations(Agent(planner, skills=[scale], profile=Profile(**setting, memory=1e-6)))
    assert seen.error.type == "out_of_memory"
    assert seen.error.message.startswith("the model takes 0.0 MB, more than the 0.0 MB that models may take on cpu; ")
    (seen,) = _observations(Agent(ScriptedPlanner([call, "done"]), skills=[scale], profile=Profile(**setting)))
    assert (seen.status, seen.device) == ("success", "cpu")
    assert seen.notes == ("part '' of {'depth': 'depth'}",)


def test_an_agent_of_an_unpulled_profile_answers_with_the_mending_line(plain: Picture) -> None:
    planner = ScriptedPlanner([{"name": "detect", "args": {"objects": ["cat"]}}, "done"])
    agent = Agent(planner, profile="laptop")
    turn = agent.ask("find the cat", images=[plain])
    (seen,) = turn.observations
    assert seen.error.type == "unavailable"
    assert seen.error.message.endswith("is not on this machine; handeye pull detect --profile laptop")


def test_a_package_that_another_thread_is_importing_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broke: cv2 has no spec while it is imported, and `find_spec` raised ValueError."""
    half = ModuleType("half_imported")
    half.__spec__ = None
    monkeypatch.setitem(sys.modules, "half_imported", half)
    assert importable("half_imported")
    assert importable("json")
    assert not importable("surely_not_installed")
    monkeypatch.setitem(sys.modules, "blocked", None)
    assert not importable("blocked")
