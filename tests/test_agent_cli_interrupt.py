"""Ctrl-C: the turn is cancelled and saved, the process ends in time whatever hangs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.journal import load

ROOT = Path(__file__).parent.parent
SKILLS = '''
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from skills import Text, skill


@skill
def hang() -> Text:
    """Hang."""
    Path("hanging").touch()
    while True:
        time.sleep(1)


@skill
def pool() -> Text:
    """Hang in a pool whose threads are joined at exit."""
    with ThreadPoolExecutor() as threads:
        work = threads.submit(time.sleep, 100)
        Path("hanging").touch()
        work.result()
    return Text()
'''
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from agent.cli import main
if sys.argv.pop(1) == "stuck":
    import agent.planners.scripted as scripted
    def plan(self, *rest):
        import pathlib, time
        pathlib.Path("hanging").touch()
        time.sleep(100)
        yield
    scripted.ScriptedPlanner.plan = plan
sys.exit(main())
"""


def _start(tmp_path: Path, kind: str) -> "subprocess.Popen[str]":
    (tmp_path / "mine.py").write_text(SKILLS)
    (tmp_path / "script.json").write_text(json.dumps([{"name": kind}, "never said"]))
    arguments = ["ask", "x", "--planner=scripted:script.json", "--skills=mine.py", "--save=out"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind, *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    until = time.monotonic() + 60
    while not (tmp_path / "hanging").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("kind", ["hang", "pool"])
def test_a_hanging_skill_is_abandoned_and_the_trace_saved(kind: str, tmp_path: Path) -> None:
    process = _start(tmp_path, kind)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - pressed < 5
    assert log.endswith("handeye: stopped\n")
    assert load(tmp_path / "out").trace.turn.stop_reason == "cancelled"


def test_a_hanging_planner_is_left_and_the_trace_saved(tmp_path: Path) -> None:
    process = _start(tmp_path, "stuck")
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - pressed < 5
    assert load(tmp_path / "out").trace.turn.request == "x"


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    process = _start(tmp_path, "stuck")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - pressed < 1.5
