"""The training request nearest to a given one, by the words they share."""

import re
from dataclasses import dataclass

import numpy as np

from .material import Material
from .phrasings import SLOT, Intent
from .requests import without_accents

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Near:
    """A training request and how near it is."""

    text: str
    """The phrasing, slots unfilled."""
    intent: Intent | None
    """What it stands for; None for talk and for added skills."""
    jaccard: float
    """Share of the words of both that both have (Jaccard 1912), 0-1."""


def words(text: str) -> frozenset[str]:
    """Return the words of a request without case, accents and slots."""
    return frozenset(_WORD.findall(without_accents(SLOT.sub(" ", text).casefold())))


class Index:
    """Every request of a material, to be searched by words."""

    def __init__(self, material: Material) -> None:
        """Index the phrasings, the clauses, the talk, the relative requests and those for added skills."""
        groups = (*material.by_skill.values(), *material.looks.values())
        later = [p for intents in material.follow_ups.values() for phrases in intents for p in phrases]
        found = {p.text: p.intent for phrases in groups for p in phrases} | {p.text: p.intent for p in later}
        talk = [text for answers in material.talk.values() for texts in answers.values() for text in texts]
        relative = [text for told in material.relative.values() for texts in told.values() for text in texts]
        clauses = [text for clause in material.joiner.clauses for texts in clause.texts.values() for text in texts]
        other = [text for added in material.others.values() for texts in added.requests.values() for text in texts]
        self._known: list[tuple[str, Intent | None]] = [
            *found.items(),
            *((text, None) for text in (*talk, *other, *relative, *clauses)),
        ]
        each = [words(text) for text, _ in self._known]
        self._sizes = np.array([len(one) for one in each])
        places: dict[str, list[int]] = {}
        for at, one in enumerate(each):
            for word in one:
                places.setdefault(word, []).append(at)
        self._places = {word: np.array(rows) for word, rows in places.items()}

    def nearest(self, request: str) -> Near:
        """Return the nearest request; one that shares no word has a Jaccard of 0."""
        asked = words(request)
        hits = [self._places[word] for word in asked if word in self._places]
        shared = np.bincount(np.concatenate(hits), minlength=len(self._known)) if hits else np.zeros(len(self._known))
        jaccard = shared / np.maximum(1, self._sizes + len(asked) - shared)
        best = int(jaccard.argmax())
        text, intent = self._known[best]
        return Near(text, intent, float(jaccard[best]))
