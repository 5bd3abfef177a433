"""What MMedAgent's form cannot hold: rows refused on import, Traces refused on export."""

import pytest

from agent import Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from tests.mmedagent_rows import assist, row
from tool_data.formats.base import Refused, Report, picture, take
from tool_data.formats.mmedagent import FORMAT, from_trace, to_trace
from tool_data.formats.mmedagent_text import Pairs


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"assist": None},
            "the row holds ['question_id', 'type', 'image', 'pre_text', 'text']; expected 'pre_text' and",
        ),
        ({"pre_text": 3}, "'pre_text' is 3; expected a text"),
        ({"image": ["a.jpg"]}, "'image' is ['a.jpg']; expected a text"),
        (
            {"assist": "I will look."},
            '\'assist\' is \'I will look.\'; expected "thoughts🤔", "actions🚀" and "value👉" in',
        ),
        ({"assist": assist("[{'API_name': 'x")}, "a string is not closed; expected a closing '"),
        ({"assist": assist('{"tool": 1}')}, "'actions' is {'tool': 1}; expected a list of API_name and API_params"),
        ({"assist": assist("[]")}, "'text' holds a tool's result and 'assist' calls none; expected a call"),
        (
            {"text": "cell"},
            "the message after a call of ['grounding dino'] begins 'cell'; expected 'NAME model outputs",
        ),
        ({"fig_caption": "\ud800"}, "the row cannot be saved as a Trace; expected finite numbers, whole characters"),
        ({"fig_caption": Pairs([("a", 1), ("a", 2)])}, "the row would not be written back as it is; expected no more"),
        (
            {"pre_text": "<im<image>age>"},
            "the request '<image>' holds the marker <image> itself; expected it taken out",
        ),
    ],
)
def test_a_wrong_row_is_refused(changed, why):
    report = Report()
    with pytest.raises(Refused) as refused:
        take(FORMAT, row(**changed), "m-1", report)
    assert why in str(refused.value)
    assert not report.repaired


def test_a_text_that_stands_twice_is_refused():
    with pytest.raises(Refused, match="expected 'pre_text' and 'assist', each once"):
        to_trace(Pairs([*row().items(), ("text", "x")]), "m-1", Report())


def test_a_chat_of_our_own():
    call = ToolCall(id="call_1", name="tag")
    seen = Observation(tool_call_id="call_1", status="success", content="cat")
    step = Step(output=PlannerOutput(thought="t", calls=(call,)), observations=(seen,))
    trace = Trace(
        id="c", turns=(Turn(request="q", images=("img_1",), steps=(step,)),), artifacts={"img_1": picture("a")}
    )
    found = from_trace(trace)
    assert found == {
        "question_id": "c",
        "image": "a",
        "pre_text": "q",
        "assist": '"thoughts🤔"t\n"actions🚀" [{"API_name": "ram", "API_params": {}}]\n"value👉"'
        "I will use ram to help to answer the question. Please wait for a moment.",
        "text": "ram output: cat\n\nAnswer my first question: q",
    }
    assert to_trace(found, "c", Report()).turns == trace.turns
    with pytest.raises(Refused, match="the trace has 2 turns of 2 steps; a row of MMedAgent holds one of one"):
        from_trace(trace.with_turn(trace.turn, {}))
    for changed in ({"images": ("img_2",)}, {"steps": (step.model_copy(update={"observations": (seen, seen)}),)}):
        with pytest.raises(
            Refused, match="'q' has more than img_1, a pass that could not be read, or a result missing"
        ):
            from_trace(trace.with_end(**changed))
