r"""TACO's traces, rows {"file", "question", "turns": [{"role", "content"}]} -> Traces; `taco_written` is the way back.

An assistant's content is JSON text {"thought", "actions": [{"name", "arguments"}]}; what came of it follows as
"OBSERVATION:\n" + a Python dict + a caution that is the same every time and is taken off; the action `Terminate`
holds the answer. A message without an action is a pass without a call; a row without `Terminate` a turn without an
answer. A row names no picture file: those that its actions name, image-0 ..., are its pictures under these names.

| TACO | its arguments | skill | its arguments |
|---|---|---|---|
| OCR | image | read_text | image |
| GetObjects | image | tag | image |
| DetectFaces | image | find_faces | image |
| LocalizeObjects | image, objects | detect | image, objects |
| Crop | image, bbox | crop | image, region |
| Calculate | expression | calculate | expression |

image-0 is img_1, image-1 is img_2 and so on (both count what tools draw). Other tools and arguments stay as they are.
Mended: malformed JSON (see `repair`), a ```json fence around it, an answer that is a number.

`meta.origin.extra` gets "file" and, under "form", what is laid out otherwise than usual: "json" and "texts" (see
`taco_text.written_as`), "wrappings" and "replies" (of an observation, of one that answers no action), "beside",
"order" and "messages" (see `keys`), each but the last by the number of the assistant's message.
"""

from agent.trace import Meta, Origin, Trace, Turn
from skills.store import Artifact

from .base import Format, Refused, Report, Row, picture
from .keys import beside
from .taco_reader import Reader
from .taco_written import LOSSES, from_trace


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row; raises Refused where it is no trace of TACO's."""
    turns, question, file = row.get("turns"), row.get("question"), row.get("file", "")
    if not isinstance(turns, list) or not turns or not isinstance(question, str) or not isinstance(file, str):
        raise Refused('it is not of the form {"file": text, "question": text, "turns": [message, ...]}')
    reader = Reader()
    for at, message in enumerate(turns, start=1):
        try:
            reader.add(message)
        except Refused as refused:
            raise Refused(f"message {at}: {refused}") from None
    reader.reply(None)
    answer = reader.steps[-1].output.answer
    records = _pictures(reader)
    images = tuple(name for name, record in records.items() if record.source == "user")
    turn = Turn(request=question, images=images, steps=tuple(reader.steps), answer=answer or "")
    turn = turn if answer is None else turn.model_copy(update={"stop_reason": "answered"})
    others = {str(at): kept for at, one in enumerate(turns, start=1) if (kept := beside(one, ("role", "content")))}
    form = reader.form | beside(row, ("file", "question", "turns")) | ({"messages": others} if others else {})
    extra = ({"file": file} if "file" in row else {}) | ({"form": form} if form else {})
    report.repaired += [(name, mend) for mend in reader.mends]
    origin = Origin(format="taco", row=name, extra=extra)
    return Trace(id=name, turns=(turn,), artifacts=records, meta=Meta(origin=origin))


def _pictures(reader: Reader) -> dict[str, Artifact]:
    """Return the pictures a row names: those it began with, from image-0 on without a gap, and those tools made."""
    records, number = {}, 0
    while number in reader.named and number not in reader.made:
        records[f"img_{number + 1}"] = picture(f"image-{number}", f"img_{number + 1}")
        number += 1
    for number, (call_id, name) in sorted(reader.made.items()):
        update = {"source": call_id, "view": name not in ("crop", "ZoomIn")}  # else a drawing of boxes or of depth
        records[f"img_{number + 1}"] = picture(f"image-{number}", f"img_{number + 1}").model_copy(update=update)
    return records


FORMAT = Format("taco", to_trace, from_trace, LOSSES)
"""TACO's traces of thoughts and actions."""
