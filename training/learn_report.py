"""What `handeye learn` says before and after: wordings, how examples were read, and the measured differences."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from agent.score import Scored, Share, shares
from tool_data.phrasings import LANGUAGES

from .bootstrap import ALL, differences
from .learn_lesson import Lesson
from .learn_measure import OTHERS, Measured
from .learn_run import Course
from .learn_wordings import Wording
from .planner import Plan

SCORES = ("first_call", "exact")
"""What is compared: the right skill first; every call with every argument."""

WITHOUT, WITH = "without", "with"
"""Names of the comparisons: with the planner before, the new skills not on its offer, or on it."""

Report = Mapping[str, Any]


def read(lesson: Lesson) -> Iterator[str]:
    """Yield lines: how a skill's wordings are shared out, the examples as they were read, those that were not."""
    found = lesson.wordings
    yield (
        f"{lesson.skill.name}: {len(found.train)} wordings to learn from ({_languages(found.train)}), "
        f"{len(found.held_out)} kept for measuring ({_languages(found.held_out)})"
    )
    for example, derived in found.read:
        args = ", ".join(f"{name}={derived.values.get(name, value)!r}" for name, value in derived.args.items())
        yield f"  read {example!r} as {lesson.skill.name}({args})"
    for example, why in found.unread:
        yield f"  not used: {example!r}: {why}; write it with its call in a file for --examples"
    for language in LANGUAGES:
        if not any(one.language == language for one in (*found.train, *found.held_out)):
            yield (
                f"  no request was recognised as {_NAMES[language]}, none is learnt; add one to the skill's examples, "
                f"or write it as `{language}` in a file for --examples"
            )


_NAMES = {"en": "English", "es": "Spanish"}


def _languages(found: Sequence[Wording]) -> str:
    counted = Counter(one.language for one in found)
    return ", ".join(f"{language} {counted[language]}" for language in LANGUAGES)


def report(
    lessons: Sequence[Lesson],
    course: Course,
    plan: Plan,
    known: Sequence[Scored],
    before: Measured,
    after: Measured,
    **facts: Any,
) -> Report:
    """Return everything that was measured, as it is written to `learnt.json`; `facts` are put beside it.

    `known` are the old rows as the planner that is gone on from did them without the new skills on offer.
    """
    return {
        **facts,
        "files": [str(path) for path in (*course.files, *course.examples)],
        "share": course.share,
        "plan": {name: asdict(plan)[name] for name in ("tokens", "minutes", "seed", "workers", "muon", "adam")},
        "skills": [_skill(lesson, before, after) for lesson in lessons],
        "old": {name: _compared(one, after.old, others=False) for name, one in _olds(known, before)},
        "others": {name: _compared(one, after.old, others=True) for name, one in _olds(known, before)},
        "mistaken": {"before": before.mistaken(), "after": after.mistaken(), "rows": len(after.old)},
        "rows": {
            "known": [vars(row) for row in known],
            **{name: [vars(row) for row in _all(measured)] for name, measured in _both(before, after)},
        },
    }


def _both(before: Measured, after: Measured) -> tuple[tuple[str, Measured], ...]:
    return ("before", before), ("after", after)


def _olds(known: Sequence[Scored], before: Measured) -> tuple[tuple[str, Sequence[Scored]], ...]:
    """Return what the old rows are compared with: the planner before, without the new skills on offer and with them."""
    return (WITHOUT, known), (WITH, before.old)


def _all(measured: Measured) -> list[Scored]:
    return [row for rows in (*measured.new.values(), measured.old) for row in rows]


def _skill(lesson: Lesson, before: Measured, after: Measured) -> Report:
    name, found = lesson.skill.name, lesson.wordings
    return {
        "name": name,
        "train": [one.text for one in found.train],
        "held_out": [one.text for one in found.held_out],
        "not_used": dict(found.unread),
        **{when: _told(measured.new[name]) for when, measured in _both(before, after)},
    }


def _told(rows: Sequence[Scored]) -> Report:
    return {
        score: {"share": share.value, "low": share.interval[0], "high": share.interval[1], "n": share.count}
        for score, share in zip(SCORES, shares(rows), strict=True)
    }


def _compared(before: Sequence[Scored], after: Sequence[Scored], *, others: bool) -> Report:
    """Return score -> the paired difference over the rows for old skills, or for added ones nobody trained on."""
    pairs = [(vars(a), vars(b)) for a, b in zip(before, after, strict=True) if (a.group == OTHERS) == others]
    whole = {OTHERS} if others else {ALL}
    return {item.score: asdict(item) for item in differences(pairs, SCORES) if item.group in whole}


def told(found: Report) -> Iterator[str]:
    """Yield the lines of a report."""
    for skill in found["skills"]:
        n = skill["after"]["first_call"]["n"]
        yield f"{skill['name']}, {n} requests in {len(skill['held_out'])} wordings it was not trained on:"
        if not n:
            yield "  not measured: too few wordings to keep one; give more examples"
        for score in SCORES if n else ():
            one, two = (Share(round(p["share"] * n), n) for p in (skill["before"][score], skill["after"][score]))
            yield f"  {score.replace('_', ' '):<11} before {one}, after {two}"
    for name, kind in (("old", "old skills"), ("others", "other added skills, never trained on")):
        for score, item in found[name][WITHOUT].items():
            offered = found[name][WITH][score]
            yield f"{kind}, {score.replace('_', ' ')}, {item['n']} rows: after {item['b']:.3f}"
            yield f"  before {item['a']:.3f}, difference {_between(item)}"
            yield f"  before, with the new skill on offer {offered['a']:.3f}, difference {_between(offered)}"
    mistaken = found["mistaken"]
    yield (
        f"new skill called in rows for others: before {mistaken['before']}, after {mistaken['after']} "
        f"of {mistaken['rows']}"
    )


def _between(item: Report) -> str:
    return f"{item['difference']:+.3f} ({item['low']:+.3f} to {item['high']:+.3f})"
