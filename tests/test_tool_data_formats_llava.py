"""LLaVA's instruction rows: every place of `<image>`, rows without a picture, what is mended and what is refused."""

import json

import pytest

from agent.trace import PlannerOutput, Step, ToolCall, Trace, Turn
from skills.store import Artifact
from tool_data.formats.base import Refused, Report, picture, take
from tool_data.formats.llava import FORMAT, from_trace, to_trace


def row(*texts, **beside):
    """Return a row of those texts, human and gpt by turns; `beside` stands before them."""
    said = [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(texts)]
    return {"id": "000000033471", **beside, "conversations": said}


BUS = {"image": "coco/train2017/000000033471.jpg"}
WELL_FORMED = {
    "before": row("<image>\nWhat colour is the bus?", "Red.", "And the sky?", "Blue.", **BUS),
    "behind": row("What colour is the bus?\n<image>", "Red.", **BUS),
    "behind with a line break": row("What colour?\n<image>\n", "Red.", **BUS),
    "on one line": row("<image> What colour?", "Red.", **BUS),
    "within": row("Look at <image>, then say its colour.", "Red.", **BUS),
    "alone": row("<image>", "A bus.", **BUS),
    "in the second question": row("Hello", "Hello.", "<image>\nWhat is it?", "A bus.", **BUS),
    "two pictures": row("<image>\n<image>\nWhich is older?", "The first.", image=["a.jpg", "b.jpg"]),
    "two in two turns": row("<image>\nWhat?", "A cat.", "And <image>?", "A dog.", image=["a.jpg", "b.jpg"]),
    "one picture in a list": row("<image>\nWhat?", "A cat.", image=["a.jpg"]),
    "no picture": row("What is 2 + 2?", "4"),
    "no picture, the words <image>": row("What does <image> mean in HTML?\n<image>", "An old tag: <image>"),
    "other keys": {"id": 7, "model": "", "conversations": row("Hi", "Hello")["conversations"], "score": [0.5, None]},
    "other order": {"conversations": row("Hi", "Hello")["conversations"], "id": "x"},
    "no id": {"image": "a.jpg", "conversations": row("<image>\nHi", "Hello")["conversations"]},
    "keys of a message": {"id": "x", "conversations": [{"value": "Hi", "from": "human", "weight": 0}]},
    "no answer to the last": row("Hi", "Hello", "Still there?"),
    "an empty answer": row("Say nothing.", ""),
    "white space and other scripts": row("<image>\n\n Qué hay? ", " 一只猫 \n", **BUS),
}


@pytest.mark.parametrize("source", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_row_comes_back_as_it_was(source):
    report = Report()
    trace = to_trace(source, "train-1", report)
    assert json.dumps(from_trace(trace)) == json.dumps(source)
    assert to_trace(from_trace(trace), "train-1", report) == trace == Trace.from_json(trace.to_json())
    assert report.repaired == []


def test_the_marker_is_taken_out_and_the_picture_stands_where_it_was():
    trace = to_trace(WELL_FORMED["two in two turns"], "train-1", Report())
    assert [(turn.request, turn.images, turn.answer, turn.stop_reason) for turn in trace.turns] == [
        ("What?", ("img_1",), "A cat.", "answered"),
        ("And ?", ("img_2",), "A dog.", "answered"),
    ]
    assert {name: record.path for name, record in trace.artifacts.items()} == {"img_1": "a.jpg", "img_2": "b.jpg"}
    assert trace.turns[0].steps == (Step(output=PlannerOutput(answer="A cat.")),)


def test_only_what_is_laid_out_otherwise_is_kept():
    def kept(name):
        return to_trace(WELL_FORMED[name], "train-1", Report()).meta.origin.extra

    assert kept("before") == {"id": "000000033471"}
    assert kept("behind") == {"id": "000000033471", "form": {"markers": [[1, 23, "\n<image>"]]}}
    order = ["id", "model", "conversations", "score"]
    assert kept("other keys") == {"id": 7, "form": {"beside": {"model": "", "score": [0.5, None]}, "order": order}}


def test_an_open_question_has_no_answer():
    trace = to_trace(WELL_FORMED["no answer to the last"], "train-1", Report())
    assert [turn.stop_reason for turn in trace.turns] == ["answered", None]
    assert trace.turns[1].steps == ()


def test_what_can_only_be_meant_one_way_is_mended_and_said():
    report = Report()
    unmarked = to_trace(row("What colour is the bus?", "Red.", **BUS), "train-1", report)
    assert from_trace(unmarked)["conversations"][0]["value"] == "<image>\nWhat colour is the bus?"
    early = row("Hi", "Hello")
    early["conversations"].insert(0, {"from": "gpt", "value": "as I said"})
    assert from_trace(to_trace(early, "train-2", report)) == row("Hi", "Hello")
    assert report.repaired == [
        ("train-1", "the picture has no <image>; it is put before the first question"),
        ("train-2", "an answer before the first question, left out"),
    ]


REFUSED = {
    "it has no list 'conversations' with a question in it": {"id": "x", "image": "a.jpg"},
    'message 2 is not of the form {"from": "human" or "gpt", "value": text}': {
        "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": None}]
    },
    "a message is from 'human' where 'gpt' is expected: 'Are you there?'": {
        "conversations": [{"from": "human", "value": "Hi"}, {"from": "human", "value": "Are you there?"}]
    },
    "a message is from 'system' where 'human' is expected: 'Be brief.'": {
        "conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "Hi"}]
    },
    "a message is from 'gpt' where 'human' is expected: 'Hello'": {
        "conversations": [{"from": "gpt", "value": "Hello"}]
    },
    "2 <image> stand for 1 pictures; expected one for each": row("<image>\n<image>\nWhat?", "A cat.", image="a.jpg"),
    "0 <image> stand for 2 pictures; expected one for each": row("What?", "A cat.", image=["a.jpg", "b.jpg"]),
    "'image' is None; expected a file's name, and no such key where there is no picture": row("Hi", "Hi", image=None),
    "'image' is []; expected a file's name, and no such key where there is no picture": row("Hi", "Hi", image=[]),
}


@pytest.mark.parametrize("why", REFUSED)
def test_another_row_is_refused_and_nothing_noted(why):
    report = Report()
    with pytest.raises(Refused) as refused:
        take(FORMAT, REFUSED[why], "train-1", report)
    assert str(refused.value) == why
    assert report.repaired == []


SAVED = "the row cannot be saved as a Trace; expected finite numbers, whole characters and few levels ("


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (row("Hi", "Hi", score=float("nan")), f"{SAVED}ValidationError"),
        (row("Hi", "\ud83d"), f"{SAVED}PydanticSerializationError"),
        (row("<im<image>age>\nHi", "Hi", image="a.jpg"), "the words of question 1 hold <image>, which would be read"),
    ],
)
def test_a_row_that_would_not_come_back_is_refused(source, why):
    with pytest.raises(Refused) as refused:
        take(FORMAT, source, "train-1", Report())
    assert str(refused.value).startswith(why)


def shown(name="img_1", request="What is it?"):
    step = Step(output=PlannerOutput(thought="I see it.", answer="[text_1]"))
    turn = Turn(request=request, images=(name,), steps=(step,), answer="A cat.", stop_reason="answered")
    return Trace(id="mine", turns=(turn,), artifacts={name: picture("cats/1.jpg", name)})


def test_a_trace_of_our_own_is_written_as_the_user_read_it():
    assert from_trace(shown()) == row("<image>\nWhat is it?", "A cat.", image="cats/1.jpg") | {"id": "mine"}


def test_a_picture_in_a_store_is_named_by_its_hash_and_found_again():
    record = Artifact(kind="picture", sha256="ab" * 32, media_type="image/png", frame="img_1")
    trace = shown().model_copy(update={"artifacts": {"img_1": record}})
    assert from_trace(trace)["image"] == "ab" * 32
    assert to_trace(from_trace(trace), "mine", Report()).artifacts == {"img_1": record}


def test_a_trace_that_the_form_cannot_hold_is_refused():
    call = Step(output=PlannerOutput(calls=(ToolCall(id="call_1", name="tag"),)))
    calling = Trace(id="mine", turns=(Turn(request="Tag it", steps=(call,)),))
    unanswered = Trace(id="mine", turns=(Turn(request="Hi"), Turn(request="Hello?")))
    for trace, why in [
        (calling, "turn 1 calls tools; llava holds only questions and answers"),
        (unanswered, "question 1 has no answer; only the last may have none"),
        (shown("img_2"), "its questions show the pictures ['img_2']; expected img_1, img_2 ... in that order"),
        (
            shown(request="What is <image>?"),
            "the words of question 1 hold <image>, which would be read as the picture",
        ),
    ]:
        with pytest.raises(Refused) as refused:
            from_trace(trace)
        assert str(refused.value) == why


def test_the_format_names_itself_and_its_losses():
    assert FORMAT.name == "llava"
    assert FORMAT.losses[-1] == "the thought before an answer"
