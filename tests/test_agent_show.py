"""The terminal: the answer streams with its citations expanded, the log has thoughts, progress and errors."""

import io

import pytest

from agent import Agent, Delta, PlannerOutput, ScriptedPlanner
from agent.events import Progress
from agent.show import AnswerStream, Log, clean, cut


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Slow:
    """Writes its answer a character at a time, after one call."""

    name, checkpoint = "slow", ""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def plan(self, trace, skills, artifacts, cancel):
        if not trace.turn.steps:
            yield from ScriptedPlanner([{"name": "calculate", "args": {"expression": "6*7"}}]).plan(
                trace, skills, artifacts, cancel
            )
            return
        for char in self._answer:
            yield Delta("answer", char)
        yield PlannerOutput(answer=self._answer)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("it is [num_1], surely", "it is 42, surely"),
        ("[num_1]", "42"),
        ("see [1] and [num_1", "see [1] and [num_1"),
        ("no [text_4] here", "no  here"),
        ("\x1b[2J[num_1]", "\ufffd[2J42"),
    ],
)
def test_a_terminal_gets_the_answer_with_citations_expanded(answer: str, shown: str) -> None:
    out = _Terminal()
    chat = Agent(_Slow(answer)).chat()
    stream = AnswerStream(chat, out)
    for event in chat.stream("how much?"):
        stream(event)
    assert out.getvalue() == shown + "\n"


def test_a_terminal_gets_each_piece_as_it_comes_but_no_half_citation() -> None:
    out = _Terminal()
    chat = Agent(_Slow("is [num_1]!")).chat()
    stream = AnswerStream(chat, out)
    seen = []
    for event in chat.stream("how much?"):
        stream(event)
        if isinstance(event, Delta):
            seen.append(out.getvalue())
    assert seen == ["i", "is", "is ", *["is "] * 6, "is 42", "is 42!"]


def test_a_file_gets_the_answer_as_it_is() -> None:
    out = io.StringIO()
    chat = Agent(_Slow("\x1b is [num_1]")).chat()
    stream = AnswerStream(chat, out)
    for event in chat.stream("how much?"):
        stream(event)
    assert out.getvalue() == "\x1b is 42\n"


def test_the_log_has_thoughts_progress_and_what_could_not_be_read() -> None:
    out = io.StringIO()
    lines = [PlannerOutput(thought="let me see", malformed="<?", notes=("boxes were scaled",)), "done"]
    log = Log(out)
    log(Progress("call_1", 3, 10, "drawing"))
    for event in Agent(ScriptedPlanner(lines)).chat().stream("x"):
        log(event)
    said = out.getvalue()
    assert said.startswith("  call_1 3/10 drawing\nstep 1\n  thought: let me see\n  note: boxes were scaled\n")
    assert "  error: bad_arguments: '<?' could not be read" in said


def test_lines_are_cut_and_cleaned() -> None:
    assert cut("a\nb\x07") == "a b\ufffd"
    assert cut("x" * 400) == "x" * 300 + " ..."
    assert clean("tab\tline\n\x9b") == "tab\tline\n\ufffd"
