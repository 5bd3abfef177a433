"""Writes simulated chats: requests from authored phrasings, calls and answers as they should be.

A call holds only what the request determines; `image` is left out where it is the default.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.trace import StopReason, Trace
from skills.registry import Registry

from .chats import PICTURELESS, Chat
from .offers import AnySkill, Describer, Offer, draw, exact
from .phrasings import FOLDER, LANGUAGES, Call, Intent, Language, load_intents
from .requests import Words, filled, vocabulary
from .requests import draw as draw_request
from .simulate import World
from .wording import Answers, Talk, load_answers, load_talk, load_words

ANSWERS = Path(__file__).parent / "answers.toml"
"""Answers that no author's file holds."""

MARKABLE_BY_POINT = ("segment", "segment_like", "caption", "cut_out")
"""Skills whose region may be a point."""


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
class Mix:
    """How often a turn is of a kind; the rest are authored requests for skills on offer."""

    invented: float = 0.2
    """For a made-up skill, where one is on offer."""
    follow_up: float = 0.4
    """About an earlier result, from a chat's second turn on."""
    withheld: float = 0.08
    """For a skill that is not on offer."""
    talk: float = 0.07
    """Needs no skill."""


@dataclass(frozen=True)
class Material:
    """Everything chats are made of."""

    skills: tuple[AnySkill, ...]
    """The contract's skills, in the registry's order."""
    by_skill: Mapping[str, Sequence[Phrase]]
    """Last skill of an intent -> its phrasings."""
    follow_ups: Sequence[Phrase]
    """Requests about earlier results."""
    talk: Sequence[Talk]
    """Chat without a skill."""
    answers: Answers
    """Key -> language -> answers."""
    words: Words
    """Where slots are filled from."""
    describer: Describer = field(default_factory=Describer.load)
    """Other descriptions of the skills."""

    @classmethod
    def load(cls, folder: Path = FOLDER, *, held_back: bool = False) -> "Material":
        """Read phrasings and turns; `held_back` takes the phrasings that training never sees instead of the others."""
        intents = load_intents(folder)
        skills = tuple(Registry.load().offer())
        names = {skill.name for skill in skills}
        plain = [
            i
            for i in intents
            if i.steps and not i.source.endswith("follow_ups.toml") and all(step.skill in names for step in i.steps)
        ]
        by_skill: dict[str, list[Phrase]] = {}
        for intent in plain:
            by_skill.setdefault(intent.steps[-1].skill, []).extend(_phrases(intent, held_back=held_back))
        later = [i for i in intents if i.source == "c/follow_ups.toml" and _fits(i, skills)]
        follow_ups = [p for i in later for p in _phrases(i, held_back=held_back)]
        words = load_words(folder / "c" / "words.toml", {n: vocabulary(intents, n) for n in LANGUAGES})
        return cls(
            skills,
            by_skill,
            follow_ups,
            load_talk(folder / "c" / "no_tool.toml", held_back=held_back),
            load_answers(folder / "c" / "answers.toml", ANSWERS),
            words,
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


def _phrases(intent: Intent, *, held_back: bool) -> list[Phrase]:
    return [
        Phrase(text, language, intent) for language in LANGUAGES for text in intent.pool(language, held_back=held_back)
    ]


class Generator:
    """Draws offers and chats."""

    def __init__(self, material: Material, digests: Sequence[str], *, content: bool = True) -> None:
        """Use `material`; `digests` are the hashes of a picture pool, `content` fills what planners with text read."""
        self.material, self.digests, self.content = material, digests, content

    def offer(self, rng: random.Random, *, least: int = 1, most: int = 24, full: float = 0.0) -> Offer:
        """Draw an offer; with probability `full` the one that serving shows."""
        if rng.random() < full:
            return exact(self.material.skills)
        return draw(self.material.skills, self.material.describer, self.material.words, rng, least=least, most=most)

    def chat(
        self, offer: Offer, rng: random.Random, *, mix: Mix | None = None, most_turns: int = 4, seed: int = 0
    ) -> Trace:
        """Draw a chat of one to `most_turns` turns under an offer."""
        first = 1 if rng.random() < 0.6 else rng.randint(1, 26)
        world = World(rng, self.material.words, self.digests, content=self.content, first=first)
        chat = Chat(offer, world, self.material.answers, rng)
        language: Language = rng.choice(LANGUAGES)
        for number in range(rng.choice((1, 1, 2, 2, 3, most_turns))):
            if not world.room():
                break
            if rng.random() < 0.1:
                language = rng.choice(LANGUAGES)
            self._turn(chat, language, rng, mix or Mix(), new=number == 0)
        return chat.trace(f"simulated-{seed}-{rng.getrandbits(32):08x}", seed)

    def _turn(self, chat: Chat, language: Language, rng: random.Random, mix: Mix, *, new: bool) -> None:
        if not new and rng.random() < mix.follow_up and self._follow_up(chat, language, rng):
            return None
        images = self._images(chat, rng, new=new)
        if chat.offer.made_up and rng.random() < mix.invented:
            return self._invented(chat, language, rng, images)
        if rng.random() < mix.talk:
            return self._talk(chat, language, rng, images)
        if rng.random() < mix.withheld and self._withheld(chat, language, rng, images):
            return None
        return self._direct(chat, language, rng, images)

    def _images(self, chat: Chat, rng: random.Random, *, new: bool) -> tuple[str, ...]:
        if rng.random() > (0.9 if new else 0.15):
            return ()
        return tuple(chat.world.picture() for _ in range(2 if rng.random() < 0.1 else 1))

    def _direct(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> None:
        known = list(chat.offer.contract)
        weights = [1.0 if chat.offer.contract[name].run is None else 2.0 for name in known]
        for _ in range(8):
            name = rng.choices(known, weights)[0] if known else ""
            phrase = self._phrase(name, language, rng)
            if phrase and all(step.skill in chat.offer.contract for step in phrase.intent.steps):
                return self._ask(chat, phrase, rng, images)
        return self._talk(chat, language, rng, images)

    def _phrase(self, name: str, language: Language, rng: random.Random) -> Phrase | None:
        phrases = [p for p in self.material.by_skill.get(name, ()) if p.language == language]
        return rng.choice(phrases) if phrases else None

    def _ask(self, chat: Chat, phrase: Phrase, rng: random.Random, images: tuple[str, ...]) -> None:
        """Add the turn of an authored phrasing."""
        intent, language = phrase.intent, phrase.language
        request = draw_request(phrase.text, language, self.material.words, rng)
        steps = _filled(intent, request.values)
        if chat.world.newest() is None and steps[0].skill not in PICTURELESS:
            return chat.say(request.text, "ask.picture", language, stop="asked")
        marks: tuple[str, ...] = ()
        if any(str(v).startswith("$mark") for s in steps for v in s.args.values()):
            if rng.random() < 0.04 and not chat.latest("boxes"):
                return chat.say(request.text, "ask.mark", language, images=images, stop="asked")
            point = steps[-1].skill in MARKABLE_BY_POINT and rng.random() < 0.4
            marks = (chat.world.mark(point=point),)
        text = request.text
        if len(steps) == 1 and not marks and rng.random() < 0.06:
            text, steps = _named(text, steps, chat, language, rng)
        thought = str(intent.thought.get(language, ""))
        chat.work(text, steps, language, thought=thought, images=images, marks=marks)
        return None

    def _follow_up(self, chat: Chat, language: Language, rng: random.Random) -> bool:
        fitting = [p for p in self.material.follow_ups if p.language == language and _possible(p.intent, chat)]
        if not fitting:
            return False
        phrase = rng.choice(fitting)
        request = draw_request(phrase.text, language, self.material.words, rng)
        thought = str(phrase.intent.thought.get(language, ""))
        chat.work(request.text, _filled(phrase.intent, request.values), language, thought=thought)
        return True

    def _withheld(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> bool:
        missing = [s.name for s in self.material.skills if s.name not in chat.offer.contract]
        phrase = self._phrase(rng.choice(missing), language, rng) if missing else None
        if phrase is None:
            return False
        request = draw_request(phrase.text, language, self.material.words, rng)
        chat.say(request.text, "error.withheld", language, images=images)
        return True

    def _talk(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> None:
        text, language, said = rng.choice([t for t in self.material.talk if t[1] == language])
        request = draw_request(text, language, self.material.words, rng)
        stop: StopReason = "asked" if said[0].endswith("?") and "$" not in said[0] else "answered"
        chat.say(request.text, "", language, images=images, said=said, stop=stop)

    def _invented(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> None:
        """Add a turn for a made-up skill: words of its description, and its argument."""
        words = self.material.words
        skill = rng.choice(chat.offer.made_up)
        told = skill.description.rstrip(".").replace(",", "").split()
        said = rng.sample(told, min(len(told), rng.randint(2, 4)))
        args: dict[str, Any] = {}
        marks: tuple[str, ...] = ()
        spare = [words.word(language, rng) for _ in range(rng.randint(0, 3))]
        if chat.world.newest() is None and any(p.kind in ("picture", "regions") for p in skill.params):
            images = (chat.world.picture(),)
        for param in skill.params:
            if param.kind == "regions":
                marks = (chat.world.mark(point=False),)
                args[param.name] = marks[0]
            elif param.kind == "words":
                value = " ".join(words.word(language, rng) for _ in range(rng.randint(1, 3)))
                args[param.name] = value
                spare.append(rng.choice((f"{value}", f"about {value}", f": {value}")))
        rng.shuffle(said)
        text = " ".join([*said, *spare]) if rng.random() < 0.7 else " ".join([*spare, *said])
        offer = replace(chat.offer, contract={**chat.offer.contract, skill.name: skill})
        chat.offer, kept = offer, chat.offer
        chat.work(text.lower(), [Call(skill.name, args)], language, images=images, marks=marks)
        chat.offer = kept


def _filled(intent: Intent, values: Mapping[str, str]) -> list[Call]:
    return [replace(s, args={k: filled(v, values) for k, v in s.args.items()}) for s in intent.steps]


def _possible(intent: Intent, chat: Chat) -> bool:
    """Return whether a follow-up's skills are on offer and its results exist, all in one frame."""
    frames = set()
    if chat.world.newest() is None or any(step.skill not in chat.offer.contract for step in intent.steps):
        return False
    for step in intent.steps:
        for value in step.args.values():
            if not str(value).startswith("$") or str(value)[1:2].isdigit():
                continue
            found = chat.resolve(value)
            if found is None:
                return False
            frames.add(chat.world.frame_of(found.partition("[")[0]))
    return len(frames) < 2


def _named(
    text: str, steps: Sequence[Call], chat: Chat, language: Language, rng: random.Random
) -> tuple[str, list[Call]]:
    """Return the request with a picture named by its id, and the call with that picture."""
    pictures = [n for n, a in chat.world.artifacts.items() if a.kind == "picture" and not a.view]
    if len(pictures) < 2 or steps[0].skill in PICTURELESS:
        return text, list(steps)
    name = rng.choice(pictures)
    link = rng.choice({"en": ("in", "on", "for", "use"), "es": ("en", "con", "de", "para")}[language])
    named = f"{text} {link} {name}" if rng.random() < 0.6 else f"{link} {name}: {text}"
    return named, [replace(steps[0], args={"image": name, **steps[0].args})]
