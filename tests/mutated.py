"""Rows of chat formats that strangers spoiled, and one native chat: what the formats' tests share."""

import copy
import json
import random

from agent import Agent, ScriptedPlanner
from tests.probes import picture
from tool_data.formats.base import Refused, Report, take

TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Tell it.", "parameters": {"type": "object", "properties": {}}},
}
CALLED = '<tool_call>{"name":"q","arguments":{}}</tool_call>'
VALUES = (
    None, "", [], {}, 0, 1.5, True, "<image>", "x <tool_call>", CALLED, "user", "tool", ["a"], {"type": "text"},
    {"a": None}, "(made by c1)", "(made by call_1)", "[]", "{}", "\n x \n", "c1", "c2",
)  # fmt: skip
KEYS = ("name", "extra", "weight", "id", "content", "tools", "images", "image", "tool_calls", "value")


def places(value, path=()):
    if path:
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def mutated(row, rng):
    """Return a copy with one to three values removed, replaced, doubled or added."""
    row = copy.deepcopy(row)
    for _ in range(rng.randint(1, 3)):
        paths = list(places(row))
        if not paths:
            break
        *above, last = rng.choice(paths)
        node = row
        for key in above:
            node = node[key]
        change = rng.choice(("remove", "replace", "double", "add"))
        if change == "remove":
            del node[last]
        elif isinstance(node, list) and change == "double":
            node.insert(last, copy.deepcopy(node[last]))
        elif isinstance(node, dict) and change == "add":
            node[rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
        else:
            node[last] = copy.deepcopy(rng.choice(VALUES))
    return row


def held_or_refused(form, base, count):
    """Check that each spoiled row is refused, mended with a note or written back as it was; return how many were kept.

    Whatever is kept is a Trace whose row is read as the same Trace again.
    """
    kept = 0
    for seed in range(count):
        row = mutated(base, random.Random(seed))
        before, report = json.dumps(row), Report()
        try:
            trace = take(form, row, "r-1", report)
            out = form.from_trace(trace)
        except Refused:
            continue
        kept += 1
        assert json.dumps(row) == before, f"seed {seed}: the row was changed by reading it"
        assert report.repaired or json.dumps(out) == before, f"seed {seed}"
        assert report.repaired or form.to_trace(out, "r-1", Report()) == trace, f"seed {seed}"
        assert type(trace).from_json(trace.to_json()) == trace, f"seed {seed}"
    return kept


def refusal(form, row):
    """Return why a row is refused."""
    try:
        take(form, row, "r-1", Report())
    except Refused as refused:
        return str(refused)
    raise AssertionError("the row was taken")


def native():
    """Return a chat of ours: a picture, two calls side by side with a new picture, citations, and a view."""
    calls = [{"name": "calculate", "args": {"expression": "2+3"}}, {"name": "crop", "args": {"region": [0, 0, 0.5, 1]}}]
    drawn = {"name": "annotate", "args": {"regions": [0.1, 0.1, 0.5, 0.5], "image": "img_2"}}
    chat = Agent(planner=ScriptedPlanner([calls, "It is [num_1], see [img_2].", drawn, "Drawn."])).chat()
    chat.ask("add 2 and 3, and crop it", images=[picture()])
    chat.ask("draw it")
    return chat.trace


def same_chat(found, trace):
    """Check what every chat format holds of a native trace: words, calls, results, pictures and the offer."""
    for turn, known in zip(found.turns, trace.turns, strict=True):
        assert (turn.request, turn.images, turn.answer) == (known.request, known.images, known.answer)
        assert [step.output.calls for step in turn.steps] == [step.output.calls for step in known.steps]
        for step, other in zip(turn.steps, known.steps, strict=True):
            assert [seen.content for seen in step.observations] == [seen.content for seen in other.observations]
    pictures = {name: record.sha256 for name, record in trace.artifacts.items() if record.kind == "picture"}
    assert {name: record.sha256 for name, record in found.artifacts.items()} == pictures
    assert found.meta.offer == trace.meta.offer
