"""The executor: checks, side-by-side calls, cache, replay, deadlines, hanging plugins."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from agent import Observation, Trace
from agent.executor import Executor
from agent.replay import Replay
from skills import Cancel, Context, Number, Picture, Text, skill
from tests.conftest import ROOT
from tests.probes import PROBES, called, draw_number, find_two, hang, observed, picture, say, table


def executor(*skills: object, **options: object) -> Executor:
    return Executor(skills or PROBES, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (called("sai", words="x"), "unknown_skill: no skill 'sai' is on offer; there is find_two, say, paint,"),
        (called("say"), "bad_arguments: say: argument 'words' is missing; expected say(words, loud?)"),
        (called("say", word="x", words="y"), "bad_arguments: say: no argument 'word', did you mean 'words'?; expected"),
        (
            called("say", words=3),
            "argument 'words': Input should be a valid string, got '3'; expected say(words, loud?)",
        ),
        (called("say", words=""), "argument 'words': String should have at least 1 character, got ''"),
        (
            called("paint", image="img_7", regions=[0, 0, 1, 1]),
            "bad_arguments: there is no picture 'img_7'; there is img_1",
        ),
        (called("paint", image="cat", regions=[0, 0, 1, 1]), "argument 'image': String should match pattern"),
        (called("paint", regions="boxes_9"), "bad_region: 'boxes_9' names no region; there is none yet"),
        (
            called("paint", regions=[0, 0, 2, 2]),
            "bad_region: [0.0, 0.0, 2.0, 2.0] is no region; expected [x1, y1, x2, y2]",
        ),
        (called("refuse", words="x"), "skill_error: 'x' is not possible; ask for something else"),
    ],
)
def test_a_wrong_call_is_told_to_the_planner(call: object, text: str) -> None:
    (seen,) = observed(executor(), table(picture()), call)  # type: ignore[arg-type]
    assert seen.status == "error"
    assert text in seen.content


def test_a_skill_without_a_picture_asks_for_one() -> None:
    (seen,) = observed(executor(), table(), called("find_two"))
    assert seen.content == "bad_arguments: find_two needs a picture and there is none; ask the user for one"


def test_a_mended_argument_is_noted() -> None:
    (seen,) = observed(executor(), table(), called("say", words="x", loud="true"))
    assert seen.notes == ("loud: 'true' was read as True",)
    assert seen.args == {"words": "x", "loud": True}


def test_the_arguments_that_ran_hold_defaults_the_picture_and_the_seed() -> None:
    seen = observed(
        executor(seed=7), table(picture()), called("draw_number", limit=10), called("paint", 2, regions=[0, 0, 1, 1])
    )
    assert seen[0].args == {"limit": 10, "seed": 7}
    assert seen[1].args == {"image": "img_1", "regions": [0.0, 0.0, 1.0, 1.0], "color": 0.0}


def test_a_written_seed_wins_even_when_it_is_zero() -> None:
    seen = observed(executor(seed=7), table(), called("draw_number", limit=10**6, seed=0))
    expected = draw_number(limit=10**6, ctx=Context(seed=0))
    assert seen[0].data == {"num_1": expected.text}


def test_calls_of_one_step_overlap_and_are_stored_in_their_own_order() -> None:
    meeting = threading.Barrier(3, timeout=5)

    @skill
    def meet(number: int) -> Number:
        """Wait until three calls are here."""
        meeting.wait()
        time.sleep(0.05 * (3 - number))
        return Number(value=number)

    seen = observed(executor(meet), table(), *(called("meet", n, number=n) for n in (1, 2, 3)))
    assert [(o.tool_call_id, o.artifacts, o.content) for o in seen] == [
        (f"call_{n}", (f"num_{n}",), f"num_{n}: {n}") for n in (1, 2, 3)
    ]


def test_an_equal_call_is_answered_from_the_cache_by_content_not_by_id() -> None:
    runs = []

    @skill
    def look(image: Picture) -> Text:
        """Look once."""
        runs.append(1)
        return Text.of(str(image.array[0, 0, 0]))

    work = executor(look)
    artifacts = table(picture(grey=1), picture(grey=2))
    seen = [observed(work, artifacts, called("look", image=name))[0] for name in ("img_1", "img_1", "img_2")]
    assert [o.cached for o in seen] == [False, True, False]
    assert len(runs) == 2
    assert [o.artifacts for o in seen] == [("text_1",), ("text_2",), ("text_3",)]


def test_another_seed_is_another_call_and_errors_are_not_kept() -> None:
    work = executor()
    seen = [observed(work, table(), called("draw_number", limit=9, seed=s))[0].cached for s in (1, 2, 1)]
    assert seen == [False, False, True]
    assert [observed(work, table(), called("refuse", words="x"))[0].cached for _ in range(2)] == [False, False]


def test_replay_answers_in_order_then_says_it_is_used_up() -> None:
    replay = Replay({"find_two": [Number(value=1), (Number(value=2), Text.of("b"))]})
    work = executor(find_two, say, replay=replay)
    artifacts = table(picture())
    seen = [observed(work, artifacts, called("find_two"))[0] for _ in range(3)]
    assert [o.artifacts for o in seen] == [("num_1",), ("num_2", "text_1"), ()]
    assert seen[2].content == "skill_error: find_two was called 3 times, only 2 results are recorded"
    assert observed(work, artifacts, called("say", words="x"))[0].status == "success"


def test_replayed_calls_are_checked_like_any_other() -> None:
    work = executor(say, replay=Replay({"say": [Text.of("recorded")]}))
    assert observed(work, table(), called("say"))[0].status == "error"
    assert observed(work, table(), called("say", words="x"))[0].content == "text_1: 1 line:\nrecorded"


def test_a_call_past_its_deadline_is_abandoned_and_its_late_end_changes_nothing() -> None:
    """Broke when a late skill that noticed the cancel flag turned its own deadline into "cancelled"."""

    @skill
    def patient(*, ctx: Context) -> Number:
        """Wait for the cancel flag."""
        while True:
            ctx.cancel.check()
            time.sleep(0.01)

    work = executor(patient, deadline=0.3)
    calls = [called("patient", 1), called("patient", 2)]
    seen = []
    for event in work.run(calls, Trace(id="t"), table(), Cancel()):
        if isinstance(event, Observation):
            seen.append(event)
            time.sleep(0.2)
    assert [o.error.type if o.error else None for o in seen] == ["deadline", "deadline"]
    assert seen[0].content == "deadline: patient took longer than 0.3 s and was abandoned; try something smaller"


def test_stop_ends_every_call() -> None:
    cancel = Cancel()
    threading.Timer(0.1, cancel.set).start()
    seen = observed(executor(hang, say), table(), called("hang"), called("say", 2, words="x"), cancel=cancel)
    assert [o.status for o in seen] == ["cancelled", "success"]
    assert seen[0].content == "cancelled"


def test_twenty_hanging_calls_side_by_side_and_the_other_skills_still_answer() -> None:
    work = executor(deadline=2.0)
    artifacts = table(picture())
    began = time.monotonic()
    seen = observed(work, artifacts, *(called("hang", n, number=n) for n in range(1, 21)), called("say", 21, words="x"))
    assert time.monotonic() - began < 6
    assert [o.error.type if o.error else o.status for o in seen] == ["deadline"] * 20 + ["success"]
    assert observed(work, artifacts, called("find_two"))[0].status == "success"


def test_hanging_calls_one_after_the_other() -> None:
    work = executor(deadline=0.2)
    for number in range(5):
        assert observed(work, table(), called("hang", number=number))[0].error is not None
    assert observed(work, table(), called("say", words="x"))[0].status == "success"


def test_a_model_held_by_an_abandoned_call_is_loaded_anew() -> None:
    loads = []
    first = threading.Event()

    def load() -> int:
        loads.append(1)
        if len(loads) == 1:
            first.wait()
        return len(loads)

    @skill
    def modelled(number: int, *, ctx: Context) -> Number:
        """Use a model."""
        return Number(value=ctx.model("m", load))

    work = executor(modelled, deadline=0.3)
    assert observed(work, table(), called("modelled", number=1))[0].error is not None
    assert observed(work, table(), called("modelled", number=2))[0].content == "num_1: 2"
    first.set()


def test_ctrl_c_ends_a_program_with_a_hanging_plugin() -> None:
    program = """
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell leaves it ignored
        from agent import Agent, ScriptedPlanner
        from tests.probes import hang
        print("up", flush=True)
        Agent(ScriptedPlanner([{"name": "hang"}]), skills=[hang]).ask("go")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        time.sleep(1.5)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=5)
    finally:
        process.kill()
    assert b"KeyboardInterrupt" in errors
