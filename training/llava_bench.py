"""LLaVA-Bench as published (Liu et al. 2023): questions, GPT-4's answers, and the pictures in words for a judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skills import InputError
from tool_data.formats.base import rows

from .questions import Question

QUESTIONS = ("questions.jsonl", "*_questions.jsonl")
"""Names of the questions, In-the-Wild's and COCO's."""

REFERENCES = ("answers_gpt4.jsonl", "*_gpt4_answer.jsonl")
"""Names of the reference answers, likewise."""

CONTEXTS = ("context.jsonl", "caps_boxes*.jsonl")
"""Names of the pictures in words, likewise."""


@dataclass(frozen=True)
class Bench:
    """One LLaVA-Bench."""

    questions: Sequence[Question]
    """What is asked, in order."""
    categories: Mapping[str | int, str]
    """Question id -> conv, detail or complex."""
    references: Mapping[str | int, str]
    """Question id -> the reference answer; empty where the folder has none."""
    contexts: Mapping[str | int, str]
    """Question id -> the picture in words; empty where the folder has none."""

    def judgeable(self, folder: Path) -> None:
        """Raise InputError where a judge lacks the reference or the context of a question."""
        for what, found, names in (
            ("reference answer", self.references, REFERENCES),
            ("context", self.contexts, CONTEXTS),
        ):
            if lacking := [str(question.id) for question in self.questions if question.id not in found]:
                raise InputError(
                    f"{str(folder)!r} has no {what} of question {lacking[0]} ({len(lacking)} are missing), which a "
                    f"judge needs; expected {' or '.join(names)}"
                )


def read(folder: Path, images: Path | None = None, limit: int = 0) -> Bench:
    """Read LLaVA-Bench (In-the-Wild) or (COCO), at most `limit` questions.

    A picture is looked for in `images` (default FOLDER/images, then FOLDER) by its name, and by COCO's long one
    ("COCO_val2014_" before it). Raises InputError where there are no questions or a file is not of the form.
    """
    asked = _file(folder, QUESTIONS)
    if asked is None:
        raise InputError(f"no questions in {str(folder)!r}; expected LLaVA-Bench's {' or '.join(QUESTIONS)}")
    told = _rows(asked, ("question_id", "image", "text", "category"))[: limit or None]
    if not told:
        raise InputError(f"{str(asked)!r} is empty; expected a question a line")
    roots = [images] if images else [folder / "images", folder]
    questions = [Question(row["question_id"], str(row["text"]), _picture(str(row["image"]), roots)) for row in told]
    references, contexts = _file(folder, REFERENCES), _file(folder, CONTEXTS)
    answers = _rows(references, ("question_id", "text")) if references else []
    words = {row["image"]: _words(row) for row in (_rows(contexts, ("image",)) if contexts else [])}
    return Bench(
        questions,
        {row["question_id"]: str(row["category"]) for row in told},
        {row["question_id"]: str(row["text"]) for row in answers},
        {row["question_id"]: words[row["image"]] for row in told if row["image"] in words},
    )


def _file(folder: Path, names: Sequence[str]) -> Path | None:
    """Return the first file of these names, None where there is none."""
    return next((path for name in names for path in sorted(folder.glob(name))), None)


def _rows(path: Path, keys: Sequence[str]) -> list[Mapping[str, Any]]:
    found = []
    for number, row in enumerate(rows(path), start=1):
        if lacking := [key for key in keys if not isinstance(row, Mapping) or key not in row]:
            raise InputError(f"row {number} of {str(path)!r} has no {lacking[0]!r}; expected LLaVA-Bench's")
        found.append(row)
    return found


def _picture(name: str, roots: Sequence[Path]) -> Path:
    places = [root / spelled for root in roots for spelled in (name, f"COCO_val2014_{name}")]
    return next((place for place in places if place.is_file()), places[0])


def _words(row: Mapping[str, Any]) -> str:
    """Return a picture in words: its captions, then its boxes (0-1) where there are any."""
    captions = row.get("captions", row.get("caption", ()))
    lines = [captions] if isinstance(captions, str) else [str(caption) for caption in captions]
    lines += [f"{item['category']}: {item['bbox']}" for item in row.get("instances", ())]
    return "\n".join(lines)
