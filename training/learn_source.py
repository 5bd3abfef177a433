"""Chats for learning new skills: the generator's own, which replay the old skills, and turns for the new ones."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tool_data.boards import Board
from tool_data.chats import Chat
from tool_data.generate import Generator, Mix
from tool_data.language import UNKNOWN, language_of
from tool_data.material import Material, Phrase
from tool_data.offers import Offer, placed
from tool_data.phrasings import LANGUAGES, Call, Language
from tool_data.requests import filled
from tool_data.split import tokens

from .learn_lesson import Lesson

NEAR = 0.08
"""Share of turns for other skills whose requests share words with the new one's."""

TELLING = 3
"""Letters, and more, of a word that may tell what a request is about."""

THING = "{object}"
"""The slot of a thing in the phrasings."""


class Lessons(Generator):
    """Draws offers with the new skills on them, and chats of which a share is about those."""

    def __init__(
        self,
        material: Material,
        pool: Mapping[str, Sequence[str]],
        boards: Mapping[str, Board] | None = None,
        *,
        content: bool = True,
        lessons: Sequence[Lesson] = (),
        share: float = 0.25,
    ) -> None:
        """Use `material` and `lessons`; `share` of the turns are for new skills. The rest is as in Generator."""
        super().__init__(material, pool, boards, content=content)
        self.lessons, self.share = lessons, share
        told = _told(lessons)
        self.near = {language: _near(material, language, told) for language in LANGUAGES}
        self.things = {
            language: [v for v in material.words.lists["object"][language] if told & set(tokens(v))]
            for language in LANGUAGES
        }

    def offer(self, rng: random.Random, *, least: int = 1, most: int = 24, full: float = 0.0) -> Offer:
        """Draw an offer with the new skills among those behind the contract's, mostly the first of them."""
        drawn = super().offer(rng, least=least, most=most, full=full)
        new = [lesson.skill for lesson in self.lessons]
        if {skill.name for skill in new} & {skill.name for skill in drawn.skills}:
            return self.offer(rng, least=least, most=most, full=full)
        return placed(drawn, new, rng)

    def _turn(self, chat: Chat, language: Language, rng: random.Random, mix: Mix, *, new: bool) -> None:
        at = rng.random()
        if at < self.share:
            return self._learnt(chat, language, rng, self._images(chat, rng, new=new))
        if at < self.share + NEAR and self._near_turn(chat, language, rng, self._images(chat, rng, new=new)):
            return None
        return super()._turn(chat, language, rng, mix, new=new)

    def _learnt(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> None:
        """Add a turn for a new skill; without a picture it asks for one where the skill works on one."""
        lesson = rng.choice(self.lessons)
        asked = lesson.draw(language, rng)
        if lesson.sees and chat.world.newest() is None:
            return chat.say(asked.text, "ask.picture", asked.language, stop="asked")
        marks = (chat.world.mark(point=False),) if asked.marked else ()
        return chat.work(asked.text, [Call(lesson.skill.name, asked.args)], asked.language, images=images, marks=marks)

    def _near_turn(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> bool:
        """Add a turn for another skill whose request shares words with the new one's, where one is on offer."""
        phrases, weights = self.near[language]
        if not phrases:
            return False
        (phrase,) = rng.choices(phrases, weights)
        if any(step.skill not in chat.offer.contract for step in phrase.intent.steps):
            return False
        if self.things[language] and THING in phrase.text and rng.random() < 0.5:
            phrase = _about(phrase, rng.choice(self.things[language]))
        self._ask(chat, phrase, rng, images)
        return True


def _about(phrase: Phrase, thing: str) -> Phrase:
    """Return a phrasing with its thing told."""
    steps = tuple(
        replace(step, args={name: filled(value, {THING[1:-1]: thing}) for name, value in step.args.items()})
        for step in phrase.intent.steps
    )
    return replace(phrase, text=phrase.text.replace(THING, thing), intent=replace(phrase.intent, steps=steps))


def _told(lessons: Sequence[Lesson]) -> set[str]:
    """Return the telling words of the new skills: of names, descriptions and examples."""
    texts: list[str] = []
    for skill in (lesson.skill for lesson in lessons):
        texts += [skill.name.replace("_", " "), skill.description, *skill.examples]
    return {word for text in texts for word in tokens(text) if len(word) >= TELLING and language_of(word) == UNKNOWN}


def _near(material: Material, language: Language, told: set[str]) -> tuple[list[Phrase], list[float]]:
    """Return the phrasings of the old skills that share words with the new ones', and how many."""
    every = [p for (_, known), found in material.by_skill.items() if known == language for p in found]
    shared: list[tuple[Phrase, float]] = [(p, float(len(told & set(tokens(p.text))))) for p in every]
    near = [(phrase, count) for phrase, count in shared if count]
    return [phrase for phrase, _ in near], [count for _, count in near]
