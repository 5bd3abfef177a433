"""Skills that handeye does not have, with requests for them: a planner learns to read an offer by them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skills import InputError, Param, Skill
from skills.registry import AnySkill
from skills.spec import arguments_model

from .phrasings import LANGUAGES, Language, is_held_back, read_toml

FOLDER = Path(__file__).parent / "others"
"""The added skills this repository ships."""


@dataclass(frozen=True)
class Other:
    """One skill that no contract knows, and how people ask for it."""

    skill: AnySkill
    """What stands in the offer; it cannot run."""
    requests: Mapping[Language, Sequence[str]]
    """Language -> requests; each holds "{words}" where the skill takes words."""
    values: Mapping[Language, Sequence[str]]
    """Language -> what "{words}" may be; empty where the skill takes none."""

    def renamed(self, name: str) -> "Other":
        """Return it with its skill under another name."""
        return replace(self, skill=replace(self.skill, name=name, arguments=arguments_model(name, self.skill.params)))


def load_others(folder: Path = FOLDER, *, held_back: bool = False) -> dict[str, Other]:
    """Return description -> added skill of a folder's files, one for each of its descriptions.

    Raises InputError for a file that is not as it should be.

    Requests that are kept for measuring are left out, or with `held_back` are the only ones; a skill that has then none
    in a language is left out.
    """
    found: dict[str, Other] = {}
    for path in sorted(folder.glob("*.toml")):
        for row in _described(read_toml(path)["skills"]):
            other = _other(row, held_back=held_back)
            lacking = [
                text for language in LANGUAGES for text in row[language] if ("{words}" in text) != ("words" in row)
            ]
            if lacking or other.skill.description in found:
                raise InputError(
                    f"{path.name}: {row['name']!r} is told twice or has requests amiss: {lacking}; mend it"
                )
            if all(other.requests.values()):
                found[other.skill.description] = other
    return found


def _described(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield every row once for each of its descriptions."""
    for row in rows:
        yield from ({**row, "description": told} for told in (row["description"], *row.get("also", ())))


def _other(row: Mapping[str, Any], *, held_back: bool) -> Other:
    params: list[Param] = []
    if row.get("picture", True):
        params.append(Param(name="image", kind="picture", required=False, filled=True))
    if row.get("mark"):
        params.append(Param(name="regions", kind="regions", required=True))
    if "words" in row:
        params.append(Param(name=row["words"], kind="words", required=True))
    skill = unable(row["name"], row["description"], tuple(params))
    requests = {n: tuple(t for t in row[n] if is_held_back(t) == held_back) for n in LANGUAGES}
    return Other(skill, requests, row.get("values", dict.fromkeys(LANGUAGES, ())))


def unable(name: str, description: str, params: tuple[Param, ...]) -> AnySkill:
    """Return a skill that stands in an offer and cannot run."""
    return Skill(
        name=name,
        description=description,
        params=params,
        arguments=arguments_model(name, params),
        run=None,
        mend="it is made up",
        source="made up",
    )
