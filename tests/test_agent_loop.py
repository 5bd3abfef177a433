"""The loop: why a turn ends, and what a bug leaves behind."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import Agent, CallReady, ContextFull, Delta, PlannerOutput, StepEnded, TurnEnded, loop
from skills import Cancel
from tests.probes import PROBES, chatting, picture, reloaded, scripted, skill

ONE = {"name": "say", "args": {"words": "hello"}}


class Planner:
    """Does what a function says."""

    name, checkpoint = "test", ""

    def __init__(self, plan: Any) -> None:
        self._plan = plan

    def plan(self, trace: Any, skills: Any, artifacts: Any, cancel: Any) -> Iterator[Any]:
        yield from self._plan(trace, cancel)


def test_the_loop_reads_aloud_in_forty_lines() -> None:
    tree = ast.parse(inspect.getsource(loop.run))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert (function.end_lineno or 0) - function.lineno + 1 <= 40


def test_a_turn_calls_then_answers_with_the_tools_own_words() -> None:
    chat = chatting(ONE, "It says [text_1].")
    turn = chat.ask("say hello").turn
    assert (turn.stop_reason, turn.answer) == ("answered", "It says hello.")
    assert [step.output.answer for step in turn.steps] == [None, "It says [text_1]."]
    (citation,) = turn.citations
    assert turn.answer[citation.start : citation.end] == "hello"


def test_a_question_back_ends_the_turn_as_asked() -> None:
    turn = chatting("Which of the two?").ask("blur it").turn
    assert (turn.stop_reason, turn.answer) == ("asked", "Which of the two?")


def test_the_step_budget_ends_the_turn() -> None:
    turn = scripted(*[ONE] * 9, max_steps=3).ask("say hello").turn
    assert (turn.stop_reason, len(turn.steps), turn.answer) == ("step_limit", 3, "")


def test_unreadable_output_is_told_to_the_planner_and_three_end_the_turn() -> None:
    lines = [PlannerOutput(malformed="<call><call>")] * 3
    turn = chatting(*lines).ask("go").turn
    assert (turn.stop_reason, len(turn.steps)) == ("planner_error", 3)
    seen = turn.steps[0].observations[0]
    assert seen.content == (
        "bad_arguments: '<call><call>' could not be read; expected a call of a skill on offer, or an answer"
    )


def test_two_unreadable_outputs_are_forgiven() -> None:
    turn = chatting(PlannerOutput(malformed="?"), PlannerOutput(malformed="?"), "Done.").ask("go").turn
    assert (turn.stop_reason, turn.answer) == ("answered", "Done.")


def test_a_planner_that_gives_no_output_is_unreadable() -> None:
    turn = Agent(Planner(lambda trace, cancel: iter([Delta("answer", "lost")]))).ask("go").turn
    assert turn.stop_reason == "planner_error"


def test_a_full_context_ends_the_turn_with_its_reason() -> None:
    def plan(trace: Any, cancel: Any) -> Iterator[Any]:
        raise ContextFull("the chat takes 9000 tokens")
        yield

    turn = Agent(Planner(plan)).ask("go").turn
    assert (turn.stop_reason, turn.notes) == ("context_full", ("the chat takes 9000 tokens",))


def test_stop_while_the_planner_writes_ends_the_turn_as_cancelled() -> None:
    cancel = Cancel()

    def plan(trace: Any, token: Cancel) -> Iterator[Any]:
        yield Delta("answer", "I was ")
        cancel.set()
        token.check()
        yield PlannerOutput(answer="never")

    answer = Agent(Planner(plan)).ask("go", cancel=cancel)
    assert (answer.turn.stop_reason, answer.answer, answer.turn.steps) == ("cancelled", "", ())


def test_stop_while_a_skill_runs_keeps_the_step() -> None:
    cancel = Cancel()
    chat = chatting({"name": "hang"}, "never said")
    for event in chat.stream("hang", cancel=cancel):
        if isinstance(event, CallReady):
            cancel.set()
    turn = chat.trace.turn
    assert turn.stop_reason == "cancelled"
    assert [seen.status for seen in turn.steps[0].observations] == ["cancelled"]


def test_turn_ended_is_the_last_event_and_steps_come_before() -> None:
    events = list(chatting(ONE, "Done.").stream("go"))
    assert isinstance(events[-1], TurnEnded)
    assert sum(isinstance(event, StepEnded) for event in events) == 2


@pytest.mark.parametrize("beside", [[], [ONE]])
def test_a_bug_in_a_skill_raises_after_the_trace_is_saved(tmp_path: Path, beside: list[Any]) -> None:
    """Broke once a skill's ZeroDivisionError had been made an observation: the planner would retry a bug for ever."""
    agent = scripted(ONE, [*beside, {"name": "broken"}], "never said")
    chat = agent.chat(folder=tmp_path)
    with pytest.raises(ZeroDivisionError, match="planted"):
        chat.ask("go", [picture()])
    saved = reloaded(tmp_path)
    assert saved == chat.trace
    assert [step.output.calls[-1].name for step in saved.turn.steps] == ["say", "broken"]
    assert saved.turn.steps[1].observations == ()
    assert saved.turn.stop_reason is None
    assert saved.turn.notes == ("ended by a bug: ZeroDivisionError('planted')",)


def test_a_bug_in_the_planner_raises_and_no_step_is_written_twice(tmp_path: Path) -> None:
    """Broke when the journal wrote the step before a planner's bug a second time (or failed where there was none)."""
    for lines in ((), (ONE,)):
        folder = tmp_path / str(len(lines))
        done = iter(lines)

        def plan(trace: Any, cancel: Any, done: Iterator[Any] = done) -> Iterator[Any]:
            from agent import ToolCall

            for line in done:
                yield PlannerOutput(calls=(ToolCall(id="call_1", **line),))
                return
            raise LookupError("planted in the planner")

        chat = Agent(Planner(plan), skills=list(PROBES)).chat(folder=folder)
        with pytest.raises(LookupError, match="planted in the planner"):
            chat.ask("go")
        assert reloaded(folder) == chat.trace
        assert len(chat.trace.turn.steps) == len(lines)


def test_a_skill_that_ends_the_program_is_a_bug_like_any_other(tmp_path: Path) -> None:
    @skill
    def leave(words: str) -> None:
        """End the program."""
        raise SystemExit(3)

    chat = scripted({"name": "leave", "args": {"words": "x"}}, skills=[leave]).chat(folder=tmp_path)
    with pytest.raises(RuntimeError, match=r"skill 'leave' raised SystemExit\(3\)"):
        chat.ask("go")
    assert reloaded(tmp_path) == chat.trace


def test_a_skill_that_returns_no_value_is_a_bug() -> None:
    @skill
    def nothing(words: str) -> None:
        """Return nothing at all."""

    with pytest.raises(TypeError, match="skill 'nothing' returned NoneType; expected a value"):
        scripted({"name": "nothing", "args": {"words": "x"}}, skills=[nothing]).ask("go")


def test_a_chat_goes_on_after_a_bug() -> None:
    chat = chatting({"name": "broken"}, "Fine now.")
    with pytest.raises(ZeroDivisionError):
        chat.ask("go", [picture()])
    assert chat.ask("and now?").answer == "Fine now."
