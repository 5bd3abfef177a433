"""Scoring: what counts as the same call, and what an interval says."""

import pytest

from agent.score import Share, plain, same_arguments, score_turn, table
from agent.trace import Observation, PlannerOutput, Step, ToolCall, Turn


def turn(*calls: tuple[str, dict], marks: tuple[str, ...] = ()) -> Turn:
    steps = []
    for i, (name, args) in enumerate(calls, start=1):
        output = PlannerOutput(calls=(ToolCall(id=f"call_{i}", name=name, args=args),))
        steps.append(
            Step(
                output=output,
                observations=(Observation(tool_call_id=f"call_{i}", status="success", artifacts=(f"boxes_{i}",)),),
            )
        )
    return Turn(request="x", steps=(*steps, Step(output=PlannerOutput(answer="Done."))), marks=marks)


def row(*calls: tuple[str, dict], group: str = "direct") -> dict:
    return {"id": "r", "group": group, "lang": "en", "calls": [[{"name": n, "args": a}] for n, a in calls]}


@pytest.mark.parametrize(
    ("gold", "written", "same"),
    [
        ({}, {"image": "img_1"}, True),
        ({"image": "img_2"}, {"image": "img_1"}, False),
        ({"objects": ["red car"]}, {"objects": ["the Red car?"]}, True),
        ({"objects": ["red car"]}, {"objects": ["red car", "dog"]}, False),
        ({"brightness": ">1"}, {"brightness": 1.5}, True),
        ({"brightness": "<1"}, {"brightness": 1.5}, False),
        ({"degrees": -90}, {"degrees": -90.0}, True),
        ({"degrees": 90}, {"degrees": True}, False),
        ({"grayscale": True}, {"grayscale": True}, True),
        ({"regions": "$mark"}, {"regions": "boxes_9"}, True),
        ({"region": "$1[0]"}, {"region": "boxes_1[0]"}, True),
        ({"region": "$1[0]"}, {"region": "boxes_1"}, False),
    ],
)
def test_arguments_mean_the_same(gold, written, same):
    assert same_arguments(gold, written, marks=("boxes_9",), made={"1": ("boxes_1",)}) is same


def test_a_chain_is_exact_only_with_all_its_calls():
    gold = row(("find_faces", {}), ("blur", {"regions": "$1"}))
    assert score_turn(gold, turn(("find_faces", {}), ("blur", {"regions": "boxes_1"}))).exact
    half = score_turn(gold, turn(("find_faces", {})))
    assert (half.first_call, half.exact) == (True, False)


def test_a_request_without_a_tool_is_right_when_nothing_is_called():
    assert score_turn(row(group="no_tool"), turn()).first_call
    assert not score_turn(row(group="no_tool"), turn(("tag", {}))).first_call
    nonsense = Turn(request="x", steps=(Step(output=PlannerOutput(malformed="<s3><s3>")),))
    assert not score_turn(row(group="no_tool"), nonsense).exact


def test_the_interval_is_wilsons():
    low, high = Share(9, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)
    assert str(Share(1, 1)) == "1.00 (0.21-1.00, n=1)"


def test_words_are_compared_without_case_articles_and_outer_punctuation():
    assert plain("  The Red  car?") == plain("red car") == "red car"


def test_the_table_has_a_line_for_each_group_and_language():
    lines = table([score_turn(row(("tag", {})), turn(("tag", {})))]).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["direct", "en"], ["direct", "both"]]
