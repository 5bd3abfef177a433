"""Skills in a process of their own: killed when they hang, told when they crash."""

import os
import time
from pathlib import Path

import pytest

from agent.executor import Executor
from skills import BadRegion, Cancel, Cancelled, Context, Text
from skills.isolation import run_isolated
from skills.registry import load_file
from skills.spec import Skill
from tests.probes import called, observed, say, table

FILE = '''
import os, time
from pathlib import Path
from skills import BadRegion, Context, Number, SkillError, Text, skill

@skill(isolated=True)
def hang_alone(path: str) -> Number:
    """Say which process this is, then hang forever."""
    Path(path).write_text(str(os.getpid()))
    while True:
        time.sleep(1)

@skill(isolated=True)
def leave(code: int) -> Number:
    """End the process."""
    os._exit(code)

@skill(isolated=True)
def seeded(words: str, *, ctx: Context) -> Text:
    """Say what is known in the process."""
    return Text.of(words, str(ctx.seed), str(os.getpid()))

@skill(isolated=True)
def refuse(words: str) -> Text:
    """Refuse in words a planner can mend."""
    raise BadRegion(f"not {words}")

@skill(isolated=True)
def fail(words: str) -> Text:
    """Fail with a bug."""
    return Text.of(words[999])

@skill(isolated=True)
def big(size: int) -> Text:
    """Give back much."""
    return Text.of("x" * size)
'''


@pytest.fixture(scope="module")
def skills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Skill[..., object]]:
    path = tmp_path_factory.mktemp("skills") / "alone.py"
    path.write_text(FILE)
    return {item.name: item for item in load_file(path)}


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_skill_that_hangs_is_killed_at_its_deadline(skills: dict[str, Skill[..., object]], tmp_path: Path) -> None:
    work = Executor([*skills.values(), say], deadline=6)
    (seen,) = observed(work, table(), called("hang_alone", path=str(tmp_path / "pid")))
    assert seen.error is not None
    assert seen.error.type == "deadline"
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert gone(pid)
    assert observed(work, table(), called("say", words="x"))[0].status == "success"


def test_a_skill_that_ends_its_process_is_an_observation(skills: dict[str, Skill[..., object]]) -> None:
    (seen,) = observed(Executor([*skills.values()]), table(), called("leave", code=7))
    assert seen.content == "skill_error: leave crashed (exit code 7); try another input"


def test_values_seed_and_errors_travel_between_the_processes(skills: dict[str, Skill[..., object]]) -> None:
    made = run_isolated(skills["seeded"], {"words": "é"}, Context(seed=5))
    assert isinstance(made, Text)
    assert [line.text for line in made.lines[:2]] == ["é", "5"]
    assert int(made.lines[2].text) != os.getpid()
    with pytest.raises(BadRegion, match="not this"):
        run_isolated(skills["refuse"], {"words": "this"}, Context())
    with pytest.raises(RuntimeError, match=r"(?s)fail failed in its process:.*IndexError: string index out of range"):
        run_isolated(skills["fail"], {"words": "x"}, Context())


def test_a_large_result_comes_through(skills: dict[str, Skill[..., object]]) -> None:
    made = run_isolated(skills["big"], {"size": 5_000_000}, Context())
    assert isinstance(made, Text)
    assert len(made.text) == 5_000_000


def test_stop_kills_the_process(skills: dict[str, Skill[..., object]], tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.set()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run_isolated(skills["hang_alone"], {"path": str(tmp_path / "pid")}, Context(cancel=cancel))
    assert time.monotonic() - began < 5


def test_a_skill_of_an_importable_module_needs_no_file() -> None:
    """Broke when only skills of the registry could be isolated: one handed over as an object was not found."""
    from dataclasses import replace

    made = run_isolated(replace(say, isolated=True), {"words": "hi"}, Context())
    assert made == Text.of("hi", untrusted=True)
