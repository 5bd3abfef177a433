"""Rows of LLaVA's shape, {"id", "image"?, "conversations": [{"from": "human" | "gpt", "value"}]} -> Traces.

The helper of every format of that shape without tools. `meta.origin.extra` gets the row's own "id" and, under "form",
only what is laid out otherwise than usual: "markers", "listed" (one picture in a list), "frames" (turn -> how its
answer was written), "beside" and "order" of the row (see `keys`) and, by number, of
"messages". `llava_written` is the way back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.trace import Meta, Origin, Step, Trace, Turn
from skills.store import Artifact

from .base import Refused, Report, Row, picture
from .image_markers import MARKER, Marker, taken_out
from .keys import beside
from .llava_shape import Note, Shape

_KEYS = ("from", "value")


def to_trace(row: Row, name: str, report: Report, shape: Shape) -> Trace:
    """Return the Trace of a row; raises Refused where it is none of the shape."""
    mends: list[str] = []
    messages = _messages(row, mends.append)
    paths = _paths(row)
    form: dict[str, Any] = {"listed": True} if len(paths) == 1 and row["image"] == paths else {}
    asked = [(message["value"], list[Marker]()) for message in messages[::2]]
    if paths:
        asked = [taken_out(text, number) for number, (text, _) in enumerate(asked, start=1)]
    markers = [marker for _, found in asked for marker in found]
    if len(paths) == 1 and not markers and shape.marked:
        mends.append(f"the picture has no {MARKER}; it is put before the first question")
        markers = shape.usual([1])
    places = [marker.turn for marker in markers] or [1] * (len(paths) == 1)
    if len(places) != len(paths):
        raise Refused(f"{len(places)} {MARKER} stand for {len(paths)} pictures; expected one for each")
    form |= {"markers": [list(marker) for marker in markers]} if markers != shape.usual(places) else {}
    turns, frames = _turns([words for words, _ in asked], messages[1::2], places, shape, mends.append)
    others = {str(at): kept for at, message in enumerate(messages, start=1) if (kept := beside(message, _KEYS))}
    form |= ({"frames": frames} if frames else {}) | ({"messages": others} if others else {})
    form |= beside(row, ("id", "image", "conversations"))
    extra = ({"id": row["id"]} if "id" in row else {}) | ({"form": form} if form else {})

    report.repaired += [(name, mend) for mend in mends]
    origin = Origin(format=shape.name, row=name, extra=extra)
    return Trace(id=name, turns=turns, artifacts=_records(paths), meta=Meta(origin=origin))


def _messages(row: Row, note: Note) -> list[Mapping[str, Any]]:
    """Return the messages, human and gpt by turns."""
    messages = row.get("conversations")
    if not isinstance(messages, list) or not messages:
        raise Refused("it has no list 'conversations' with a question in it")
    for at, message in enumerate(messages, start=1):
        if not isinstance(message, Mapping) or not all(isinstance(message.get(key), str) for key in _KEYS):
            raise Refused(f'message {at} is not of the form {{"from": "human" or "gpt", "value": text}}')
    if messages[0]["from"] == "gpt" and len(messages) > 1:
        note("an answer before the first question, left out")
        messages = messages[1:]
    for at, message in enumerate(messages):
        if message["from"] != (expected := ("human", "gpt")[at % 2]):
            raise Refused(
                f"a message is from {message['from']!r} where {expected!r} is expected: {message['value'][:60]!r}"
            )
    return messages


def _paths(row: Row) -> list[str]:
    """Return the row's pictures by name."""
    image = row.get("image")
    paths = image if isinstance(image, list) else [image]
    if "image" not in row:
        return []
    if not paths or not all(isinstance(path, str) and path for path in paths):
        raise Refused(f"'image' is {image!r}; expected a file's name, and no such key where there is no picture")
    return [str(path) for path in paths]


def _records(paths: Sequence[str]) -> dict[str, Artifact]:
    return {f"img_{at}": picture(path, f"img_{at}") for at, path in enumerate(paths, start=1)}


def _turns(
    requests: Sequence[str], answers: Sequence[Mapping[str, Any]], places: Sequence[int], shape: Shape, note: Note
) -> tuple[tuple[Turn, ...], dict[str, list[str]]]:
    """Return the turns and, by number, how an answer was written where that is unusual."""
    turns: list[Turn] = []
    frames: dict[str, list[str]] = {}
    for number, request in enumerate(requests, start=1):
        images = tuple(f"img_{at}" for at, place in enumerate(places, start=1) if place == number)
        turn = Turn(request=request, images=images)
        if number <= len(answers):
            try:
                output, frame = shape.read(answers[number - 1]["value"], note)
            except Refused as refused:
                raise Refused(f"turn {number}: {refused}") from None
            frames |= {str(number): frame} if frame else {}
            ended = {"answer": output.answer, "stop_reason": "answered", "steps": (Step(output=output),)}
            turn = turn.model_copy(update=ended)
        turns.append(turn)
    return tuple(turns), frames
