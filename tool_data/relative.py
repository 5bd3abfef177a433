"""Later turns whose meaning lies in the turn before: "again", "and the dog too", "that's too much"."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.trace import ToolCall, Turn

from .phrasings import LANGUAGES, Call, Language, is_held_back, read_toml

REPEATED = ("rotate", "adjust", "blur", "edit", "generate")
"""Skills that are done once more."""

POINTED = ("blur", "erase", "cut_out", "annotate", "inpaint", "segment", "caption", "read_text", "crop")
"""Skills that work on an area the user marks."""

UNDONE = ("blur", "erase", "inpaint", "cut_out")
"""Those of them that can be undone and done elsewhere: their results keep the frame."""

WORDED = {"generate": "prompt", "retrieve": "query", "calculate": "expression"}
"""Skills asked for again with other words, and the argument that takes them."""

Kinds = Mapping[str, Mapping[Language, Sequence[str]]]
"""Kind -> language -> requests."""


def load_relative(folder: Path, *, held_back: bool = False) -> Kinds:
    """Read every `relative.toml` below a folder."""
    found: dict[str, dict[Language, list[str]]] = {}
    for path in sorted(folder.rglob("relative.toml")):
        for row in read_toml(path)["relative"]:
            told = found.setdefault(row["kind"], {language: [] for language in LANGUAGES})
            for language in LANGUAGES:
                told[language].extend(text for text in row[language] if is_held_back(text) == held_back)
    return found


@dataclass(frozen=True)
class Meaning:
    """What a kind of request means after a turn."""

    kind: str
    """The kind."""
    steps: tuple[Call, ...]
    """The calls; "$mark" and slots are filled as in any request."""
    marked: bool = False
    """True where the user marks something new."""


def meanings(turn: Turn, names: Mapping[str, str], rng: random.Random) -> list[Meaning]:
    """Return everything a relative request can mean after a finished turn; `names` are skills by the name called."""
    calls = [call for step in turn.steps for call in step.output.calls]
    seen = [observation for step in turn.steps for observation in step.observations]
    if (
        not calls
        or any(o.status != "success" or not o.artifacts for o in seen)
        or any(c.name not in names for c in calls)
    ):
        return []
    made = [observation.artifacts[0] for observation in seen]
    steps = tuple(_told(call, names, made[:n]) for n, call in enumerate(calls))
    last = steps[-1]
    plain = {name: value for name, value in last.args.items() if name != "image"}
    found = []
    if last.skill in REPEATED and not any(str(v).startswith("$") for v in plain.values()):
        found.append(Meaning("again", (Call(last.skill, plain),)))
    if last.skill in WORDED:
        found.append(Meaning("value", (Call(last.skill, {**plain, WORDED[last.skill]: "{words}"}),)))
    found += [*_other_things(steps), *_other_places(last, plain), *_by_degrees(last, plain, rng)]
    return found


def _told(call: ToolCall, names: Mapping[str, str], made: Sequence[str]) -> Call:
    """Return a call with "$1" where it names what an earlier call of its turn made."""
    places = {name: f"${n}" for n, name in enumerate(made, start=1)}

    def told(value: Any) -> Any:
        name, bracket, element = str(value).partition("[")
        return places[name] + bracket + element if isinstance(value, str) and name in places else value

    return Call(names[call.name], {name: told(value) for name, value in call.args.items()})


def _other_things(steps: tuple[Call, ...]) -> list[Meaning]:
    """Return what "the {object} too" and "no, the {object}" mean: found first, then as before."""
    if steps[0].skill not in ("detect", "find_faces") or any(
        str(value).startswith(("boxes_", "mask_", "text_", "img_"))
        for step in steps[1:]
        for value in step.args.values()
    ):
        return []
    detect = Call("detect", {"objects": ["{object}"]})
    rest = tuple(Call(s.skill, {k: v for k, v in s.args.items() if k != "image"}) for s in steps[1:])
    found = [Meaning("also", (detect, *rest))] if not any(s.skill == "crop" for s in rest) else []
    if not rest:
        found.append(Meaning("rather", (detect,)))
    elif all(step.skill in UNDONE for step in rest):
        back = {"image": "$previous_picture"}
        undone = (Call("detect", {**detect.args, **back}), *(Call(s.skill, {**s.args, **back}) for s in rest))
        found += [Meaning("rather", undone)] if len(rest) == 1 else []
    return found


def _other_places(last: Call, plain: Mapping[str, Any]) -> list[Meaning]:
    """Return what "this one as well" and "undo that, do this one" mean for an area marked now."""
    name = "region" if last.skill in ("caption", "read_text", "crop") else "regions"
    if last.skill not in POINTED or "exclude" in plain:
        return []
    args = {**plain, name: "$mark"}
    found = [Meaning("also_marked", (Call(last.skill, args),), marked=True)]
    if last.skill in UNDONE:
        found.append(Meaning("undo_marked", (Call(last.skill, {"image": "$previous_picture", **args}),), marked=True))
    return found


def _by_degrees(last: Call, plain: Mapping[str, Any], rng: random.Random) -> list[Meaning]:
    """Return what "a bit more" and "too much" mean."""
    factors = {k: v for k, v in plain.items() if isinstance(v, float) and not isinstance(v, bool)}
    if last.skill == "adjust" and len(factors) == 1 and len(plain) == 1:
        ((name, value),) = factors.items()
        stronger = 1.3 if value > 1 else 0.8
        milder = 1.2 if value > 1 else 0.9
        return [
            Meaning("more", (Call("adjust", {name: stronger}),)),
            Meaning("less", (Call("adjust", {"image": "$previous_picture", name: milder}),)),
        ]
    return []
