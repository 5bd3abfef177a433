"""What counts as an answer that cites, that says what failed, and that keeps the language."""

import pytest

from agent.score_answer import answer_table, score_answer
from agent.trace import CallError, Observation, PlannerOutput, Step, ToolCall, Turn

FOUND = Observation(tool_call_id="call_1", status="success", artifacts=("boxes_1",))
FAILED = Observation(
    tool_call_id="call_1", status="error", error=CallError(type="unavailable", message="tag cannot run here")
)


def turn(answer: str | None, *seen: Observation, request: str = "do it") -> Turn:
    call = ToolCall(id="call_1", name="find_faces", args={})
    steps = [Step(output=PlannerOutput(calls=(call,)), observations=(one,)) for one in seen]
    if answer is not None:
        steps.append(Step(output=PlannerOutput(answer=answer)))
    return Turn(request=request, steps=tuple(steps))


@pytest.mark.parametrize(
    ("answer", "seen", "cited", "reported"),
    [
        ("I found [boxes_1.count] faces.", FOUND, True, None),
        ("I found two faces.", FOUND, False, None),
        ("Here it is: [boxes_2]", FOUND, False, None),
        ("I can't do that here: [call_1.error]", FAILED, None, True),
        ("Done.", FAILED, None, False),
        (None, FOUND, False, None),
        (None, FAILED, None, False),
    ],
)
def test_an_answer_cites_what_was_made_or_what_failed(answer, seen, cited, reported):
    found = score_answer({"lang": "en"}, turn(answer, seen))
    assert (found.cited, found.reported) == (cited, reported)


def test_without_a_call_there_is_nothing_to_cite():
    found = score_answer({"lang": "en"}, turn("Hello! What shall we do with your picture?"))
    assert (found.cited, found.reported, found.language) == (None, None, True)


@pytest.mark.parametrize(
    ("lang", "answer", "right"),
    [
        ("es", "No puedo hacer eso aqu\u00ed: [call_1.error]", True),
        ("es", "I can't do that here: [call_1.error]", False),
        ("en", "[boxes_1]", None),
    ],
)
def test_the_language_is_told_by_frequent_words(lang, answer, right):
    assert score_answer({"lang": lang}, turn(answer, FOUND)).language is right


def test_digits_of_its_own_are_counted_and_the_users_are_not():
    assert score_answer({"lang": "en"}, turn("There are 3 faces", FOUND)).digits == 1
    assert score_answer({"lang": "en"}, turn("turned by 90: [boxes_1]", FOUND, request="turn it 90")).digits == 0


def test_the_table_counts_only_where_the_question_arises():
    told = [score_answer({"lang": "en"}, turn(text, FOUND)) for text in ("It is [boxes_1]", "There are 3 of them")]
    lines = answer_table(told).splitlines()
    assert "0.50" in lines[1]
    assert "n=2" in lines[1]
    assert "n=0" in lines[2]
    assert lines[4].endswith("1 of 2")
