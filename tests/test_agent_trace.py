"""The Trace: its JSON gives back an equal trace, whatever is inside."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from agent import Citation, Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from agent.trace import CallError, Meta
from skills.store import Artifact

words = st.text(max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | numbers | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)
tables = st.dictionaries(words, values, max_size=3)
names = st.tuples(words) | st.just(())
calls = st.builds(ToolCall, id=words, name=words, args=tables)
outputs = st.builds(
    PlannerOutput,
    thought=words,
    calls=st.lists(calls, max_size=2).map(tuple),
    answer=st.none() | words,
    malformed=st.none() | words,
    notes=names,
    token_ids=st.none() | st.tuples(st.integers(0, 1000)),
    logprobs=st.none() | st.tuples(numbers),
)
errors = st.none() | st.builds(
    CallError, type=st.sampled_from(["bad_region", "deadline", "skill_error"]), message=words
)
observations = st.builds(
    Observation,
    tool_call_id=words,
    status=st.sampled_from(["success", "error", "cancelled"]),
    error=errors,
    args=tables,
    content=words,
    data=tables,
    artifacts=names,
    notes=names,
    cached=st.booleans(),
    seconds=numbers,
)
steps = st.builds(Step, output=outputs, observations=st.lists(observations, max_size=2).map(tuple))
turns = st.builds(
    Turn,
    request=words,
    images=names,
    steps=st.lists(steps, max_size=2).map(tuple),
    answer=words,
    citations=st.tuples(st.builds(Citation, start=st.integers(0, 9), end=st.integers(0, 9), ref=words)) | st.just(()),
    stop_reason=st.none()
    | st.sampled_from(["answered", "asked", "step_limit", "context_full", "cancelled", "planner_error"]),
    feedback=st.none() | words,
)
records = st.builds(
    Artifact,
    kind=st.sampled_from(["picture", "text"]),
    sha256=words,
    media_type=words,
    size=st.none() | st.tuples(st.integers(1, 99), st.integers(1, 99)),
)
metas = st.builds(
    Meta, planner=words, seed=st.integers(), versions=st.dictionaries(words, words, max_size=2), offer=names
)
traces = st.builds(
    Trace,
    id=words,
    turns=st.lists(turns, max_size=2).map(tuple),
    artifacts=st.dictionaries(words, records, max_size=2),
    meta=metas,
)


@hypothesis.seed(0)
@hypothesis.settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(traces)
def test_the_json_of_a_trace_gives_back_an_equal_trace(trace: Trace) -> None:
    text = trace.to_json()
    assert Trace.from_json(text) == trace
    assert Trace.from_json(trace.to_json(indent=1)) == trace
    assert Trace.from_json(text).to_json() == text
    assert Trace.model_validate(json.loads(text)) == trace


def test_the_json_has_the_names_of_the_contract() -> None:
    trace = Trace(id="t", turns=(Turn(request="r", steps=(Step(output=PlannerOutput(answer="a")),)),))
    data = json.loads(trace.to_json())
    assert list(data) == ["schema", "id", "turns", "artifacts", "meta"]
    assert data["schema"] == "handeye.trace/1"
    turn = {"request", "images", "marks", "steps", "answer", "citations", "stop_reason", "feedback"}
    assert turn <= set(data["turns"][0])
    assert set(data["turns"][0]["steps"][0]) == {"output", "observations"}
    assert {"thought", "calls", "answer"} <= set(data["turns"][0]["steps"][0]["output"])
    meta = {"planner", "checkpoint", "seed", "versions", "consent", "forked_from", "replayed"}
    assert meta <= set(data["meta"])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"schema": "handeye.trace/2"}, "handeye.trace/1"),
        ({"colour": 1}, "Extra inputs are not permitted"),
        ({"turns": [{"request": "r", "stop_reason": "bored"}]}, "'answered', 'asked', 'step_limit'"),
        ({"id": None}, "Input should be a valid string"),
    ],
)
def test_what_is_no_trace_is_refused(change: dict[str, object], text: str) -> None:
    data = {**json.loads(Trace(id="t").to_json()), **change}
    with pytest.raises(ValidationError, match=text):
        Trace.model_validate(data)


def test_a_trace_is_frozen_and_grows_by_copies() -> None:
    trace = Trace(id="t").with_turn(Turn(request="r"), {})
    grown = trace.with_step(Step(output=PlannerOutput(calls=(ToolCall(id="call_1", name="a"),))), {})
    ended = grown.with_end(answer="x", stop_reason="answered")
    with pytest.raises(ValidationError, match="Instance is frozen"):
        trace.id = "u"  # type: ignore[misc]
    assert (len(trace.turn.steps), grown.call_count, ended.turn.answer) == (0, 1, "x")
