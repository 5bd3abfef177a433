"""The planner of taught chats: it says what was drafted, and has the teacher write the answers from the results."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from agent import Chat, Turn
from agent.citations import PATTERN
from agent.trace import PlannerOutput, Trace
from skills import Cancel, InputError, Picture, Skill
from skills.store import Artifacts

from .formats.base import Refused
from .teach_draft import Draft, calls_of
from .teach_lesson import Lesson, seen
from .teach_truth import results


class Tutor:
    """A planner that says what was drafted and lets the teacher answer once the results are there."""

    name = "teacher"
    checkpoint = ""

    def __init__(self) -> None:
        """Start without a lesson."""
        self._lessons: dict[str, tuple[Lesson, Draft]] = {}

    def play(self, lesson: Lesson, draft: Draft, shown: Picture, *, given: bool) -> Trace:
        """Return the chat of a draft, played through the loop; `given` says that the person gives the picture.

        Raises Refused, and what `Teacher.ask` raises.
        """
        recorded = results(calls_of(draft), lesson.source, shown)
        chat = Chat(lesson.school.agent, trace_id=lesson.name, store=lesson.school.store, results=recorded)
        self._lessons[lesson.name] = (lesson, draft)
        try:
            for at, turn in enumerate(draft):
                chat.ask(turn.request, [shown] if given and not at else [])
        except InputError as error:
            raise Refused(f"the chat cannot be played: {error}") from None
        finally:
            del self._lessons[lesson.name]
        meta = lesson.meta.model_copy(
            update={name: getattr(chat.trace.meta, name) for name in ("offer", "versions", "replayed", "seed")}
        )
        return chat.trace.model_copy(update={"meta": meta})

    def plan(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[PlannerOutput]:
        """Yield the next drafted step or, after the last, the teacher's answer."""
        lesson, draft = self._lessons[trace.id]
        turn = draft[len(trace.turns) - 1]
        at = len(trace.turn.steps)
        failed = [seen for step in trace.turn.steps for seen in step.observations if seen.error]
        if failed:
            raise Refused(f"a call failed: {failed[0].content}")
        if at < len(turn.steps):
            yield PlannerOutput(thought=turn.steps[at].thought, calls=turn.steps[at].calls)
        else:
            yield PlannerOutput(answer=_answer(lesson, trace))


def _answer(lesson: Lesson, trace: Trace) -> str:
    """Ask for the answer to the newest request."""
    lines = [f"{who}: {text}" for turn in trace.turns for who, text in (("Person", turn.request), ("You", _raw(turn)))]
    found = [observed.content for step in trace.turn.steps for observed in step.observations]
    task = "\n".join([*lines[:-1], *(["Results:", *found] if found else [])])
    names = [skill.name for skill in lesson.school.agent.offer if "_" in skill.name]

    def read(text: str) -> str:
        for match in PATTERN.finditer(text):
            if match[1] not in trace.artifacts:
                there = ", ".join(trace.artifacts) or "nothing"
                raise Refused(f"the answer cites {match[0]!r}, which does not exist; there is {there}")
        if named := re.search(rf"\b({'|'.join(map(re.escape, names))}|the tools?|the model)\b", text):
            raise Refused(f"the answer names {named[0]!r}; expected an answer to a person, who knows of no skill")
        return seen(text, lesson.source)

    return lesson.teacher.ask(lesson.asked("answer", task), read)


def _raw(turn: Turn) -> str:
    return (turn.steps[-1].output.answer if turn.steps else None) or ""
