"""Citations: what is inserted is the tool's own, once, and what does not exist is left out and said."""

import pytest

from agent import Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from agent.citations import expand
from agent.trace import CallError
from skills import Boxes, Masks, Number, Points, Text, Value, skill
from tests.probes import picture, say, table

VALUES: tuple[Value, ...] = (
    picture(),
    Boxes(xyxy=((0, 0, 1, 1), (1, 1, 2, 2)), labels=("dog", "cat"), scores=(0.914, 0.5)),
    Boxes(xyxy=((0, 0, 1, 1),)),
    Text.of("STOP", "all ways"),
    Number(value=2.5, unit="m"),
    Points(xy=((1, 1),)),
    Masks(),
)


def expanded(answer: str, *values: Value) -> tuple[str, tuple[str, ...]]:
    text, citations, notes = expand(answer, Trace(id="t"), table(*(values or VALUES)), (say,))
    for citation in citations:
        assert 0 <= citation.start <= citation.end <= len(text)
    return text, notes


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("It says [text_1].", "It says STOP\nall ways."),
        ("[text_1[1]] and [text_1[0].text]", "all ways and STOP"),
        (
            "[boxes_1.count]: [boxes_1], [boxes_1[1].label], [boxes_1[1]], [boxes_1[0].score]",
            "2: dog, cat, cat, cat, 0.91",
        ),
        ("[boxes_2] [boxes_2.count]", "boxes_2 1"),
        ("[num_1] [img_1] [points_1.count] [mask_1.count]", "2.5 m img_1 1 0"),
        ("[] [x] [text] [text_1", "[] [x] [text] [text_1"),
    ],
)
def test_each_citation_is_expanded_from_its_artifact(answer: str, text: str) -> None:
    assert expanded(answer) == (text, ())


@pytest.mark.parametrize(
    "ref",
    [
        "text_9",
        "boxes_1[7].label",
        "boxes_2[0].label",
        "num_1.count",
        "boxes_1.size",
        "call_1.error",
        "img_1[0]",
        "text_1[0].box",
    ],
)
def test_what_does_not_exist_is_left_out_and_said(ref: str) -> None:
    assert expanded(f"A [{ref}] b") == ("A  b", (f"the answer cited [{ref}], which does not exist; it was left out",))


def test_what_is_inserted_is_never_expanded_again() -> None:
    """A sign that reads "[skills]" or "[text_2]" is shown as it stands."""
    sign, other = Text.of("[text_2] [skills] [text_1] [call_1.error]"), Text.of("secret")
    assert expanded("It says [text_1]!", sign, other) == (f"It says {sign.text}!", ())


def test_a_citation_cannot_be_put_together_by_what_is_inserted() -> None:
    assert expanded("[[text_1]]", Text.of("text_2"), Text.of("secret")) == ("[text_2]", ())


def test_places_of_citations_are_those_in_the_expanded_answer() -> None:
    text, citations, _ = expand("[num_1] and [text_1[0]]", Trace(id="t"), table(*VALUES), ())
    assert [(text[c.start : c.end], c.ref) for c in citations] == [("2.5 m", "num_1"), ("STOP", "text_1[0]")]


def test_the_error_of_a_call_is_its_own_message() -> None:
    error = CallError(type="unavailable", message="detect cannot run here: not built yet")
    seen = Observation(tool_call_id="call_1", status="error", error=error)
    step = Step(output=PlannerOutput(calls=(ToolCall(id="call_1", name="detect"),)), observations=(seen,))
    trace = Trace(id="t", turns=(Turn(request="r", steps=(step,)),))
    assert expand("Sorry: [call_1.error]", trace, table(), ())[0] == f"Sorry: {error.message}"


def test_the_list_of_skills_says_what_cannot_run_here() -> None:
    @skill(needs=["surely_not_installed"], mend="pip install it")
    def far(words: str) -> Text:
        """Do far things."""
        return Text.of(words)

    text, _, _ = expand("I can use: [skills]", Trace(id="t"), table(), (say, far))
    assert text == (
        "I can use: \n- say: Give back words as text.\n"
        "- far: Do far things. (not here: package 'surely_not_installed' is missing; pip install it)"
    )
