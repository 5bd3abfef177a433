"""What a turn does where memory is short, and what cancelled calls leave behind."""

import gc
import json
import os
import random
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from agent import Agent, Observation, ScriptedPlanner, ToolCall, Trace, Turn
from agent.executor import Executor
from agent.profile import Profile, SkillSetting
from skills import Cancel, Checkpoint, Context, Implementation, Number, Picture, Weights, skill
from skills.builtin.detect import detect
from tests import tiny_models
from tests.probes import table


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.grounding_dino(tmp_path_factory.mktemp("dino"))


def _load(weights: Weights) -> Any:
    return torch.nn.Linear(50_000, 1, bias=False)


@skill(
    implementations=[
        Implementation("linear", lambda ctx: ctx.infer(lambda model: 1.0), checkpoint=Checkpoint("org/x"), load=_load)
    ]
)
def count(*, ctx: Context) -> Number:
    """Count with a model of 200 kB."""
    return Number(value=ctx.run())


def _turn(memory: float, dino: Path, lines: list[Any], picture: Picture) -> Any:
    tables = {"detect": {"checkpoint": str(dino)}, "count": {"checkpoint": str(dino)}}
    profile = Profile(memory=memory, skills={name: SkillSetting(**kept) for name, kept in tables.items()})
    return Agent(ScriptedPlanner(lines), skills=[count], profile=profile).ask("find the cat", images=[picture])


FIND = {"name": "detect", "args": {"objects": ["cat"], "threshold": 0.0}}
COUNT = {"name": "count", "args": {}}


def test_a_model_larger_than_the_budget_ends_its_call_and_not_the_turn(dino: Path, plain: Picture) -> None:
    done = _turn(0.0001, dino, [FIND, "It did not work: [call_1.error]"], plain)
    (seen,) = done.observations
    assert seen.error.type == "out_of_memory"
    assert seen.error.message.startswith("the model takes ")
    assert seen.error.message.endswith(
        " MB, more than the 0.1 MB that models may take on cpu; "
        "try a smaller picture (crop it first) or a smaller checkpoint"
    )
    assert done.turn.stop_reason == "answered"
    assert done.answer == f"It did not work: {seen.error.message}"


def test_a_budget_for_one_model_of_two_evicts_and_says_so(dino: Path, plain: Picture) -> None:
    size = sum(file.stat().st_size for file in dino.glob("*.safetensors"))
    again = {**FIND, "args": {"objects": ["dog"], "threshold": 0.0}}
    done = _turn((size + 100_000) / 1e9, dino, [FIND, COUNT, again, "Done."], plain)
    assert [seen.status for seen in done.observations] == ["success"] * 3
    first, second, third = (seen.notes for seen in done.observations)
    assert not any("evicted" in note for note in first)
    assert any(note.startswith("grounding_dino was evicted from cpu (") for note in second)
    assert "linear was evicted from cpu (0.2 MB)" in third
    assert done.turn.stop_reason == "answered"


def test_memory_that_runs_out_while_a_model_runs_is_tried_again_and_told(dino: Path, plain: Picture) -> None:
    tries = []

    def run(model: object) -> float:
        tries.append(model)
        if len(tries) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return 7.0

    short = Implementation("short", lambda ctx: ctx.infer(run), checkpoint=Checkpoint(str(dino)), load=_load)

    @skill(implementations=[short])
    def strain(*, ctx: Context) -> Number:
        """Need a lot of memory."""
        return Number(value=ctx.run())

    done = Agent(ScriptedPlanner([{"name": "strain", "args": {}}, "[num_1]"]), skills=[strain]).ask("go", [plain])
    (seen,) = done.observations
    told = "short: CUDA out of memory. Tried to allocate 2 GiB; trying again with every other model evicted"
    assert (seen.status, seen.notes, done.answer) == ("success", (told,), "7")


def _rss() -> int:
    """Return the bytes of memory this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _settled(before: list[threading.Thread]) -> list[threading.Thread]:
    """Return the threads once those that were abandoned have ended, or after half a minute."""
    deadline = time.monotonic() + 30
    while threading.enumerate() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    return threading.enumerate()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_two_hundred_calls_cancelled_at_random_moments_leave_nothing_behind(dino: Path, plain: Picture) -> None:
    """Each call is a prompt for every object, so that there is a moment for the flag to be heard between two."""
    folder = shutil.copytree(dino, dino.parent / "short")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_text_len": 6}))
    executor, artifacts = Executor([detect.using(checkpoint=str(folder))]), table(plain)
    trace = Trace(id="t", turns=(Turn(request="find them"),), artifacts=artifacts.records)
    objects = [f"{colour} {thing}" for colour in ("red", "blue") for thing in tiny_models.WORDS[6:18]]

    def call(number: int, wait: float) -> Observation:
        cancel = Cancel()
        timer = threading.Timer(wait, cancel.set)
        timer.start()
        made = ToolCall(id=f"call_{number}", name="detect", args={"objects": objects, "threshold": number / 1e4})
        (seen,) = (e for e in executor.run([made], trace, artifacts, cancel) if isinstance(e, Observation))
        timer.cancel()
        timer.join()
        return seen

    whole = [call(number, 600) for number in range(20)]
    assert {seen.status for seen in whole} == {"success"}
    usual = sorted(seen.seconds for seen in whole)[10]
    threads, before = threading.enumerate(), _rss()
    draw, ends = random.Random(0), []
    while ends.count("cancelled") < 200 and len(ends) < 400:
        seen = call(100 + len(ends), draw.uniform(0, 0.9 * usual))
        ends.append(seen.status)
        usual = seen.seconds if seen.status == "success" else usual
    assert ends.count("cancelled") == 200
    assert _settled(threads) == threads
    assert abs(_rss() - before) < 20e6
    assert call(900, 600).status == "success"
