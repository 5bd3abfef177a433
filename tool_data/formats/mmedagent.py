"""MMedAgent's evaluation rows: LLaVA-Plus's text form, one call and its result, no answer.

A row is {"question_id", "type", "image", "pre_text", "assist", "text", "type", "fig_caption"} ("type" twice in most,
image and fig_caption in some): the request, the assistant's text and the message with the tool's result. What cannot
be told from the chat stands in `meta.origin.extra`: "keys" and "fields" (all keys in order, the values of those that
are none of these four), "markers" (where `<image>` stood), "said" (the reply of a calling text), "assist" (how that
text was written, see `mmedagent_text`) and "result" (how the result was, see `tool_results`).

Of a row with malformed actions the mended form is written back; a damaged first marker is, as it stood.
"""

from typing import Any

from agent.trace import Meta, Observation, Origin, PlannerOutput, Step, Trace, Turn

from . import image_markers
from .api_calls import write_calls
from .base import Format, Refused, Report, Row, path_of, picture
from .llava_plus_write import LOSSES, asked, said
from .mmedagent_text import pairs, read_assist, write_assist
from .tool_results import joined, split

TAKEN = ("image", "pre_text", "assist", "text")
"""The keys that are told from a Trace."""

WORDING = {"wording": "generator"}
"""How results are worded in these rows."""


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row; raises Refused, and notes in `report` what was mended."""
    mends: list[str] = []
    trace = _made(row, name, mends)
    report.repaired += [(name, mend) for mend in mends]
    return trace


def _made(row: Row, name: str, mends: list[str]) -> Trace:
    held = _held(row)
    request, markers = image_markers.taken_out(held["pre_text"], 1)
    thought, calls, reply, assist = read_assist(held["assist"], mends)
    written: Any = assist.get("calls", {})
    extra: dict[str, Any] = {"keys": [key for key, _ in row.items()]}
    extra["fields"] = [value for key, value in row.items() if key not in TAKEN]
    extra |= {"markers": [list(marker) for marker in markers], "assist": assist}
    if calls:
        names = [action["API_name"] for action in write_calls(calls, written)]
        step = Step(output=PlannerOutput(thought=thought, calls=calls))
        extra["said"] = reply if reply != said(names) else ""
        if "text" in held:
            results, extra["result"] = split(held["text"], names, request)
            both = zip(calls, results, strict=True)
            seen = [Observation(tool_call_id=call.id, status="success", content=text) for call, text in both]
            step = step.model_copy(update={"observations": tuple(seen)})
    elif "text" in held:
        raise Refused("'text' holds a tool's result and 'assist' calls none; expected a call")
    else:
        step = Step(output=PlannerOutput(thought=thought, answer=reply))
    image = held.get("image")
    turn = Turn(request=request, images=("img_1",) if image is not None else (), steps=(step,))
    if not calls:
        turn = turn.model_copy(update={"answer": reply, "stop_reason": "answered"})
    origin = Origin(format="mmedagent", row=name, extra={key: value for key, value in extra.items() if value})
    artifacts = {} if image is None else {"img_1": picture(image)}
    return Trace(id=name, turns=(turn,), artifacts=artifacts, meta=Meta(origin=origin))


def _held(row: Row) -> dict[str, str]:
    """Return the texts a Trace is made of; raises Refused where one is missing, stands twice or is none."""
    found = [(key, value) for key, value in row.items() if key in TAKEN]
    held = dict(found)
    if len(held) != len(found) or not {"pre_text", "assist"} <= set(held):
        raise Refused(f"the row holds {[key for key, _ in row.items()]}; expected 'pre_text' and 'assist', each once")
    wrong = [key for key, value in found if not isinstance(value, str)]
    if wrong:
        raise Refused(f"{wrong[0]!r} is {held[wrong[0]]!r}; expected a text")
    return held


def from_trace(trace: Trace) -> Row:
    """Return a Trace as a row; raises Refused where it is more than one request with one pass."""
    origin = trace.meta.origin
    extra: dict[str, Any] = dict(origin.extra) if origin and origin.format == "mmedagent" else {"result": WORDING}
    steps = [step for turn in trace.turns for step in turn.steps]
    if len(trace.turns) != 1 or len(steps) != 1:
        raise Refused(
            f"the trace has {len(trace.turns)} turns of {len(steps)} steps; a row of MMedAgent holds one of one"
        )
    turn, output, seen = trace.turn, steps[0].output, steps[0].observations
    if output.malformed is not None or set(turn.images) - {"img_1"} or len(seen) not in (0, len(output.calls)):
        raise Refused(f"{turn.request!r} has more than img_1, a pass that could not be read, or a result missing")
    assist = extra.get("assist", {})
    names = [str(action["API_name"]) for action in write_calls(output.calls, assist.get("calls", {}))]
    reply = extra.get("said", said(names)) if output.calls else turn.answer
    held = {
        "pre_text": asked(turn, 1, extra.get("markers", [])),
        "assist": write_assist(output.thought, output.calls, reply, assist),
    }
    if seen:
        held["text"] = joined([one.content for one in seen], names, turn.request, extra.get("result", {}))
    if turn.images:
        held["image"] = path_of(trace.artifacts["img_1"])
    usual = ["question_id", *(key for key in TAKEN if key in held)]
    fields = iter(extra.get("fields", [] if "keys" in extra else [trace.id]))
    return pairs([(key, held[key] if key in TAKEN else next(fields)) for key in extra.get("keys", usual)])


FORMAT = Format(
    name="mmedagent",
    to_trace=to_trace,
    from_trace=from_trace,
    losses=("turns and steps after the first", *LOSSES),
    pairs=pairs,
)
"""MMedAgent's evaluation rows."""
