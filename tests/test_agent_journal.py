"""A trace on disk: what a damaged line, a full disk and a killed process leave."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from agent import Chat, Trace
from agent.journal import FILE, Journal, load
from skills import InputError
from skills.store import Artifacts, Store
from tests.conftest import ROOT
from tests.probes import chatting, picture, reloaded, scripted

ONE = {"name": "say", "args": {"words": "hello"}}


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Trace]:
    """Two turns of two steps each; lines: trace, turn, step, step, end, turn, step, step, end."""
    folder = tmp_path / "trace"
    chat = scripted({"name": "find_two"}, "[boxes_1.count].", ONE, "It says [text_1].").chat(folder=folder)
    chat.ask("how many?", [picture()])
    chat.ask("say hello")
    return folder, chat.trace


def damage(folder: Path, number: int, line: bytes) -> None:
    lines = (folder / FILE).read_bytes().splitlines()
    lines[number - 1] = line
    (folder / FILE).write_bytes(b"\n".join(lines) + b"\n")


def test_what_was_written_is_what_is_read(saved: tuple[Path, Trace]) -> None:
    folder, trace = saved
    assert reloaded(folder) == trace
    assert reloaded(folder / FILE) == trace


def test_payloads_lie_beside_the_log(saved: tuple[Path, Trace]) -> None:
    folder, trace = saved
    artifacts = Artifacts(Store(folder / "store"), trace.artifacts)
    assert artifacts.picture("img_1").array.mean() == 100


@pytest.mark.parametrize("line", [b"{", b"[]", b"\xff\xfe", b'{"event": "dance"}', b'{"event": "step", "step": {}}'])
def test_a_damaged_line_is_reported_with_its_number_and_the_rest_is_kept(
    saved: tuple[Path, Trace], line: bytes
) -> None:
    folder, trace = saved
    damage(folder, 3, line)
    found = load(folder)
    assert len(found.problems) == 1
    assert re.match(r"line 3 of '.*trace\.jsonl' could not be read \(.+\); the rest was kept$", found.problems[0])
    assert found.trace.turns[1] == trace.turns[1]
    assert found.trace.turns[0].steps == trace.turns[0].steps[1:]
    assert found.trace.turns[0].answer == "2."


def test_a_lost_request_does_not_mix_two_turns(saved: tuple[Path, Trace]) -> None:
    """Broke when the steps and the answer of a turn whose request was damaged were put into the turn before."""
    folder, trace = saved
    damage(folder, 6, b"#")
    found = load(folder).trace
    assert found.turns[0] == trace.turns[0]
    assert found.turns[1].steps == trace.turns[1].steps
    assert (found.turns[1].request, found.turns[1].answer) == ("", "It says hello.")


def test_new_ids_stay_new_after_a_lost_line(saved: tuple[Path, Trace]) -> None:
    """Broke when ids were counted: with img_2 lost, the next picture would have taken img_3 from its owner."""
    folder, _ = saved
    records = dict(reloaded(folder).artifacts)
    artifacts = Artifacts(Store(folder / "store"), {"img_3": records["img_1"]})
    assert artifacts.add(picture(grey=5)) == "img_4"


def test_a_log_without_a_head_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no trace at '.*'; expected a folder with trace\.jsonl"):
        load(tmp_path)
    (tmp_path / FILE).write_text('{"event": "end", "answer": "x"}\n')
    with pytest.raises(InputError, match="holds no trace; its first line should be the event 'trace'"):
        load(tmp_path)


def test_a_line_cut_short_is_ended_before_the_next_event(saved: tuple[Path, Trace]) -> None:
    folder, trace = saved
    with (folder / FILE).open("ab") as file:
        file.write(b'{"event": "turn", "turn": {"req')
    Chat(scripted("Fine."), trace=load(folder).trace, folder=folder, store=Store(folder / "store")).ask("and now?")
    found = load(folder)
    assert [problem.split(" of ")[0] for problem in found.problems] == ["line 10"]
    assert found.trace.turns[:2] == trace.turns
    assert found.trace.turns[2].answer == "Fine."


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = chatting("One.", "Two.")
    journal = Journal(tmp_path)
    chat.ask("first")
    journal.whole(chat.trace)
    before = (tmp_path / FILE).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        journal.turn(chat.trace)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write to '.*'; name another folder|cannot write to '.*': "):
        Journal(tmp_path / "file" / "folder")


WRITERS = """
    import os, random, signal, sys, time
    from pathlib import Path
    from agent import Agent, Observation, ScriptedPlanner
    from tests.probes import say

    def write(folder, said):
        for run in range(1000):
            lines = [{"name": "say", "args": {"words": f"{run} {n}"}} for n in range(5)]
            chat = Agent(ScriptedPlanner([*lines, "Done."]), skills=[say], max_steps=9).chat(folder=folder / str(run))
            for event in chat.stream("go"):
                if isinstance(event, Observation):
                    os.write(said, f"{run} {event.tool_call_id}\\n".encode())

    drawn = random.Random(0)
    for number in range(50):
        folder = Path(sys.argv[1]) / str(number)
        folder.mkdir()
        said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY)
        child = os.fork()
        if child == 0:
            write(folder, said)
        while os.fstat(said).st_size < 27:  # three steps were said
            time.sleep(0.005)
        time.sleep(drawn.uniform(0.05, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
"""


@pytest.mark.slow
def test_a_killed_process_loses_at_most_the_step_under_way(tmp_path: Path) -> None:
    """SIGKILL at 50 random moments: what was started before the step under way is on disk."""
    subprocess.run([sys.executable, "-c", textwrap.dedent(WRITERS), str(tmp_path)], cwd=ROOT, check=True, timeout=100)
    checked = [_check(tmp_path / str(number)) for number in range(50)]
    assert sum(checked) > 50


def _check(folder: Path) -> int:
    """Compare each log with what its process said before it died; return how many steps are on disk."""
    said = (folder / "said").read_bytes().split(b"\n")[:-1]
    whole = 0
    for run in (path for path in folder.iterdir() if (path / FILE).is_file() and (path / FILE).stat().st_size):
        found = load(run)
        calls = [int(line.rpartition(b"_")[2]) for line in said if line.split()[0] == run.name.encode()]
        steps = len(found.trace.turn.steps) if found.trace.turns else 0
        whole += steps
        assert steps >= max(calls, default=1) - 1
        assert len(found.problems) <= 1
        assert Trace.from_json(found.trace.to_json()) == found.trace
        for record in found.trace.artifacts.values():
            assert json.loads(Store(run / "store").payload(record.sha256))["kind"] == "text"
    return whole
