"""The grammar of one pass in the slot dialect, for llguidance: only skills on offer and artifacts that exist.

A skill that needs a region is left out while there is none, one that works on a picture while there is none; an answer
holds no digit outside a citation and cites the error of a call that just failed; a `words` argument is a span of what
the user wrote.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from skills import Boxes, Masks, Param, Points, Skill, Text
from skills.store import Artifacts

from .slots import ELEMENTS, Slots, has_token, ordered_params, spaced
from .trace import Step, Trace

_RULES = r"""
SPAN: /[^\n ]([^\n]*[^\n ])?/ & WRITTEN
words: " " SPAN
text: / [^\x00-\x1f]{1,200}/
number: / -?[0-9]{1,5}(\.[0-9]{1,3})?/
integer: / -?[0-9]{1,6}/
flag: / (true|false)/
expression: " " SIGN? atom (OP SIGN? atom)*
atom: NUMERAL PERCENT? | "(" SIGN? atom (OP SIGN? atom)* ")" | FUNCTION "(" SIGN? atom ((OP | ", ") SIGN? atom)* ")"
SIGN: "-"
PERCENT: "%"
NUMERAL: /[0-9]+([.,][0-9]+)*/
OP: / ?(\+|-|\*|\*\*|\/|\/\/|\^|×|÷) ?| (x|of|de) /
FUNCTION: /(sqrt|abs|round|min|max|sin|cos|tan|log|exp)/
THOUGHT: / [^\x00-\x1f\[\]<>]{1,160}/
PROSE: /[^\x00-\x1f\[\]<>0-9]{1,400}/
"""

Token = Callable[[str], str]
"""From a control token's name to the grammar's name for it."""


def grammar(slots: Slots, trace: Trace, artifacts: Artifacts, token_id: Callable[[str], int]) -> str:
    """Return the Lark text of everything the planner may write next; `token_id` looks up control tokens."""

    def token(name: str) -> str:
        return f"<[{token_id(name)}]>"

    references = _References(artifacts, token)
    calls = [
        rule
        for number, skill in slots.by_slot.items()
        if (rule := _call(skill, token(f"<s{number}>"), references, token)) is not None
    ]
    lines = ["start: think? (call+ | say)" if calls else "start: think? say"]
    lines.append(f"think: {token('<think>')} THOUGHT")
    if calls:
        lines.append(f"call: {token('<call>')} ({' | '.join(calls)})")
    failed = references.failed(trace)
    said = f"PROSE? ({failed}) PROSE? (cite PROSE?)*" if failed else "(PROSE (cite PROSE?)* | (cite PROSE?)+)"
    lines.append(f"say: {token('<say>')} {said}")
    lines.append(f"cite: {' | '.join(references.citations(trace))}")
    written = "\n".join(spaced(turn.request) for turn in trace.turns)
    lines.append(f'WRITTEN: %regex {{ "substring_words": {json.dumps(written)} }}')
    return "\n".join(lines) + _RULES


class _References:
    """The artifacts that exist, as alternatives of the grammar."""

    def __init__(self, artifacts: Artifacts, token: Token) -> None:
        self._artifacts = artifacts
        self._token = token
        self._ids = [name for name in artifacts.ids() if has_token(name)]

    def pictures(self) -> list[str]:
        return [self._token(f"<{name}>") for name in self._ids if name.startswith("img_")]

    def regions(self, *, single: bool) -> list[str]:
        found: list[str] = []
        for name in self._ids:
            count = _places(self._artifacts.value(name))
            head = self._token(f"<{name}>")
            if count == 1 or (count and not single):
                found.append(head)
            found += [f"{head} {self._token(f'<[{i}]>')}" for i in range(min(count, ELEMENTS)) if count > 1]
        return found

    def citations(self, trace: Trace) -> list[str]:
        found = [self._token("<skills>")]
        for name in self._ids:
            head = self._token(f"<{name}>")
            value = self._artifacts.value(name)
            found.append(head)
            if isinstance(value, Boxes | Masks | Points | Text):
                found.append(f"{head} {self._token('<.count>')}")
            for i in range(min(len(getattr(value, "labels", ())), ELEMENTS)):
                found.append(f"{head} {self._token(f'<[{i}]>')} {self._token('<.label>')}")
        return found + self._errors([step for turn in trace.turns for step in turn.steps])

    def failed(self, trace: Trace) -> str:
        """Return the errors of the turn's newest calls as alternatives, "" where none failed."""
        return " | ".join(self._errors(trace.turn.steps[-1:]))

    def _errors(self, steps: Sequence[Step]) -> list[str]:
        failed = [seen.tool_call_id for step in steps for seen in step.observations if seen.error is not None]
        return [f"{self._token(f'<{name}>')} {self._token('<.error>')}" for name in failed if has_token(name)]


def _places(value: Any) -> int:
    """Return how many parts of a picture a value names."""
    if isinstance(value, Text):
        return len(value) if all(line.box for line in value.lines) else 0
    return len(value) if isinstance(value, Boxes | Masks | Points) else 0


def _call(skill: Skill[..., Any], slot: str, references: _References, token: Token) -> str | None:
    """Return a skill's alternative, or None where a required argument, or its picture, has nothing to name."""
    parts = [slot]
    for number, param in ordered_params(skill).items():
        value = _value(param, references, token)
        if value is None and (param.required or param.filled):
            return None
        if value is not None:
            written = f"{token(f'<a{number}>')} {value}"
            parts.append(written if param.required else f"({written})?")
    return " ".join(parts)


def _value(param: Param, references: _References, token: Token) -> str | None:
    """Return what an argument admits, or None where nothing fits."""
    if param.kind == "picture":
        return _either(references.pictures())
    if param.kind == "region":
        return _either(references.regions(single=True))
    if param.kind == "regions":
        one = _either(references.regions(single=False))
        return f"{one} ({token('<,>')} {one})*" if one else None
    if param.kind == "choice":
        return _either([json.dumps(f" {choice}") for choice in param.choices])
    if param.kind == "list":
        return f"words ({token('<,>')} words)*"
    return str(param.kind)


def _either(alternatives: Sequence[str]) -> str | None:
    return f"({' | '.join(alternatives)})" if alternatives else None
