"""LLaVA-Plus's recipes: a teacher drafts requests and calls, and writes the answers from the results.

The calls run, or are answered from the source's own truth.
"""

from collections.abc import Sequence

from agent.trace import Trace
from skills.registry import AnySkill

from .formats.base import Refused
from .teach_draft import Draft, calls_of, read_draft
from .teach_lesson import Lesson
from .teach_llava import verify
from .teach_truth import known_to, mentioned, same_thing
from .teach_tutor import Tutor
from .validate import faults

IMAGE_ONLY = ("read_text", "read_code", "find_faces", "caption", "tag", "segment_scene", "estimate_depth", "moderate")
"""Skills that need nothing beside the picture."""

WITH_ARGUMENTS = (
    "detect", "segment", "erase", "blur", "crop", "cut_out", "annotate", "rotate", "adjust", "edit", "inpaint",
    "generate_from",
)  # fmt: skip
"""Skills that are told what, where or how."""


def image_only(lesson: Lesson) -> Trace:
    """Return a chat of one request for a skill that needs only the picture; raises Refused."""
    name = _drawn(lesson, IMAGE_ONLY, 1)[0]
    return _taught(lesson, [name], f"Write one turn that needs {name} and nothing else.")


def arguments(lesson: Lesson) -> Trace:
    """Return a chat of one request for a skill with arguments, those before it that it needs; raises Refused."""
    name = _drawn(lesson, WITH_ARGUMENTS, 1)[0]
    before = "; where it needs a region, an earlier step may find that"
    return _taught(lesson, [name], f"Write one turn that needs {name}{before}.{_there(lesson, [name])}")


def mixed(lesson: Lesson) -> Trace:
    """Return a chat of three requests: two skills in any order, and one that needs none; raises Refused."""
    names = _drawn(lesson, (*IMAGE_ONLY, *WITH_ARGUMENTS), 2)
    place = lesson.rng.choice(("first", "second", "last"))
    task = f"Write a chat of three turns: one needs {names[0]}, a later one {names[1]}; the {place} needs no skill."
    return _taught(lesson, names, task + _there(lesson, names), turns=3, plain=1)


def negatives(lesson: Lesson) -> Trace:
    """Return a chat that looks for what is not there, whose answer says so, held to it by a verifier.

    Raises Refused, also where the source does not know all that is in the picture.
    """
    source, words = lesson.source, " ".join([*lesson.source.captions, *(w.text for w in lesson.source.texts or ())])
    if source.boxes is None:
        raise Refused("the source has no 'boxes', so nothing is known to be absent; an empty list says that all is")
    absent = [
        label
        for label in dict.fromkeys(lesson.school.labels)
        if not mentioned(label, words) and not any(same_thing(label, there) for there in source.labels)
    ]
    if not absent:
        raise Refused("no label of the other sources is absent from this picture; give sources with other labels")
    name = lesson.rng.choice(absent)
    task = f"Write one turn in which the person looks for {name!r}, which is not in the picture; it needs detect alone."
    trace = _taught(lesson, ["detect"], task, only=[name])
    truth = f"there is no {name} in the picture"
    verify(lesson, trace.turn.request, truth, trace.turn.answer)
    return trace


def post(lesson: Lesson) -> Trace:
    """Return a chat that has a picture generated and a text written to post it with; raises Refused."""
    prompt = lesson.source.prompt
    if not prompt:
        raise Refused("the source has no 'prompt'; the recipe 'post' needs what its picture was generated from")
    task = (
        f"Write one turn in which a person who has no picture yet asks to generate one of exactly {prompt!r}, and for "
        "a short text to post it with. It needs generate alone. The answer will show img_1 and be that text."
    )
    return _taught(lesson, ["generate"], task, given=False)


def _drawn(lesson: Lesson, names: Sequence[str], count: int) -> list[str]:
    """Draw skills that can answer here; raises Refused where there are too few."""
    able = [name for name in names if name in _able(lesson)]
    if len(able) < count:
        raise Refused(f"{len(able)} of {', '.join(names)} can run here or are known to the source; expected {count}")
    return lesson.rng.sample(able, count)


def _able(lesson: Lesson) -> dict[str, AnySkill]:
    """Return the skills that run here or whose results the source knows."""
    known = known_to(lesson.source)
    return {skill.name: skill for skill in lesson.school.agent.offer if skill.name in known or not skill.unavailable()}


def _there(lesson: Lesson, names: Sequence[str]) -> str:
    labels = ", ".join(lesson.source.labels)
    return f" Only these can be found: {labels}." if "detect" in names and labels else ""


def _taught(
    lesson: Lesson,
    names: Sequence[str],
    task: str,
    *,
    turns: int = 1,
    plain: int = 0,
    only: Sequence[str] | None = None,
    given: bool = True,
) -> Trace:
    """Return a chat that calls the skills named, `plain` of its turns without a call; `only` is what detect may seek.

    Raises Refused, and what `Teacher.ask` raises.
    """
    shown = lesson.picture()
    if shown is None:
        raise Refused(f"no picture at {str(lesson.school.folder / lesson.source.image)!r}; skills run on its file")
    able = _able(lesson)
    offered = "\n".join(f"- {skill.signature}: {skill.description}" for skill in able.values())
    seekable = lesson.source.labels if only is None else only

    def read(text: str) -> Draft:
        draft = read_draft(text, able)
        called = [call.name for call in calls_of(draft)]
        bare = sum(1 for turn in draft if not turn.steps)
        if missing := [name for name in names if name not in called]:
            raise Refused(f"the chat does not call {missing[0]!r}; expected it to")
        if (len(draft), bare) != (turns, plain):
            raise Refused(f"the chat has {len(draft)} turns, {bare} without a call; expected {turns}, {plain}")
        for call in calls_of(draft):
            _sought(call.args.get("objects"), seekable)
        return draft

    draft = lesson.teacher.ask(lesson.asked("chat", f"Skills:\n{offered}\n{task}"), read)
    tutor = lesson.school.agent.planner
    assert isinstance(tutor, Tutor)
    trace = tutor.play(lesson, draft, shown, given=given)
    if found := faults(trace, lesson.school.agent.offer, lesson.school.store):
        raise Refused(found[0])
    return trace


def _sought(objects: object, known: Sequence[str]) -> None:
    """Raise Refused where a call looks for what the source does not know to be there or absent."""
    for name in objects if isinstance(objects, list) else ():
        if not any(same_thing(str(name), label) for label in known):
            raise Refused(f"{name!r} is looked for; expected one of {', '.join(known) or 'nothing'}")
