"""Everything simulated chats are made of: skills, phrasings, talk, answers and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from skills.registry import AnySkill, Registry

from .clauses import Joiner, load_clauses
from .offers import Describer
from .others import Other, load_others
from .phrasings import FOLDER, LANGUAGES, Call, Intent, Language, load_intents
from .relative import Kinds, load_relative
from .requests import Words, vocabulary
from .variants import Tail, load_tails
from .wording import Answers, Talk, load_answers, load_talk, load_words

ANSWERS = Path(__file__).parent / "answers.toml"
"""Answers that no author's file holds."""


WORDS = Path(__file__).parent / "words" / "more.toml"
"""Things, prompts, instructions, queries and areas that fill slots."""


@dataclass(frozen=True)
class Phrase:
    """One phrasing with its intent."""

    text: str
    """The phrasing, slots unfilled."""
    language: Language
    """Its language."""
    intent: Intent
    """What it stands for."""


@dataclass(frozen=True)
class Material:
    """Everything chats are made of."""

    skills: tuple[AnySkill, ...]
    """The contract's skills, in the registry's order."""
    by_skill: Mapping[tuple[str, Language], Sequence[Phrase]]
    """Last skill of an intent and language -> phrasings."""
    follow_ups: Mapping[Language, Sequence[Sequence[Phrase]]]
    """Language -> requests about earlier results, those of one intent together."""
    looks: Mapping[Language, Sequence[Phrase]]
    """Language -> requests over a picture that decides what they mean."""
    talk: Talk
    """Chat without a skill."""
    answers: Answers
    """Key -> language -> answers."""
    words: Words
    """Where slots are filled from."""
    others: Mapping[str, Other]
    """Description -> a skill that no contract knows, with requests for it."""
    joiner: Joiner = field(default_factory=lambda: Joiner(()))
    """Requests of several steps, joined from clauses."""
    relative: Kinds = field(default_factory=dict)
    """Later turns whose meaning lies in the turn before."""
    tails: Sequence[Tail] = field(default_factory=load_tails)
    """Optional arguments said behind a request."""
    describer: Describer = field(default_factory=Describer.load)
    """Other descriptions of the skills."""

    @classmethod
    def load(cls, folder: Path = FOLDER, *, held_back: bool = False) -> "Material":
        """Read phrasings and turns; `held_back` takes the phrasings that training never sees instead of the others."""
        intents = load_intents(folder)
        skills = tuple(Registry.load().offer())
        names = {skill.name for skill in skills}
        by_skill: dict[tuple[str, Language], list[Phrase]] = {}
        follow_ups: dict[Language, list[Sequence[Phrase]]] = {language: [] for language in LANGUAGES}
        looks: dict[Language, list[Phrase]] = {language: [] for language in LANGUAGES}
        vague = {text for i in intents if "picture" in i.extra for texts in i.phrasings.values() for text in texts}
        for intent in intents:
            if not intent.steps or any(step.skill not in names for step in intent.steps):
                continue
            for language in LANGUAGES:
                phrases = [Phrase(t, language, intent) for t in intent.pool(language, held_back=held_back)]
                if "picture" in intent.extra:
                    looks[language].extend(phrases)
                elif not intent.source.endswith("follow_ups.toml"):
                    told = by_skill.setdefault((intent.steps[-1].skill, language), [])
                    told.extend(phrase for phrase in phrases if phrase.text not in vague)
                elif phrases and _fits(intent, skills):
                    follow_ups[language].append(phrases)
        words = load_words((folder / "c" / "words.toml", WORDS), {n: vocabulary(intents, n) for n in LANGUAGES})
        return cls(
            skills,
            by_skill,
            follow_ups,
            looks,
            load_talk(folder, held_back=held_back),
            load_answers(folder / "c" / "answers.toml", ANSWERS),
            words,
            load_others(held_back=held_back),
            Joiner(load_clauses(folder, held_back=held_back)),
            load_relative(folder, held_back=held_back),
        )

    def worded(self, steps: Sequence[Call]) -> Words:
        """Return the words that fill "{words}" as the calls take them: a prompt, a query, an expression."""
        named = {"generate": "prompt", "retrieve": "query", "calculate": "expression"}
        slot = named.get(steps[-1].skill, "prompt")
        return replace(
            self.words, lists={**self.words.lists, "words": self.words.lists.get(slot, {})}, kinds={"words": slot}
        )


def _fits(intent: Intent, skills: Sequence[AnySkill]) -> bool:
    """Return whether a follow-up's results go into arguments that take a result (words are copied, never cited)."""
    by_name = {skill.name: skill for skill in skills}
    for step in intent.steps:
        for name, value in step.args.items():
            param = by_name[step.skill].param(name)
            if param is None or (str(value).startswith("$") and param.kind not in ("picture", "region", "regions")):
                return False
    return True
