"""Traces -> rows of LLaVA's shape; `llava_rows` is the way here and tells the form."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.trace import PlannerOutput, Trace

from .base import CITATIONS, Refused, Row, path_of
from .image_markers import MARKER, put_back
from .image_markers import read as read_markers
from .keys import laid_out
from .llava_shape import Shape
from .messages import extra_of, form_of

LOSSES = (
    CITATIONS,
    "boxes, points and marks of the user; of a picture its size, frame and view",
    "passes before the answer, why a turn ended, notes, feedback",
    "offer, planner, checkpoint, seed, versions, consent, forked_from and replayed of `meta`",
)
"""What no row of the shape holds of a Trace."""


def from_trace(trace: Trace, shape: Shape) -> Row:
    """Return the row of a Trace; raises Refused where the shape cannot hold it."""
    form = form_of(trace, shape.name)
    shown = [name for turn in trace.turns for name in turn.images]
    if shown != [f"img_{at}" for at in range(1, len(shown) + 1)]:
        raise Refused(f"its questions show the pictures {shown}; expected img_1, img_2 ... in that order")
    paths = [path_of(trace.artifacts[name]) for name in shown]
    others = form.get("messages", {})
    messages = [laid_out(one, others.get(str(at), {})) for at, one in enumerate(_written(trace, form, shape), start=1)]
    row: dict[str, Any] = {"id": extra_of(trace).get("id", trace.id)}
    if trace.meta.origin and trace.meta.origin.format == shape.name and "id" not in extra_of(trace):
        row = {}
    if paths:
        row["image"] = paths[0] if len(paths) == 1 and not form.get("listed") else paths
    return laid_out(row | {"conversations": messages}, form)


def _written(trace: Trace, form: Mapping[str, Any], shape: Shape) -> Iterator[dict[str, Any]]:
    """Yield the messages of a Trace."""
    places = [number for number, turn in enumerate(trace.turns, start=1) for _ in turn.images]
    markers = read_markers(form.get("markers", []))
    if [marker.turn for marker in markers] != places:
        markers = shape.usual(places)
    for number, turn in enumerate(trace.turns, start=1):
        if places and MARKER in turn.request:
            raise Refused(f"the words of question {number} hold {MARKER}, which would be read as the picture")
        yield {"from": "human", "value": put_back(turn.request, [one for one in markers if one.turn == number])}
        if any(step.output.calls for step in turn.steps):
            raise Refused(f"turn {number} calls tools; {shape.name} holds only questions and answers")
        output = turn.steps[-1].output if turn.steps else PlannerOutput()
        if output.answer is not None:
            frame = form.get("frames", {}).get(str(number), [])
            yield {"from": "gpt", "value": shape.write(output, turn.answer, frame)}
        elif number < len(trace.turns):
            raise Refused(f"question {number} has no answer; only the last may have none")
