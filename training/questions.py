"""Benchmark questions put to an agent, one chat each, and its answers as rows of LLaVA's answer files."""

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import Agent
from agent.options import Parser, common, make_agent
from agent.show import clean, ended
from agent.turns import Bug, relay
from skills import Cancel, InputError, Picture
from skills.pictures import read_picture
from tool_data.counted import claim, output
from tool_data.formats.base import rows
from tool_data.teach_log import Log

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
        return {
            "question_id": self.id,
            "prompt": self.prompt,
            "text": self.text,
            "answer_id": self.answer_id or _digest(self.model, self.id, self.prompt, self.text),
            "model_id": self.model,
            "metadata": {"problem": self.problem} if self.problem else {},
        }


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:22]


def ask(agent: Agent, questions: Sequence[Question], log: Log | None = None) -> Iterator[Reply]:
    """Put each question in a chat of its own and yield the replies, with a progress bar where a person watches.

    A picture that cannot be read, a turn without an answer and a skill's bug are problems of their reply. Where `log`
    is given, each reply is on the disk before the next question, and one that is there is not asked for again: the
    same question to the same planner, offer and seed. Raises InputError where the planner cannot be loaded.
    """
    from tqdm import tqdm

    model = agent.planner.checkpoint or agent.planner.name
    same = (model, agent.seed, [skill.name for skill in agent.offer])
    for question in tqdm(questions, unit=" questions", disable=None, leave=False):
        key = _digest(*same, question.id, question.prompt)
        if log is not None and key in log:
            yield Reply(**log.get(key)["reply"])
            continue
        reply = _reply(agent, question, model)
        if log is not None and reply.asked:
            log.add({"key": key, "reply": vars(reply)})
        yield reply


def _reply(agent: Agent, question: Question, model: str) -> Reply:
    try:
        pictures = [read_picture(question.image)[0]] if question.image else []
    except InputError as error:
        return Reply(question.id, question.prompt, "", model, str(error), asked=False)
    text, problem = _answer(agent, question, pictures)
    return Reply(question.id, question.prompt, text, model, problem)


def _answer(agent: Agent, question: Question, pictures: Sequence[Picture]) -> tuple[str, str]:
    """Return (the answer, why there is none)."""
    chat, cancel = agent.chat(), Cancel()
    try:
        for _event in relay(lambda: chat.stream(question.prompt, pictures, cancel=cancel), cancel):
            pass
    except Bug as bug:
        return "", f"a bug: {bug}"
    except InputError as error:
        return "", str(error)
    return chat.trace.turn.answer, ended(chat.trace.turn)


def add_options(options: Parser, save: Path | None) -> None:
    """Add the options of a command that asks questions; `save` is where answers go without --save."""
    default = str(save) if save else "nowhere"
    options.add_argument("--images", type=Path, metavar="DIR", help="where the pictures are (default FOLDER/images)")
    options.add_argument("--limit", type=int, default=0, metavar="N", help="the first N questions (default: all)")
    options.add_argument("--no-tools", action="store_true", help="offer no skill: the model alone")
    options.add_argument(
        "--save", type=Path, default=save, metavar="OUT.jsonl", help=f"for answers (default {default})"
    )
    options.add_argument("--answers", type=Path, metavar="OUT.jsonl", help="score answers that were written before")
    options.add_argument("--force", action="store_true", help="replace files that are there")
    common(options)


def replies(args: argparse.Namespace, questions: Sequence[Question]) -> list[Reply]:
    """Return the replies that the options ask for: those of --answers, else the planner's, kept in --save.

    OUT.part.jsonl holds the replies of a run until its end: a run that was killed goes on there. Raises InputError.
    """
    if args.answers:
        return load(args.answers, questions)
    if not args.save:
        return list(ask(_agent(args), questions))
    claim(args.save, [], args.force)
    part = args.save.with_suffix(".part.jsonl")
    found = list(ask(_agent(args), questions, Log(part, "key")))
    with output(args.save, [], args.force) as file:
        file.writelines(json.dumps(reply.row(), ensure_ascii=False) + "\n" for reply in found if reply.asked)
    part.unlink(missing_ok=True)
    return found


def _agent(args: argparse.Namespace) -> Agent:
    agent = make_agent(args)
    agent.offer = () if args.no_tools else agent.offer
    return agent


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
        answer_id=str(row.get("answer_id", "")),
    )


def unanswered(found: Sequence[Reply]) -> list[str]:
    """Return lines that name every question without an answer: those not asked, then those whose turn ended without."""
    lines = []
    for asked, what in ((False, "not asked"), (True, "asked, no answer")):
        without = [reply for reply in found if reply.problem and reply.asked is asked]
        if without:
            lines.append(f"{what}: {len(without)} of {len(found)} questions")
            lines += [clean(f"  {reply.id}: {reply.problem}") for reply in without[:SHOWN]]
            rest = ", ".join(str(reply.id) for reply in without[SHOWN:])
            lines += [clean(f"  and {rest}")] if rest else []
    return lines
