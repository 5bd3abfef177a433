"""LLaVA's instruction data (LLaVA-Instruct-150K, the 665K mix, the pretraining pairs): questions and answers, no tools.

`<image>` before or behind the first question, or within it, is the picture; rows without a picture are plain chats.
Mended: a picture whose marker is missing (it is put first), an answer before the first question (left out; LLaVA's own
training leaves it out too).
"""

from agent.trace import PlannerOutput, Trace

from . import llava_rows, llava_written
from .base import Format, Report, Row
from .llava_shape import Note, Shape


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row; raises Refused."""
    return llava_rows.to_trace(row, name, report, _SHAPE)


def from_trace(trace: Trace) -> Row:
    """Return the row of a Trace; raises Refused where it calls tools or leaves a question unanswered."""
    return llava_written.from_trace(trace, _SHAPE)


def _read(text: str, note: Note) -> tuple[PlannerOutput, list[str]]:
    return PlannerOutput(answer=text), []


def _write(output: PlannerOutput, answer: str, frame: list[str]) -> str:
    return answer


_SHAPE = Shape("llava", True, _read, _write)

FORMAT = Format("llava", to_trace, from_trace, (*llava_written.LOSSES, "the thought before an answer"))
"""LLaVA-Instruct-150K and 665K rows."""
