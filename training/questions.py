"""Benchmark questions put to an agent, one chat each, and its answers as rows of LLaVA's answer files."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import Agent
from agent.show import clean, ended
from agent.turns import Bug, relay
from skills import Cancel, InputError, Picture
from skills.pictures import read_picture
from tool_data.counted import output
from tool_data.formats.base import rows

SHOWN = 3
"""Questions without an answer that are named with their reason; the others with their id alone."""


@dataclass(frozen=True)
class Question:
    """One question about at most one picture."""

    id: str | int
    """The id, as its file writes it."""
    prompt: str
    """What is asked."""
    image: Path | None = None
    """The picture's file, which may be missing; None where the question has none."""


@dataclass(frozen=True)
class Reply:
    """What became of one question."""

    id: str | int
    """The question's id."""
    prompt: str
    """What was asked."""
    text: str
    """The answer with citations expanded; empty where there is none."""
    model: str
    """Who answered."""
    problem: str = ""
    """Why there is no answer: the picture cannot be read, or how the turn ended."""
    asked: bool = True
    """False where the picture cannot be read, so that nothing was asked."""
    answer_id: str = ""
    """The answer's own id, where it was read from a file that gives one."""

    def row(self) -> dict[str, Any]:
        """Return a row of LLaVA's answer files; `metadata` holds why there is no answer, where there is none."""
        told = json.dumps([self.model, self.id, self.prompt, self.text])
        key = self.answer_id or hashlib.sha256(told.encode()).hexdigest()[:22]
        problem = {"problem": self.problem, "asked": self.asked} if self.problem else {}
        names = ("question_id", "prompt", "text", "answer_id", "model_id", "metadata")
        return dict(zip(names, (self.id, self.prompt, self.text, key, self.model, problem), strict=True))


def ask(agent: Agent, questions: Sequence[Question]) -> Iterator[Reply]:
    """Put each question in a chat of its own and yield the replies, with a progress bar where a person watches.

    A picture that cannot be read, a turn without an answer and a skill's bug are problems of their reply. Raises
    InputError where the planner cannot be loaded.
    """
    from tqdm import tqdm

    model = agent.planner.checkpoint or agent.planner.name
    for question in tqdm(questions, unit=" questions", disable=None, leave=False):
        try:
            pictures = [read_picture(question.image)[0]] if question.image else []
        except InputError as error:
            yield Reply(question.id, question.prompt, "", model, str(error), asked=False)
            continue
        yield Reply(question.id, question.prompt, *_answer(agent, question, pictures, model))


def _answer(agent: Agent, question: Question, pictures: Sequence[Picture], model: str) -> tuple[str, str, str]:
    """Return (the answer, the model, why there is none)."""
    chat, cancel = agent.chat(), Cancel()
    try:
        for _event in relay(lambda: chat.stream(question.prompt, pictures, cancel=cancel), cancel):
            pass
    except Bug as bug:
        return "", model, f"a bug: {bug}"
    except InputError as error:
        return "", model, str(error)
    return chat.trace.turn.answer, model, ended(chat.trace.turn)


def save(path: Path, replies: Iterable[Reply], force: bool) -> None:
    """Write replies in LLaVA's form, whole or not at all; raises InputError where the file is there and not `force`."""
    with output(path, [], force) as file:
        file.writelines(json.dumps(reply.row(), ensure_ascii=False) + "\n" for reply in replies)


def load(path: Path, questions: Sequence[Question]) -> list[Reply]:
    """Return the replies to `questions` in an answer file, ours or another's; a question it lacks has none.

    Raises InputError where the file cannot be read or answers none of them.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for number, row in enumerate(rows(path), start=1):
        if not isinstance(row, dict) or "question_id" not in row or not isinstance(row.get("text"), str):
            raise InputError(f"row {number} of {str(path)!r} is no answer; expected 'question_id' and 'text'")
        found[str(row["question_id"])] = row
    if not any(str(question.id) in found for question in questions):
        raise InputError(f"{str(path)!r} answers none of the {len(questions)} questions; give the answers to these")
    return [_read(question, found.get(str(question.id)), path) for question in questions]


def _read(question: Question, row: Mapping[str, Any] | None, path: Path) -> Reply:
    if row is None:
        return Reply(question.id, question.prompt, "", path.stem, f"{str(path)!r} has no answer to it", asked=False)
    told = row.get("metadata")
    noted = told if isinstance(told, dict) else {}
    return Reply(
        question.id,
        question.prompt,
        row["text"],
        str(row.get("model_id", path.stem)),
        str(noted.get("problem", "")),
        noted.get("asked") is not False,
        str(row.get("answer_id", "")),
    )


def unanswered(replies: Sequence[Reply]) -> list[str]:
    """Return lines that name every question without an answer: those not asked, then those whose turn ended without."""
    lines = []
    for asked, what in ((False, "not asked"), (True, "asked, no answer")):
        without = [reply for reply in replies if reply.problem and reply.asked is asked]
        if without:
            lines.append(f"{what}: {len(without)} of {len(replies)} questions")
            lines += [clean(f"  {reply.id}: {reply.problem}") for reply in without[:SHOWN]]
            rest = ", ".join(str(reply.id) for reply in without[SHOWN:])
            lines += [clean(f"  and {rest}")] if rest else []
    return lines
