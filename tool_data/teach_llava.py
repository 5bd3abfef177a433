"""LLaVA's three kinds of rows, and LLaVA-o1's four stages: questions and answers without calls."""

import re
from collections.abc import Mapping
from typing import Any

from agent.trace import PlannerOutput, Trace

from .formats import llava_cot
from .formats.base import Refused, Report
from .teach_lesson import Lesson, json_of, listed, seeds, seen, text_of


def conversation(lesson: Lesson) -> Trace:
    """Return a conversation of three to five questions with definite answers; raises Refused."""

    def read(text: str) -> list[tuple[str, PlannerOutput]]:
        return [_answered(lesson, turn) for turn in listed(json_of(text), "turns", 2, 8)]

    return lesson.talk(lesson.teacher.ask(lesson.asked("conversation"), read))


def description(lesson: Lesson) -> Trace:
    """Return a detailed description, asked for in one of many ways; raises Refused."""
    question = lesson.rng.choice(seeds()["description"]["questions"])

    def read(text: str) -> str:
        if len(text.split()) < 20:
            raise Refused(f"the description has {len(text.split())} words; expected a detailed one")
        return seen(text, lesson.source)

    answer = lesson.teacher.ask(lesson.asked("description", question), read)
    return lesson.talk([(question, PlannerOutput(answer=answer))])


def reasoning(lesson: Lesson) -> Trace:
    """Return one question that needs thought, and its reasoned answer; raises Refused."""
    messages = lesson.asked("reasoning")
    return lesson.talk([lesson.teacher.ask(messages, lambda text: _answered(lesson, json_of(text)))])


def _answered(lesson: Lesson, found: Mapping[str, Any]) -> tuple[str, PlannerOutput]:
    question, answer = (seen(text_of(found, key), lesson.source) for key in ("question", "answer"))
    return question, PlannerOutput(answer=answer)


def stages(lesson: Lesson) -> Trace:
    """Return an answer in LLaVA-o1's four stages, held to the truth by a verifier that sees all of them.

    Raises Refused, also where the source has no question and answer.
    """
    source = lesson.source
    if not source.question or not source.answer:
        raise Refused("the source has no 'question' or no 'answer'; the recipe 'stages' needs both")
    hint = f"\nHint: {source.hint}" if source.hint else ""
    task = f"Question: {source.question}\nStandard answer: {source.answer}{hint}"

    def read(text: str) -> PlannerOutput:
        output = staged(source.question, text)
        seen(re.sub(r"</?[A-Z]+>", "", f"{output.thought}\n{output.answer}"), source)
        verify(lesson, source.question, source.answer, text.strip())
        return output

    return lesson.talk([(source.question, lesson.teacher.ask(lesson.asked("stages", task), read))])


def staged(question: str, text: str) -> PlannerOutput:
    """Return an answer in four stages as the format `llava-cot` reads it; raises Refused."""
    said = [{"from": "human", "value": question}, {"from": "gpt", "value": text}]
    trace = llava_cot.to_trace({"conversations": said}, "reply", Report())
    return trace.turn.steps[-1].output


def verify(lesson: Lesson, question: str, truth: str, answer: str) -> None:
    """Have the teacher check a whole answer, its reasoning too; raises Refused with the fault it finds."""
    task = f"Question: {question}\nIt must come to: {truth}\nThe answer:\n{answer}"

    def read(text: str) -> tuple[bool, str]:
        found = json_of(text)
        if not isinstance(found.get("valid"), bool):
            raise Refused(f"'valid' of the reply is {found.get('valid')!r}; expected true or false")
        return found["valid"], text_of(found, "reason")

    valid, reason = lesson.teacher.ask(lesson.asked("verify", task), read)
    if not valid:
        raise Refused(f"the verifier found: {reason}")
