"""LLaVA-Bench's judge: two answers to one question scored from 1 to 10 by a model that reads the picture in words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tool_data.formats.base import Refused
from tool_data.teach_run import GIVEN_UP
from tool_data.teach_teacher import GaveUp, Teacher

from .llava_bench import Bench
from .questions import Reply

SYSTEM = "You are a strict and fair judge of answers to questions about a picture."
"""What the judge is told first."""

TASK = """Two assistants answered a question about a picture that you cannot see. The context describes it: captions, \
and where there are any, objects with boxes [x1, y1, x2, y2] from 0 to 1.
Judge each answer by how helpful, relevant, accurate and detailed it is. Take the context as true; what contradicts it \
or is made up makes an answer worse. Neither the order nor the length of the answers may sway you.
On the first line write two numbers from 1 (worst) to 10 (best), the score of assistant 1 and that of assistant 2, \
with a space between and nothing else. Then explain both scores in a few sentences."""
"""What it is to do; written for this project, the protocol is LLaVA's."""

NOTHING = "(no answer)"
"""What stands for an empty answer."""

_SCORES = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[,\s]\s*(\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Review:
    """What the judge said about one answer."""

    question_id: str | int
    """The question."""
    category: str
    """conv, detail or complex."""
    scores: tuple[float, float] | None
    """Of the reference and of the answer, 1-10; None where the judge gave none."""
    content: str
    """All it wrote, or why there is no score."""

    def row(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of LLaVA's review files; `tuple` is [-1, -1] without scores, as there."""
        return {
            "question_id": self.question_id,
            "answer1_id": self.question_id,
            "answer2_id": answer["answer_id"],
            "category": f"llava_bench_{self.category}",
            "content": self.content,
            "tuple": list(self.scores or (-1, -1)),
        }


def judge(teacher: Teacher, bench: Bench, replies: Iterable[Reply]) -> Iterator[Review]:
    """Have each answer judged beside the reference, which stands first as published; yield a review of each.

    Where no scores came the review has none and says why; after three requests in a row that failed for good nothing
    more is sent. Raises InputError where the endpoint cannot be used.
    """
    failed = 0
    for reply in replies:
        category = bench.categories[reply.id]
        try:
            if failed >= GIVEN_UP:
                raise GaveUp("not sent, for the judge does not answer")
            scores, content = teacher.ask(_messages(bench, reply), _read)
        except Refused as refused:
            yield Review(reply.id, category, None, str(refused))
        except GaveUp as gave_up:
            failed += 1
            yield Review(reply.id, category, None, str(gave_up))
        else:
            failed = 0
            yield Review(reply.id, category, scores, content)


def _messages(bench: Bench, reply: Reply) -> list[dict[str, str]]:
    parts = {
        "Context": bench.contexts[reply.id],
        "Question": reply.prompt,
        "Assistant 1": bench.references[reply.id],
        "Assistant 2": reply.text.strip() or NOTHING,
        "Task": TASK,
    }
    asked = "\n\n".join(f"[{name}]\n{text}\n[End of {name}]" for name, text in parts.items())
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}]


def _read(text: str) -> tuple[tuple[float, float], str]:
    """Return the scores on the first line, and all of the text; raises Refused."""
    first = text.strip().partition("\n")[0]
    found = _SCORES.fullmatch(first)
    scores = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not all(1 <= score <= 10 for score in scores):
        raise Refused(f"the first line is {first[:60]!r}; expected two scores from 1 to 10 and nothing else, e.g. 8 6")
    return scores, text


def table(reviews: Sequence[Review]) -> str:
    """Return by category the mean scores and LLaVA's relative score, answer over reference in percent."""
    categories = list(dict.fromkeys(item.category for item in reviews))
    lines = [f"{'category':<10}{'judged':<10}{'reference':>10}{'answer':>8}{'relative':>10}"]
    for category in [*categories, *(["all"] if len(categories) > 1 else [])]:
        part = [item for item in reviews if category in (item.category, "all")]
        judged = [item.scores for item in part if item.scores is not None]
        counted = f"{len(judged)}/{len(part)}"
        if judged:
            one, two = (sum(scores[at] for scores in judged) / len(judged) for at in (0, 1))
            lines.append(f"{category:<10}{counted:<10}{one:>10.2f}{two:>8.2f}{100 * two / one:>9.1f}%")
        else:
            lines.append(f"{category:<10}{counted}")
    return "\n".join(lines)
