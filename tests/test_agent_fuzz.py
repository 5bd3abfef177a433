"""Malformed planner outputs and arguments, drawn from seeds: each is an observation or an answer, never a crash."""

import json
import random
import warnings
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from agent import PlannerOutput, Trace
from agent.chat_dialect import ChatReader, read_chat
from agent.executor import Executor
from agent.slots import Slots, special_tokens
from agent.slots_reader import SlotsReader
from skills import Boxes
from skills.registry import Registry
from tests import tiny
from tests.probes import called, observed, picture, scripted, table

QUICK = ("crop", "rotate", "adjust", "calculate", "cut_out", "annotate", "blur")
REAL = [
    'I look first.<tool_call>{"name": "crop", "arguments": {"region": "boxes_1[0]"}}</tool_call>',
    '<tool_call>{"name": "adjust", "arguments": {"brightness": 1.5, "grayscale": true}}</tool_call>'
    '<tool_call>{"name": "rotate", "arguments": {"image": "img_1", "degrees": -90}}</tool_call>',
    '<tool_call>{"name": "blur", "arguments": {"regions": ["boxes_1", [0.1, 0.2, 0.5, 0.9]]}}</tool_call>',
    '<tool_call>{"name": "calculate", "arguments": {"expression": "(3 + 4) * 2"}}</tool_call>',
    "There are [boxes_1.count] of them: [boxes_1[0].label]. See [img_1] and [text_1].",
]
HARM = [
    "<tool_call>", "</tool_call>", "{", "}", '"', "[", "]", ",", ":", "NaN", "-Infinity", "1e999", "null", "true",
    "\\ud800", "[boxes_9[7].label]", "[call_3.error]", "[skills]", "[img_99999999999999]", "\x00", "\ufffd", "9" * 5000,
    "[" * 3000, "<s3>",
]  # fmt: skip


def mutated(text: str, drawn: random.Random) -> str:
    for _ in range(drawn.randint(1, 4)):
        at, to = sorted(drawn.randrange(len(text) + 1) for _ in range(2))
        text = drawn.choice(
            [
                text[:at] + text[to:],
                text[:at] + drawn.choice(HARM) + text[at:],
                text[:at] + text[at:to] * 2 + text[to:],
                text[:at],
                text[:at] + text[at:to][::-1] + text[to:],
            ]
        )
    return text


def played(outputs: list[PlannerOutput]) -> Trace:
    """Play outputs through the real loop, one turn each; whatever they say, the trace is whole."""
    chat = scripted(*[line for output in outputs for line in (output, "Done.")], skills=[], max_steps=2).chat()
    chat.ask("crop the car to its box", [picture()])
    chat.artifacts.add(Boxes(xyxy=((0, 0, 9, 9),), labels=("car",), frame="img_1"))
    while len(chat.agent.planner._lines) > chat.agent.planner._next:  # type: ignore[attr-defined]
        chat.ask("go on")
    return chat.trace


def check(trace: Trace) -> None:
    assert Trace.from_json(trace.to_json()) == trace
    assert json.loads(trace.to_json(), parse_constant=pytest.fail)["schema"] == "handeye.trace/1"
    for step in (step for turn in trace.turns for step in turn.steps):
        wanted = len(step.output.calls) + (step.output.malformed is not None)
        assert len(step.observations) == wanted
        assert wanted or step.output.answer
        assert all(seen.content for seen in step.observations)


@pytest.mark.parametrize("seed", range(5))
def test_mutated_texts_of_the_chat_dialect(seed: int) -> None:
    drawn = random.Random(seed)
    texts = [mutated(drawn.choice(REAL), drawn) for _ in range(50)]
    outputs = [read_chat(text, 1) for text in texts]
    assert sum(output.malformed is not None for output in outputs) > 5
    check(played(outputs))


def test_the_reader_that_streams_reads_what_the_whole_text_says() -> None:
    drawn = random.Random(9)
    for _ in range(50):
        text = mutated(drawn.choice(REAL), drawn)[:400]
        reader = ChatReader(lambda ids: "".join(map(chr, ids)), 1)
        events = [event for char in text for event in reader.take(ord(char))]
        assert reader.output == read_chat(text, 1)
        shown = "".join(event.text for event in events if hasattr(event, "text"))
        assert text.startswith(shown)
        assert len(text) - len(shown) <= text.count("\ufffd") + 1


@pytest.mark.parametrize("seed", range(5))
def test_random_tokens_of_the_short_dialect(seed: int) -> None:
    tokenizer = tiny.tokenizer(special_tokens())
    drawn = random.Random(seed)
    skills = Registry.load().offer(QUICK)
    control = tokenizer.convert_tokens_to_ids(
        [
            "<call>",
            "<say>",
            "<think>",
            "<,>",
            "<img_1>",
            "<boxes_1>",
            "<.count>",
            "<[0]>",
            "<skills>",
            "<a0>",
            "<a1>",
            "<a2>",
        ]
        + [f"<s{n}>" for n in range(8)]
    )
    outputs = []
    for _ in range(50):
        reader = SlotsReader(Slots(skills, range(len(skills))), tokenizer, first_call=1)
        opening = drawn.choice([[], tokenizer.convert_tokens_to_ids(["<call>", f"<s{drawn.randrange(7)}>", "<a1>"])])
        rest = [
            drawn.choice(control) if drawn.random() < 0.5 else drawn.randrange(len(tokenizer))
            for _ in range(drawn.randrange(8))
        ]
        for token in opening + rest:
            list(reader.take(token))
        list(reader.end())
        outputs.append(reader.output)
    assert any(output.calls for output in outputs)
    assert any(output.malformed is not None for output in outputs)
    check(played(outputs))


ODD: list[Any] = [
    None, True, 0, -1, 10**400, 1e308, "", "img_1", "boxes_1[0]", "img_0", "x" * 3000, [], [[]], {}, {"a": [None]},
    [0.5, 0.5], [0.1, 0.2, 0.3], ["boxes_1", "boxes_1"], [1e9, 0, 1, 1], "'; rm", "\x00", "１２",
    "boxes_1[99999999999999999999]",
]  # fmt: skip


def harmed(args: Any, drawn: random.Random) -> dict[str, Any]:
    harmed = dict(args)
    for name in list(harmed):
        if drawn.random() < 0.4:
            harmed[name] = drawn.choice(ODD)
        elif drawn.random() < 0.1:
            harmed[name + "x"] = harmed.pop(name)
    if drawn.random() < 0.2:
        harmed[drawn.choice(["", "regions", "ctx", "</s>", "seed"])] = drawn.choice(ODD)
    return harmed


@pytest.mark.slow
def test_drawn_and_harmed_arguments_of_every_quick_skill() -> None:
    """500 argument sets out of the skills' own schemas, then harmed: each ends as one observation."""
    skills = Registry.load().offer(QUICK)
    work = Executor(skills, deadline=20)
    small = picture()
    boxes = Boxes(xyxy=((1, 1, 9, 9), (3, 3, 20, 15)), labels=("a", "b"), frame="img_1")
    statuses: list[str] = []
    strategies = [(item, _strategy(item)) for item in skills]

    quiet = list(hypothesis.HealthCheck)

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=72, database=None, deadline=None, suppress_health_check=quiet, phases=[hypothesis.Phase.generate]
    )
    @hypothesis.given(st.data())
    def one(data: Any) -> None:
        drawn = random.Random(data.draw(st.integers(0, 2**32)))
        for item, strategy in strategies:
            args = harmed(data.draw(strategy), drawn)
            (seen,) = observed(work, table(small, boxes), called(item.name).model_copy(update={"args": args}))
            assert seen.content
            assert type(seen).model_validate_json(seen.model_dump_json()) == seen
            statuses.append(seen.error.type if seen.error else seen.status)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one()
    assert len(statuses) >= 500
    assert {"success", "bad_arguments", "bad_region"} <= set(statuses)
    assert set(statuses) <= {"success", "bad_arguments", "bad_region", "skill_error"}


def _strategy(item: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for sets of arguments that a skill's schema admits; optional ones may be left out."""
    from hypothesis_jsonschema import from_schema

    schema = _older(item.schema)
    drawn = {name: from_schema(sub) for name, sub in schema["properties"].items()}
    required = {name: drawn.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=drawn)


def _older(schema: Any) -> Any:
    """Return a schema with "items" for "prefixItems", which hypothesis-jsonschema does not know and filters for."""
    if isinstance(schema, list):
        return [_older(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "prefixItems" in schema:
        count = len(schema["prefixItems"])
        return {"type": "array", "items": schema["prefixItems"][0], "minItems": count, "maxItems": count}
    return {name: _older(item) for name, item in schema.items()}
