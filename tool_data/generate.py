"""Writes simulated chats: requests from authored phrasings, calls and answers as they should be.

A call holds only what the request determines; `image` is left out where it is the default.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.messages import tools_of
from agent.trace import Origin, StopReason, Trace
from skills.registry import AnySkill

from .boards import Board, ask
from .chats import PICTURELESS, Chat
from .checks.row import SIMULATED
from .fields import load_fields
from .material import Material, Phrase
from .offers import Drawer, Offer
from .others import Other
from .phrasings import LANGUAGES, Call, Intent, Language
from .relative import meanings
from .requests import Request, Words, filled
from .requests import draw as draw_request
from .simulate import World, needs_weights
from .variants import listed, tailed

POINTED = ("segment", "segment_like", "caption")
"""Skills whose region may be a point."""

OUTLINED = ("blur", "erase", "cut_out", "inpaint", "crop", "read_text")
"""Skills that need an area: what a point lies on is outlined first."""


MENU = 20.0
"""How much more often than any other talk it is asked what can be done here: most people begin so."""


@dataclass(frozen=True)
class Mix:
    """How often a turn is of a kind; the rest are authored requests for skills on offer."""

    invented: float = 0.3
    """For a made-up skill, where one is on offer."""
    follow_up: float = 0.6
    """About an earlier result, from a chat's second turn on."""
    withheld: float = 0.12
    """For a skill that is not on offer."""
    talk: float = 0.12
    """Needs no skill."""
    look: float = 0.09
    """Says so little that the picture decides."""
    joined: float = 0.12
    """Several steps, joined from clauses."""
    board: float = 0.0
    """About a board, whose questions are answered by looking."""


class Generator:
    """Draws offers and chats."""

    planner = SIMULATED
    """What `meta.planner` of its chats says."""

    def __init__(
        self,
        material: Material,
        pool: Mapping[str, Sequence[str]],
        boards: Mapping[str, Board] | None = None,
        *,
        content: bool = True,
    ) -> None:
        """Use `material`; `pool` is what pictures show -> hashes, `boards` hash -> what stands on it.

        `content` fills what planners with text read.
        """
        self.material, self.boards, self.content = material, boards or {}, content
        self.pool = {**pool, "board": tuple(self.boards)} if self.boards else pool
        self._known = {tool["function"]["name"]: tool for tool in tools_of(material.skills)} if content else {}
        self.drawer = Drawer(material.skills, material.describer, material.others, material.words, load_fields())

    def offer(self, rng: random.Random, *, least: int = 1, most: int = 24, full: float = 0.0) -> Offer:
        """Draw an offer; with probability `full` the one that serving shows, often with added skills."""
        if rng.random() < full:
            withheld = rng.choice((1, 2, 2, 3, 6)) if rng.random() < 0.3 else 0
            return self.drawer.exact(rng, added=rng.choice((0, 0, 1, 3, 5, 6)), withheld=withheld)
        return self.drawer.varied(rng, least=least, most=most)

    def chat(
        self,
        offer: Offer,
        rng: random.Random,
        *,
        mix: Mix | None = None,
        most_turns: int = 4,
        seed: int = 0,
        name: str = "",
    ) -> Trace:
        """Draw a chat of one to `most_turns` turns under an offer; `name` is its id, drawn where it is empty."""
        first = 1 if rng.random() < 0.6 else rng.randint(1, 26)
        world = self.world(rng, first)
        chat = Chat(offer, world, self.material.answers, rng)
        language: Language = rng.choice(LANGUAGES)
        for number in range(min(most_turns, rng.choice((1, 1, 2, 2, 3, 4)))):
            if not world.room():
                break
            if rng.random() < 0.1:
                language = rng.choice(LANGUAGES)
            self._turn(chat, language, rng, mix or Mix(), new=number == 0)
        trace = chat.trace(name or f"{self.planner}-{seed}-{rng.getrandbits(32):08x}", self.planner, seed)
        return self.finished(trace, offer) if self.content else trace

    def world(self, rng: random.Random, first: int) -> World:
        """Return an empty world for a chat; `first` is the first number of its ids."""
        return World(rng, self.material.words, self.pool, content=self.content, first=first)

    def finished(self, trace: Trace, offer: Offer) -> Trace:
        """Return a chat with the schemas of those skills on its offer that no registry knows as they stand there."""
        schemas = {tool["function"]["name"]: tool for tool in tools_of(offer.skills)}
        added = {name: tool for name, tool in schemas.items() if tool != self._known.get(name)}
        if not added:
            return trace
        origin = Origin(format=self.planner, row=trace.id, extra={"tools": added})
        return trace.model_copy(update={"meta": trace.meta.model_copy(update={"origin": origin})})

    def _turn(self, chat: Chat, language: Language, rng: random.Random, mix: Mix, *, new: bool) -> None:
        if not new and rng.random() < mix.follow_up and self._follow_up(chat, language, rng):
            return None
        if self.boards and rng.random() < mix.board:
            return self._board(chat, language, rng)
        if rng.random() < mix.look and self._look(chat, language, rng):
            return None
        images = self._images(chat, rng, new=new)
        if chat.offer.made_up and rng.random() < mix.invented:
            return self._invented(chat, language, rng, images)
        if rng.random() < mix.talk:
            return self._talk(chat, language, rng, images)
        if rng.random() < mix.withheld and self._withheld(chat, language, rng, images):
            return None
        if rng.random() < mix.joined and self._joined(chat, language, rng, images):
            return None
        return self._direct(chat, language, rng, images)

    def _look(self, chat: Chat, language: Language, rng: random.Random) -> bool:
        """Add a turn whose picture decides what is called, where that skill is on offer."""
        phrase = rng.choice(self.material.looks[language])
        if phrase.intent.extra["picture"] not in self.pool:
            return False
        if any(step.skill not in chat.offer.contract for step in phrase.intent.steps):
            return False
        self._ask(chat, phrase, rng, (chat.world.picture(shows=phrase.intent.extra["picture"]),))
        return True

    def _board(self, chat: Chat, language: Language, rng: random.Random) -> None:
        """Add a question about a board, about the newest picture where that is one."""
        newest = chat.world.newest()
        images: tuple[str, ...] = ()
        if newest is None or chat.world.artifacts[newest].sha256 not in self.boards:
            newest = chat.world.picture(shows="board")
            images = (newest,)
        asked = ask(self.boards[chat.world.artifacts[newest].sha256], language, rng)
        request = draw_request(asked.text, language, self.material.words, rng)
        chat.say(request.text, "", language, images=images, said=(asked.answer,))

    def _images(self, chat: Chat, rng: random.Random, *, new: bool) -> tuple[str, ...]:
        if rng.random() > (0.9 if new else 0.15):
            return ()
        return tuple(chat.world.picture() for _ in range(2 if rng.random() < 0.1 else 1))

    def _direct(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> None:
        known = list(chat.offer.contract)
        weights = [1.0 if needs_weights(chat.offer.contract[name]) else 2.0 for name in known]
        for _ in range(8):
            name = rng.choices(known, weights)[0] if known else ""
            phrase = self._phrase(name, language, rng)
            if phrase and all(step.skill in chat.offer.contract for step in phrase.intent.steps):
                return self._ask(chat, phrase, rng, images)
        return self._talk(chat, language, rng, images)

    def _phrase(self, name: str, language: Language, rng: random.Random) -> Phrase | None:
        phrases = self.material.by_skill.get((name, language))
        return rng.choice(phrases) if phrases else None

    def _joined(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> bool:
        """Add a turn of several steps, joined from clauses; return whether one could be made."""
        drawn = self.material.joiner.join(set(chat.offer.contract), language, rng)
        if drawn is not None:
            self._ask(chat, Phrase(drawn[0], language, drawn[1]), rng, images)
        return drawn is not None

    def _ask(self, chat: Chat, phrase: Phrase, rng: random.Random, images: tuple[str, ...]) -> None:
        """Add the turn of an authored phrasing."""
        intent, language = phrase.intent, phrase.language
        said: str = phrase.text
        told: Sequence[Call] = intent.steps
        if rng.random() < 0.2:
            said, told = listed(said, told, language, rng)
        if rng.random() < 0.08:
            said, told = tailed(said, told, self.material.tails, language, rng)
        request = draw_request(said, language, chat.world.words_of(self.material.words), rng)
        steps = _filled(told, request.values)
        if chat.world.newest() is None and steps[0].skill not in PICTURELESS:
            return chat.say(request.text, "ask.picture", language, stop="asked")
        marks: tuple[str, ...] = ()
        if any(str(v).startswith("$mark") for s in steps for v in s.args.values()):
            if rng.random() < 0.04 and not chat.latest("boxes"):
                return chat.say(request.text, "ask.mark", language, images=images, stop="asked")
            outlined = steps[0].skill in OUTLINED and "segment" in chat.offer.contract
            point = len(steps) == 1 and (outlined or steps[0].skill in POINTED) and rng.random() < 0.25
            marks = (chat.world.mark(point=point),)
            if point and outlined:
                steps = _outlined(steps[0])
        text = request.text
        if len(steps) == 1 and not marks and rng.random() < 0.06:
            text, steps = _named(text, steps, chat, language, rng)
        chat.work(text, steps, language, images=images, marks=marks)
        return None

    def _follow_up(self, chat: Chat, language: Language, rng: random.Random) -> bool:
        if rng.random() < 0.45 and self._relative(chat, language, rng):
            return True
        phrase = next((p for p in self._drawn_follow_ups(language, rng) if _possible(p.intent, chat)), None)
        if phrase is None:
            return False
        said, told = phrase.text, phrase.intent.steps
        request = draw_request(said, language, self.material.words, rng)
        chat.work(request.text, _filled(told, request.values), language)
        return True

    def _relative(self, chat: Chat, language: Language, rng: random.Random) -> bool:
        """Add a turn whose meaning lies in the turn before; return whether one could be made."""
        names = {skill.name: name for name, skill in chat.offer.contract.items()}
        found = meanings(chat.turns[-1], names, rng)
        if not found or chat.world.newest() is None:
            return False
        meant = rng.choice(found)
        texts = self.material.relative.get(meant.kind, {}).get(language, ())
        if not texts or any(step.skill not in chat.offer.contract for step in meant.steps):
            return False
        if any(
            chat.resolve(value) is None
            for s in meant.steps
            for value in s.args.values()
            if value == "$previous_picture"
        ):
            return False
        request = draw_request(rng.choice(texts), language, self.material.worded(meant.steps), rng)
        marks = (chat.world.mark(point=False),) if meant.marked else ()
        chat.work(request.text, _filled(meant.steps, request.values), language, marks=marks)
        return True

    def _drawn_follow_ups(self, language: Language, rng: random.Random) -> Iterator[Phrase]:
        """Yield requests about earlier results at random, each intent as likely as any other."""
        intents = list(self.material.follow_ups[language])
        rng.shuffle(intents)
        for phrases in intents:
            yield rng.choice(phrases)

    def _withheld(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> bool:
        missing = [s.name for s in self.material.skills if s.name not in chat.offer.contract]
        phrase = self._phrase(rng.choice(missing), language, rng) if missing else None
        if phrase is None:
            return False
        request = draw_request(phrase.text, language, self.material.words, rng)
        chat.say(request.text, "error.withheld", language, images=images)
        return True

    def _talk(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> None:
        talk = self.material.talk[language]
        if rng.random() < 0.5:
            weights = [MENU if "[skills]" in said else 1.0 for said in talk]
        else:
            weights = [float(len(requests)) for requests in talk.values()]
        (said,) = rng.choices(list(talk), weights)
        request = draw_request(rng.choice(talk[said]), language, self.material.words, rng)
        stop: StopReason = "asked" if said.endswith("?") else "answered"
        chat.say(request.text, "", language, images=images, said=(said,), stop=stop)

    def _invented(self, chat: Chat, language: Language, rng: random.Random, images: tuple[str, ...]) -> None:
        """Add a turn for a skill that no contract knows."""
        other = rng.choice(chat.offer.made_up)
        skill = other.skill
        asked = bool(other.requests)
        request = self._asked(other, language, rng) if asked else _scrambled(skill, language, self.material.words, rng)
        named = {param.kind: param.name for param in skill.params}
        args: dict[str, Any] = {}
        marks: tuple[str, ...] = ()
        if chat.world.newest() is None and named.keys() & {"picture", "regions"}:
            images = (chat.world.picture(),)
        if "regions" in named:
            marks = (chat.world.mark(point=False),)
            args[named["regions"]] = marks[0]
        if "words" in named:
            args[named["words"]] = request.values["words"]
        offer = replace(chat.offer, contract={**chat.offer.contract, skill.name: skill})
        chat.offer, kept = offer, chat.offer
        chat.work(request.text, [Call(skill.name, args)], language, images=images, marks=marks)
        chat.offer = kept

    def _asked(self, other: Other, language: Language, rng: random.Random) -> Request:
        """Return an authored request for an added skill, as people type it."""
        words = replace(self.material.words, lists={"words": other.values})
        return draw_request(rng.choice(other.requests[language]), language, words, rng)


def _scrambled(skill: AnySkill, language: Language, words: Words, rng: random.Random) -> Request:
    """Return a request for a skill of random words: some of its description's, others around them, and its value."""
    told = skill.description.lower().rstrip(".").replace(",", "").split()
    said = rng.sample(told, min(len(told), rng.randint(2, 4)))
    value = " ".join(words.word(language, rng) for _ in range(rng.randint(1, 3)))
    spare = [words.word(language, rng) for _ in range(rng.randint(0, 3))]
    if any(param.kind == "words" for param in skill.params):
        spare.append(rng.choice((value, f"about {value}", f": {value}")))
    return Request(" ".join([*said, *spare] if rng.random() < 0.7 else [*spare, *said]), {"words": value})


def _filled(steps: Sequence[Call], values: Mapping[str, str]) -> list[Call]:
    return [replace(s, args={k: filled(v, values) for k, v in s.args.items()}) for s in steps]


def _outlined(step: Call) -> list[Call]:
    """Return the steps that outline what a point lies on and then do `step` to it."""
    marked = {name: "$1" if value == "$mark" else value for name, value in step.args.items()}
    return [Call("segment", {"regions": "$mark"}), replace(step, args=marked)]


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
            if found is None or (found.startswith("text_") and not chat.world.frame_of(found.partition("[")[0])):
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
