"""LLaVA-CoT-100k (LLaVA-o1): LLaVA's rows whose answers are four stages.

`<SUMMARY> ... </SUMMARY> <CAPTION> ... </CAPTION> <REASONING> ... </REASONING> <CONCLUSION> ... </CONCLUSION>`: the
thought is the first three as they stand, tags and all; the answer is what the conclusion holds. A row has one picture
and usually no `<image>`.

Mended, since only one text can be meant: a tag written twice in a row, a stage not closed before the next opens, a
stage not opened after the one before was closed, an opening tag where a stage's closing one is due. Refused: a stage
that is missing, out of order or there twice, a conclusion that is empty or not closed (it may be cut off), and words
outside the stages.
"""

import re

from agent.trace import PlannerOutput, Trace

from . import llava_rows, llava_written
from .base import Format, Refused, Report, Row
from .llava_shape import Note, Shape

STAGES = ("SUMMARY", "CAPTION", "REASONING", "CONCLUSION")
"""The stages, in order."""

USUAL = ["", "\n\n", " ", " ", ""]
"""White space before the stages, before the conclusion, within it at both ends, and behind."""

_NAMES = "|".join(STAGES)
_TAG = re.compile(f"</?(?:{_NAMES})>")
_TWICE = re.compile(rf"(</?(?:{_NAMES})>)(?:\s*\1)+")
_STAGE = r"<{0}>(?:(?!</?(?:" + _NAMES + r")>).)*</{0}>"
_THOUGHT = r"\s*".join(_STAGE.format(stage) for stage in STAGES[:3])
_WHOLE = re.compile(rf"(\s*)({_THOUGHT})(\s*)<CONCLUSION>(.*?)</CONCLUSION>(\s*)", re.DOTALL)


def to_trace(row: Row, name: str, report: Report) -> Trace:
    """Return the Trace of a row; raises Refused."""
    return llava_rows.to_trace(row, name, report, _SHAPE)


def from_trace(trace: Trace) -> Row:
    """Return the row of a Trace; raises Refused where an answer has no three stages before it."""
    return llava_written.from_trace(trace, _SHAPE)


def _read(text: str, note: Note) -> tuple[PlannerOutput, list[str]]:
    """Return thought and answer, and the white space around them where it is unusual."""
    found = _whole(text)
    if found is None:
        mended, mends = mend(text)
        found = _whole(mended)
        for line in mends if found else ():
            note(line)
    if found is None:
        raise Refused(_fault(text))
    lead, thought, gap, body, tail = found.groups()
    answer = body.strip()
    left, _, right = body.partition(answer)
    frame = [lead, gap, left, right, tail]
    return PlannerOutput(thought=thought, answer=answer), [] if frame == USUAL else frame


def _whole(text: str) -> re.Match[str] | None:
    found = _WHOLE.fullmatch(text)
    return found if found and found[4].strip() and not _TAG.search(found[4]) else None


def mend(text: str) -> tuple[str, list[str]]:
    """Return the text with the tags that can only be meant one way set right, and a line for each mend."""
    mends = [f"{found[1]} stands twice, once taken out" for found in _TWICE.finditer(text)]
    text = _TWICE.sub(r"\1", text)
    for at, stage in enumerate(STAGES):
        before = f"</{STAGES[at - 1]}>" if at else ""
        after = f"<{STAGES[at + 1]}>" if at + 1 < len(STAGES) else ""
        mended = _closed(text, stage, after) or _opened(text, stage, before)
        if mended:
            text, line = mended
            mends.append(line)
    return text, mends


def _closed(text: str, stage: str, after: str) -> tuple[str, str] | None:
    """Close a stage that runs up to the next one's opening tag; None where that is not its fault."""
    opening, closing = f"<{stage}>", f"</{stage}>"
    head, found, rest = text.partition(opening)
    if not found or closing in text:
        return None
    body, again, rest = rest.partition(opening) if opening in rest else ("", "", rest)
    if again:
        fits = not _TAG.search(body) and (rest.lstrip().startswith(after) if after else not rest.strip())
        return (f"{head}{opening}{body}{closing}{rest}", f"{opening} stands where {closing} is due") if fits else None
    tag = _TAG.search(rest)
    if tag is None or tag[0] != after:
        return None
    body, rest = rest[: tag.start()], rest[tag.start() :]
    words = body.rstrip()
    if not words:
        return None
    mended = f"{head}{opening}{words} {closing}{body[len(words) :]}{rest}"
    return mended, f"{opening} is not closed; {closing} put behind its text"


def _opened(text: str, stage: str, before: str) -> tuple[str, str] | None:
    """Open a stage whose text follows the closing tag of the one before; None where that is not its fault."""
    opening, closing = f"<{stage}>", f"</{stage}>"
    if opening in text or text.count(closing) != 1:
        return None
    head, _, rest = text.partition(closing)
    tags = list(_TAG.finditer(head))
    start = tags[-1].end() if tags else 0
    if (tags[-1][0] if tags else "") != before or not head[start:].strip():
        return None
    start += len(head[start:]) - len(head[start:].lstrip())
    mended = f"{head[:start]}{opening} {head[start:]}{closing}{rest}"
    return mended, f"{closing} closes nothing; {opening} put before its text"


def _fault(text: str) -> str:
    tags = _TAG.findall(text)
    due = [tag for stage in STAGES for tag in (f"<{stage}>", f"</{stage}>")]
    if tags == due[:-1]:
        return "its CONCLUSION is not closed, so it may be cut off; expected </CONCLUSION> behind it"
    if tags != due:
        return f"its tags are {' '.join(tags) or 'none'}; expected {' '.join(due)}"
    outside = re.sub(r"<(\w+)>.*?</\1>", "", text, flags=re.DOTALL).strip()
    return f"words stand outside the stages: {outside[:60]!r}" if outside else "its CONCLUSION is empty"


def _write(output: PlannerOutput, answer: str, frame: list[str]) -> str:
    lead, gap, left, right, tail = frame or USUAL
    text = f"{lead}{output.thought}{gap}<CONCLUSION>{left}{answer}{right}</CONCLUSION>{tail}"
    found = _whole(text)
    if found is None or found[4].strip() != answer:
        why = _fault(text) if found is None else f"its conclusion {answer!r} begins or ends with space"
        raise Refused(f"an answer cannot be written in stages: {why}")
    return text


_SHAPE = Shape("llava-cot", False, _read, _write)

FORMAT = Format("llava-cot", to_trace, from_trace, llava_written.LOSSES)
"""LLaVA-CoT-100k rows."""
