"""`--examples FILE.toml`: requests for a new skill with their calls, written by its author.

[[requests]]
skill = "weather"                          # may be left out where only one skill is learnt
args = { place = "{place}" }               # "{place}" stands in every request; "$mark" is what the user marked
en = ["will it rain in {place}?"]
es = ["¿va a llover en {place}?"]
held_out = true                            # only measured on, never trained on

[values]
place = ["Oslo", "La Paz"]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.trial import admits
from skills import InputError
from skills.errors import nearest
from skills.registry import AnySkill
from tool_data.phrasings import LANGUAGES, SLOT, Language, read_toml

_KEYS = {"skill", "args", "held_out", *LANGUAGES}


@dataclass(frozen=True)
class Told:
    """One request with its call, as an author wrote it."""

    skill: str
    """The skill."""
    text: str
    """The request, with slots."""
    language: Language
    """Its language."""
    args: Mapping[str, Any]
    """The call's arguments."""
    held_out: bool
    """True where it is only measured on."""


@dataclass(frozen=True)
class Authored:
    """What files of requests hold."""

    requests: tuple[Told, ...] = ()
    """The requests, in order."""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Argument -> values for it."""


def read_requests(paths: Sequence[Path], skills: Sequence[AnySkill]) -> Authored:
    """Read files of requests for `skills`; raises InputError that names the row where one cannot be used."""
    requests: list[Told] = []
    values: dict[str, Sequence[str]] = {}
    for path in paths:
        if not path.is_file():
            raise InputError(f"no file of requests at {str(path)!r}; --examples names a TOML file with [[requests]]")
        table = read_toml(path)
        if unknown := set(table) - {"requests", "values"}:
            raise InputError(f"{str(path)!r} has {min(unknown)!r}; expected [[requests]] and [values]")
        rows, lists = table.get("requests", []), table.get("values", {})
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{str(path)!r}: `requests` is no list of tables; write [[requests]] above each")
        if not isinstance(lists, dict):
            raise InputError(f'{str(path)!r}: `values` is no table; write [values] and argument = ["..."] below it')
        for number, row in enumerate(rows, start=1):
            requests.extend(_row(row, skills, f"request {number} of {str(path)!r}"))
        for name, told in lists.items():
            _check_values(name, told, skills, str(path))
            values[name] = told
    return Authored(tuple(requests), values)


def _check_values(name: str, told: Any, skills: Sequence[AnySkill], where: str) -> None:
    """Raise InputError where the values of an argument are none."""
    known = sorted({param.name for skill in skills for param in skill.params})
    if name not in known:
        hint = nearest(name, known, f"expected {', '.join(known) or 'none'}")
        raise InputError(f"{where!r}: no skill has the argument {name!r} that [values] names; {hint}")
    if not _texts(told):
        raise InputError(f"{where!r}: the values of {name!r} are no list of texts")


def _row(row: Mapping[str, Any], skills: Sequence[AnySkill], where: str) -> list[Told]:
    if unknown := set(row) - _KEYS:
        hint = nearest(min(unknown), sorted(_KEYS), f"expected {', '.join(sorted(_KEYS))}")
        raise InputError(f"{where} has {min(unknown)!r}; {hint}")
    skill = _skill(row, skills, where)
    args, held_out = row.get("args", {}), row.get("held_out", False)
    if not isinstance(args, dict):
        raise InputError(f'{where}: args is {args!r}; expected a table such as {{ place = "{{place}}" }}')
    if not isinstance(held_out, bool):
        raise InputError(f"{where}: held_out is {held_out!r}; expected true or false")
    if problem := _problem(skill, args):
        raise InputError(f"{where}: {problem}")
    texts = {language: row.get(language, []) for language in LANGUAGES}
    if not all(_texts(told) for told in texts.values()) or not any(texts.values()):
        raise InputError(f"{where} has no requests; give lists of them as `en` or `es`")
    used = _slots(args)
    for text in (text for told in texts.values() for text in told):
        if sorted(SLOT.findall(text)) != sorted(used):
            stands = ", ".join(f"{{{name}}}" for name in sorted(used)) or "none"
            raise InputError(f"{where}: {text!r} has other slots than its args ({stands}); write each once in both")
    return [Told(skill.name, text, language, args, held_out) for language in LANGUAGES for text in texts[language]]


def _skill(row: Mapping[str, Any], skills: Sequence[AnySkill], where: str) -> AnySkill:
    names = [skill.name for skill in skills]
    name = row.get("skill", names[0] if len(names) == 1 else "")
    if name not in names:
        raise InputError(f"{where} is for the skill {name!r}; expected one of those learnt: {', '.join(names)}")
    return skills[names.index(name)]


def _texts(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(text, str) and text.strip() for text in told)


def _slots(args: Mapping[str, Any]) -> set[str]:
    every = [item for value in args.values() for item in (value if isinstance(value, list) else [value])]
    return {match[1] for value in every if isinstance(value, str) and (match := SLOT.fullmatch(value))}


def _problem(skill: AnySkill, args: Mapping[str, Any]) -> str:
    """Return what is wrong with a call's arguments, "" where they can be used."""
    for name, value in args.items():
        param = skill.param(name)
        if param is None:
            return f"{skill.name} has no argument {name!r}; {nearest(name, [p.name for p in skill.params], 'see it')}"
        slots = _slots({name: value})
        if {slot.rstrip("0123456789") if param.kind == "list" else slot for slot in slots} - {name}:
            return f"the slot of the argument {name!r} is named otherwise; write {{{name}}}"
        if (value == "$mark") != (param.kind in ("region", "regions")) or param.kind == "picture":
            return f'the argument {name!r} is {value!r}; a region is "$mark", a picture is left out'
        if not slots and value != "$mark" and not admits(skill, name, value):
            return f"the argument {name!r} is {value!r}, which {skill.name} does not take; see its signature"
    lacking = [p.name for p in skill.params if p.required and p.kind != "picture" and p.name not in args]
    return f"args lacks {lacking[0]!r}, which {skill.name} requires" if lacking else ""
