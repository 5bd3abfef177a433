"""What LLaVA-Plus's form cannot hold: rows refused on import, Traces refused on export."""

import pytest

from agent import Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from tests.llava_plus_records import TAIL, WAIT, action, gpt, human, one, refusal
from tool_data.formats.base import Refused, Report, picture
from tool_data.formats.llava_plus import FORMAT, from_trace, to_trace


def deep(levels):
    return [deep(levels - 1)] if levels else []


@pytest.mark.parametrize(
    ("number", "message", "why"),
    [
        (0, {"from": "system", "value": "x"}, "message 0 is from 'system'; expected 'human'"),
        (0, "x", "message 0 is from 'x'; expected 'human'"),
        (1, human("x"), "message 1 is from 'human'; expected 'gpt'"),
        (1, gpt("t", [action("ram")], 3), "message 1 holds ['from', 'thoughts', 'actions', 'value']; expected"),
        (
            1,
            gpt("t", [], "x") | {"loss": 1},
            "message 1 holds ['from', 'thoughts', 'actions', 'value', 'loss']; expected",
        ),
        (1, gpt(None, [], "x"), "the thoughts of message 1 are None; expected a text"),
        (1, gpt("t", {}, "x"), "'actions' is {}; expected a list of API_name and API_params"),
        (1, gpt("t", ["ram"], "x"), "an action holds 'ram'; expected ['API_name', 'API_params'], the first a text"),
        (
            1,
            gpt("t", [action("ram") | {"value": 1}], "x"),
            "an action holds ['API_name', 'API_params', 'value']; expected",
        ),
        (1, gpt("t", [action("ram") | {"API_params": 3}], "x"), "the API_params of 'ram' are 3; expected an object"),
        (1, gpt("t", "[{'a", "x"), 'JSON cannot be mended at character 4, near "[{\'a": a string is not closed'),
        (1, gpt("t", [action("\ud800")], "x"), "the row cannot be saved as a Trace; expected finite numbers, whole"),
        (1, gpt("t", [action("x", n=float("nan"))], "x"), "expected finite numbers, whole characters and few levels"),
        (1, gpt("t", [action("x", n=deep(900))], "x"), "expected finite numbers, whole characters and few levels"),
        (
            2,
            human("Never mind."),
            "the message after a call of ['ram'] begins 'Never mind.'; expected 'NAME model outputs",
        ),
        (2, human("ram model outputs: cat"), "in one of the four wordings of LLaVA-Plus"),
    ],
)
def test_a_wrong_message_is_refused(number, message, why):
    row = one(action("ram"))
    row["conversations"][number] = message
    assert why in refusal(row)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"conversations": []}, "'conversations' is []; expected a list of messages"),
        ({"image": ["a.jpg", "b.jpg"]}, "'image' is ['a.jpg', 'b.jpg']; expected the name of one picture"),
        ({"image": None}, "'image' is None; expected the name of one picture, or no such key and no <image>"),
        (
            {"conversations": [human("<im<image>age>"), gpt("", [], "x")]},
            "the request '<image>' holds the marker <image> itself; expected it taken out",
        ),
    ],
)
def test_a_wrong_row_is_refused(changed, why):
    assert why in refusal(one(action("ram")) | changed)


def answered(request, *steps, **turn):
    return Turn(request=request, steps=(*steps, Step(output=PlannerOutput(answer="x"))), answer="x", **turn)


def test_a_chat_of_our_own_is_written():
    call = ToolCall(id="call_1", name="blur", args={"regions": ["boxes_1"]})
    seen = Observation(tool_call_id="call_1", status="success", content="img_2")
    step = Step(output=PlannerOutput(thought="t", calls=(call,)), observations=(seen,))
    turn = answered("blur it", step, images=("img_1",), stop_reason="answered")
    row = from_trace(Trace(id="chat-1", turns=(turn,), artifacts={"img_1": picture("a.jpg")}))
    assert row == {
        "id": "chat-1",
        "image": "a.jpg",
        "conversations": [
            human("<image>\nblur it"),
            gpt("t", [action("blur", regions=["boxes_1"])], WAIT.format("blur")),
            human(f"blur model outputs: img_2{TAIL}blur it"),
            gpt("", [], "x"),
        ],
    }
    assert to_trace(row, "x-1", Report()).turns == (turn,)


def test_a_trace_that_a_record_cannot_hold_is_refused():
    call = ToolCall(id="call_1", name="blur")
    calling = Step(output=PlannerOutput(calls=(call,)))
    wordy = Observation(tool_call_id="call_1", status="success", content=f"a{TAIL}b\n\nblur model outputs: c")
    twice = PlannerOutput(calls=(call, call.model_copy(update={"id": "call_2"})))
    for turns, why in [
        ((), "the trace 'x' has no turn; expected at least one request"),
        (
            (answered("q", images=("img_1", "img_2")),),
            "the trace shows ['img_1', 'img_2']; a record of LLaVA-Plus holds one picture, img_1",
        ),
        (
            (Turn(request="q", steps=(calling,)), answered("r")),
            "0 results for ['blur'] in 'q'; expected one for each call",
        ),
        ((Turn(request="q"), answered("r")), "'q' has no answer and is not the last request; expected an answer"),
        (
            (Turn(request="q", steps=(Step(output=PlannerOutput(malformed="{")),)),),
            "step 1 of 'q' neither calls nor answers; expected one of them",
        ),
        (
            (Turn(request="q", steps=(Step(output=twice, observations=(wordy, wordy)),)),),
            "the results of ['blur', 'blur'] hold the wording itself, so they could not be read back: 'blur model",
        ),
    ]:
        with pytest.raises(Refused) as refused:
            from_trace(Trace(id="x", turns=turns))
        assert why in str(refused.value)
    assert any("status" in line for line in FORMAT.losses)
