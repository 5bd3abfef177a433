"""The message that hands a tool's result back in LLaVA-Plus's data: four wordings of one slot.

Each is "NAME model outputs: RESULT", a sentence, and the question again. Which wording it was, and all that cannot
be told from the call and the turn, is kept beside the chat so that the same text is written back.
"""

import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from .base import Refused

WORDINGS = {
    "data": (" model outputs: ", "summarize the model outputs and answer my first answer: "),
    "generator": (" output: ", "Answer my first question: "),
    "demo": (" model outputs: ", "Please summarize the model outputs and answer my first question: "),
    "paper": (" model outputs: ", ""),
}
"""Wording -> (what stands between the tool's name and its result, what stands before the question): of the released
records, of the released generator (and MMedAgent), of the demo's server, and of the paper's table 1."""

_HEAD = re.compile(r"([^\n:]{1,80}?)( model outputs: | output: )")


def split(text: str, names: Sequence[str], request: str) -> tuple[tuple[str, ...], dict[str, JsonValue]]:
    """Return the results of the tools named, in order, and what `joined` needs beside them.

    Of several tools the results stand one after another, with an empty line between. Raises Refused where the text is
    none of the four wordings, or does not name the tools in the calls' order.
    """
    head = _HEAD.match(text)
    for wording, (between, tail) in WORDINGS.items() if head else ():
        found = _question(text, tail, request) if head and head[2] == between else None
        if head and found and found[0] >= head.end():
            end, joint, asked = found
            results, tool = _results(text[:end], names, between)
            usual = {"wording": "data", "joint": _joint(tail), "asked": request.strip(), "tool": names[0]}
            held = {"wording": wording, "joint": joint, "asked": asked, "tool": tool}
            return results, {key: value for key, value in held.items() if value != usual[key]}
    raise Refused(
        f"the message after a call of {list(names)} begins {text[:60]!r}; expected "
        "'NAME model outputs: RESULT' and the question, in one of the four wordings of LLaVA-Plus"
    )


def joined(results: Sequence[str], names: Sequence[str], request: str, kept: Mapping[str, JsonValue]) -> str:
    """Return the message; `split` of it gives `results` and `kept` back. Raises Refused where it would not."""
    wording = str(kept.get("wording", "data"))
    between, tail = WORDINGS[wording]
    shown = [str(kept.get("tool", names[0])), *names[1:]]
    body = "\n\n".join(f"{name}{between}{result}" for name, result in zip(shown, results, strict=True))
    text = f"{body}{kept.get('joint', _joint(tail))}{tail}{kept.get('asked', request.strip())}"
    try:
        same = split(text, names, request) == (tuple(results), dict(kept))
    except Refused:
        same = False
    if not same:
        raise Refused(f"the results of {shown} hold the wording itself, so they could not be read back: {text[:60]!r}")
    return text


def _joint(tail: str) -> str:
    return "\n\n" if tail else " "


def _question(text: str, tail: str, request: str) -> tuple[int, str, str] | None:
    """Return where the results end, the empty line behind and the question asked again; None for another wording."""
    asked = next((known for known in (request, request.strip()) if known and text.endswith(tail + known)), None)
    if asked is None:
        if not tail or tail not in text:
            return None
        asked = text.rpartition(tail)[2]
    body = text[: len(text) - len(tail) - len(asked)]
    joint = _joint(tail) if body.endswith(_joint(tail)) else ""
    return (len(body) - len(joint), joint, asked) if joint or tail else None


def _results(body: str, names: Sequence[str], between: str) -> tuple[tuple[str, ...], str]:
    """Return each tool's result and the first's name as written."""
    tool, _, rest = body.partition(between)
    results = []
    for name in names[1:]:
        result, found, rest = rest.partition(f"\n\n{name}{between}")
        if not found:
            raise Refused(f"no result of {name!r} stands after the others; expected one for each of {list(names)}")
        results.append(result)
    return (*results, rest), tool
