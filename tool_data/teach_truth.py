"""Results that a source knows itself: what its captions, boxes and texts say a skill would have found."""

import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from agent.trace import ToolCall
from skills import Boxes, Line, Picture, Text, Value
from skills.values import Box

from .formats.base import Refused
from .teach_source import Source


def known_to(source: Source) -> set[str]:
    """Return the skills whose results the source knows."""
    held = {
        "caption": bool(source.captions),
        "detect": source.boxes is not None,
        "tag": bool(source.boxes),
        "read_text": source.texts is not None,
        "generate": bool(source.prompt),
    }
    return {name for name, there in held.items() if there}


def results(calls: Sequence[ToolCall], source: Source, shown: Picture) -> dict[str, list[Value]]:
    """Return what each call gives that the source knows, by skill, in order; the others run. Raises Refused."""
    found: dict[str, list[Value]] = {}
    for call in calls:
        if call.name in known_to(source):
            found.setdefault(call.name, []).append(_result(call, source, shown))
    return found


def _result(call: ToolCall, source: Source, shown: Picture) -> Value:
    if "region" in call.args or call.args.get("image", "img_1") != "img_1":
        raise Refused(f"{call.name} is called on a part or on another picture; expected the whole of img_1")
    if call.name == "generate":
        return shown.model_copy(update={"frame": ""})
    if call.name == "caption":
        return Text.of(source.captions[0])
    if call.name == "tag":
        return Text.of(*source.labels)
    if call.name == "read_text":
        lines = (
            Line(text=word.text, box=_pixels(word.box, shown) if word.box else None) for word in source.texts or ()
        )
        return Text(lines=tuple(lines), untrusted=True)
    return _detected(call.args, source, shown)


def _detected(args: Mapping[str, JsonValue], source: Source, shown: Picture) -> Boxes:
    wanted = args["objects"]
    names = [str(name) for name in wanted] if isinstance(wanted, list) else []
    found = [
        (_pixels(thing.box, shown), name)
        for name in names
        for thing in source.boxes or ()
        if same_thing(thing.label, name)
    ]
    return Boxes(xyxy=tuple(box for box, _ in found), labels=tuple(name for _, name in found))


def _pixels(box: tuple[float, float, float, float], shown: Picture) -> Box:
    x1, y1, x2, y2 = box
    width, height = shown.size
    return (min(x1, x2) * width, min(y1, y2) * height, max(x1, x2) * width, max(y1, y2) * height)


def same_thing(one: str, other: str) -> bool:
    """Return whether two words name the same kind of thing: equal but for case and a plural's ending."""
    return bool(_forms(one) & _forms(other))


def _forms(word: str) -> set[str]:
    plain = " ".join(word.casefold().split())
    return {plain, re.sub(r"s$", "", plain), re.sub(r"es$", "", plain), re.sub(r"ies$", "y", plain)}


def mentioned(word: str, text: str) -> bool:
    """Return whether a text holds a word, in the singular or with a plural's ending."""
    words = re.findall(r"\w+", text.casefold())
    size = len(re.findall(r"\w+", word))
    return any(same_thing(word, " ".join(words[at : at + size])) for at in range(len(words)))
