"""ScienceQA as published (Lu et al. 2022): problems.json, pid_splits.json, pictures; LLaVA's questions too."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from agent.score import Share, plain
from skills import InputError
from skills.values import Frozen

from .questions import Question, Reply

LETTERS = "ABCDE"
"""What options are called."""

INSTRUCTION = "Answer with the option's letter from the given choices directly."
"""What ends every question, as LLaVA-1.5 asks it."""

_LAYOUT = "problems.json, pid_splits.json and images/SPLIT/ID/image.png"
_SAID = re.compile(r"(?i:answer is):? *\(?([A-E])\b")
_LED = re.compile(r"^\(?([A-E])(?:[.):]+(?:\s|$)|\s*(?:\n|$))")
_SUBJECTS = {"natural science": "NAT", "social science": "SOC", "language science": "LAN"}


class Problem(Frozen):
    """One row of problems.json; keys that no score needs are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str
    """What is asked."""
    choices: tuple[str, ...] = Field(min_length=2, max_length=len(LETTERS))
    """The options, A first."""
    answer: int = Field(ge=0)
    """Index of the right one."""
    hint: str = ""
    """Context in words; may be empty."""
    image: str | None = None
    """The picture's file name, None where there is none."""
    subject: str = ""
    """natural, social or language science."""
    grade: str = Field(default="", pattern=r"^(grade\d+)?$")
    """grade1 to grade12."""

    @model_validator(mode="after")
    def _answerable(self) -> "Problem":
        if self.answer >= len(self.choices):
            raise ValueError(f"answer {self.answer} is none of {len(self.choices)} choices")
        return self

    @property
    def groups(self) -> Iterator[str]:
        """The columns of the published table that it counts in: subject, context, grade, all."""
        if self.subject in _SUBJECTS:
            yield _SUBJECTS[self.subject]
        if self.hint:
            yield "TXT"
        if self.image:
            yield "IMG"
        if not (self.hint or self.image):
            yield "NO"
        if self.grade:
            yield "G1-6" if int(self.grade.removeprefix("grade")) <= 6 else "G7-12"
        yield "Avg"


GROUPS = (*_SUBJECTS.values(), "TXT", "IMG", "NO", "G1-6", "G7-12", "Avg")
"""The published columns, in their order."""


@dataclass(frozen=True)
class Set:
    """One split."""

    problems: Mapping[str, Problem]
    """Id -> problem, in the order they are asked."""
    questions: Sequence[Question]
    """The same, as they are asked."""


def read(path: Path, split: str, images: Path | None = None, limit: int = 0) -> Set:
    """Read a split, at most `limit` of its problems.

    `path` is the folder of problems.json and pid_splits.json, or LLaVA's questions in it ([{"id", "image"?,
    "conversations"}]), whose own words are then asked. A picture is looked for in `images` (default FOLDER/images, then
    FOLDER) as SPLIT/ID/NAME and ID/NAME. Raises InputError for files that are missing or not of that form.
    """
    folder = path if path.is_dir() else path.parent
    wordings = _wordings(path) if path.is_file() and path.name != "problems.json" else None
    told = _json(folder / "problems.json")
    splits = _json(folder / "pid_splits.json")
    if split not in splits:
        raise InputError(f"{str(folder)!r} has no split {split!r}; it has {', '.join(splits)}")
    ids = [str(name) for name in splits[split] if wordings is None or str(name) in wordings][: limit or None]
    if not ids:
        raise InputError(f"{str(path)!r} holds no question of the split {split!r}; name another file or --split")
    problems = {name: _problem(name, told.get(name)) for name in ids}
    roots = [images] if images else [folder / "images", folder]
    questions = [
        Question(name, (wordings or {}).get(name) or prompt(problem), _picture(name, problem, split, roots))
        for name, problem in problems.items()
    ]
    return Set(problems, questions)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no {path.name} in {str(path.parent)!r}; expected ScienceQA's {_LAYOUT}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}; fetch it again") from None
    if not isinstance(found, dict):
        raise InputError(f"{str(path)!r} is no JSON object; expected ScienceQA's {_LAYOUT}")
    return found


def _wordings(path: Path) -> dict[str, str]:
    """Return id -> what LLaVA's file asks."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        asked = {str(row["id"]): str(row["conversations"][0]["value"]) for row in told}
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f'{str(path)!r} holds no questions: {error!r}; expected a JSON list of {{"id", "conversations"}}'
        ) from None
    return {name: f"{text.replace('<image>', '').strip()}\n{INSTRUCTION}" for name, text in asked.items()}


def _problem(name: str, row: Any) -> Problem:
    try:
        return Problem.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the row"
        raise InputError(f"problem {name!r} cannot be used: {where}: {first['msg']}; expected ScienceQA's") from None


def _picture(name: str, problem: Problem, split: str, roots: Sequence[Path]) -> Path | None:
    if not problem.image:
        return None
    places = [root / folder / problem.image for root in roots for folder in (f"{split}/{name}", name)]
    return next((place for place in places if place.is_file()), places[0])


def prompt(problem: Problem) -> str:
    """Return what is asked: context, question and options as LLaVA writes them ("CQM"), then the instruction."""
    options = " ".join(f"({letter}) {choice}" for letter, choice in zip(LETTERS, problem.choices, strict=False))
    context = problem.hint.strip() or "N/A"
    return f"Context: {context}\nQuestion: {problem.question}\nOptions: {options}\n{INSTRUCTION}"


def choice(text: str, choices: Sequence[str]) -> int | None:
    """Return which option an answer chooses, None where it does not say so; nothing is guessed.

    Tried in order: it begins with a letter alone or one set off by ". ", ") " or ": "; it says "answer is B", the same
    letter each time; its words are those of one option. A letter that no option has chooses none.
    """
    said = text.strip()
    led = _LED.match(said)
    letters = {led[1]} if led else set(_SAID.findall(said))
    if len(letters) > 1:
        return None
    if letters:
        at = LETTERS.index(letters.pop())
        return at if at < len(choices) else None
    same = [at for at, option in enumerate(choices) if plain(option) == plain(said) != ""]
    return same[0] if len(same) == 1 else None


def table(problems: Mapping[str, Problem], replies: Sequence[Reply]) -> str:
    """Return accuracy by the published columns as aligned lines; what chooses no option is wrong and counted beside."""
    told = [(set(problems[str(reply.id)].groups), *_judged(problems[str(reply.id)], reply)) for reply in replies]
    lines = [f"{'group':<8}{'accuracy':<28}{'no option':<12}{'not asked':<9}"]
    for group in GROUPS:
        part = [(right, read, asked) for groups, right, read, asked in told if group in groups]
        share = Share(sum(right for right, _, _ in part), len(part))
        unread, left = sum(asked and not read for _, read, asked in part), sum(not asked for _, _, asked in part)
        lines += [f"{group:<8}{share!s:<28}{unread:<12}{left:<9}".rstrip()] if part else []
    return "\n".join(lines)


def _judged(problem: Problem, reply: Reply) -> tuple[bool, bool, bool]:
    """Return whether a reply is right, chooses an option, and was asked for."""
    found = choice(reply.text, problem.choices)
    return found == problem.answer, found is not None, reply.asked


def scored(problem: Problem, reply: Reply) -> dict[str, Any]:
    """Return one problem's result as JSON: the option read (None where there is none), the right one, the answer."""
    found = choice(reply.text, problem.choices)
    return {
        "id": reply.id,
        "read": None if found is None else LETTERS[found],
        "gold": LETTERS[problem.answer],
        "right": found == problem.answer,
        "groups": list(problem.groups),
        "text": reply.text,
        "problem": reply.problem,
    }
