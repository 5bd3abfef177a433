"""What tokens are copied from, and which words of a request stand in the offer: where attention is told to look.

A slot is copied from its place in the offer, an artifact id from where it stood last, a word of an argument from
the same word of the conversation (longest match). A telling word of a request that calls a skill looks at the same word
of that skill's line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Vocabulary:
    """What the tokens of the dialect are, by id."""

    slots: frozenset[int]
    """`<s0>` ..."""
    references: frozenset[int]
    """Artifact and call ids."""
    special: frozenset[int]
    """Every control token."""
    opening: frozenset[int]
    """`<a0>` ... and `<,>`, between the items of a list: what follows is an argument."""
    user: int
    """`<user>`, where a turn begins."""

    @classmethod
    def of(cls, tokenizer: Any) -> "Vocabulary":
        """Read a tokeniser's control tokens."""
        from agent.slots import ARGUMENTS, SLOTS, has_token, special_tokens

        ids = {token: tokenizer.convert_tokens_to_ids(token) for token in special_tokens()}
        return cls(
            slots=frozenset(ids[f"<s{n}>"] for n in range(SLOTS)),
            references=frozenset(n for token, n in ids.items() if has_token(token[1:-1])),
            special=frozenset(ids.values()),
            opening=frozenset([ids["<,>"], *(ids[f"<a{n}>"] for n in range(ARGUMENTS))]),
            user=ids["<user>"],
        )


def copies(
    offer: Sequence[int], ids: Sequence[int], targets: Sequence[bool], vocabulary: Vocabulary
) -> list[tuple[int, int]]:
    """Return (place that predicts, place to look at) for every copied token of a chat.

    `ids` are the chat's tokens, `targets` says which the planner wrote. The first place counts in the chat and is one
    before the copied token; the second counts in offer and chat together.
    """
    begin = len(offer)
    found: list[tuple[int, int]] = []
    latest = {token: at for at, token in enumerate(offer) if token in vocabulary.slots}
    for at, token in enumerate(ids):
        if targets[at] and token in latest:
            found.append((at - 1, latest[token]))
        if token in vocabulary.references:
            latest[token] = begin + at
        if targets[at] and token in vocabulary.opening:
            end = _span_end(ids, targets, vocabulary, at + 1)
            matches = _matches(ids, targets, vocabulary, at + 1, end)
            found += [(q, begin + k) for q, k in matches]
    return found


def _span_end(ids: Sequence[int], targets: Sequence[bool], vocabulary: Vocabulary, at: int) -> int:
    while at < len(ids) and targets[at] and ids[at] not in vocabulary.special:
        at += 1
    return at


def _matches(
    ids: Sequence[int], targets: Sequence[bool], vocabulary: Vocabulary, at: int, end: int
) -> list[tuple[int, int]]:
    """Return the copies of one argument's words: each run of them from its longest, latest match before `at`."""
    found: list[tuple[int, int]] = []
    places: dict[int, list[int]] = {}
    for place in range(at):
        if not targets[place] and ids[place] not in vocabulary.special:
            places.setdefault(ids[place], []).append(place)
    while at < end:
        best, length = -1, 0
        for place in reversed(places.get(ids[at], ())):
            run = _run(ids, place, at, end)
            if run > length:
                best, length = place, run
        found += [(at + i - 1, best + i) for i in range(length)]
        at += max(1, length)
    return found


def _run(ids: Sequence[int], place: int, at: int, end: int) -> int:
    run = 0
    while at + run < end and place + run < at and ids[place + run] == ids[at + run]:
        run += 1
    return run


TELLING = 4
"""Letters, and more, of a piece of a word that tells lines of an offer apart."""

SHARED = 2
"""Lines that may hold a word which still tells them apart."""


@dataclass(frozen=True)
class Lines:
    """The lines of an offer: where they stand, and the telling words in them."""

    spans: Mapping[int, tuple[int, int]]
    """Slot token -> (place of the slot that opens its line, place of the one behind it)."""
    words: Mapping[int, Mapping[int, int]]
    """Slot token -> telling token of its line -> the token's place in the offer."""

    @classmethod
    def of(cls, offer: Sequence[int], vocabulary: Vocabulary, spelled: Callable[[int], str]) -> "Lines":
        """Find the lines of an offer's tokens; `spelled` gives a token as the tokeniser writes it."""
        spans: dict[int, tuple[int, int]] = {}
        opened: dict[int, int] = {}
        for place, token in enumerate(offer):
            if token in opened:
                spans[token] = (opened[token], place)
            elif token in vocabulary.slots:
                opened[token] = place
        held: dict[int, set[int]] = {}
        for slot, (begin, end) in spans.items():
            for token in offer[begin + 1 : end]:
                held.setdefault(token, set()).add(slot)
        telling = {t for t, lines in held.items() if len(lines) <= SHARED and len(spelled(t)) >= TELLING}
        words = {
            slot: {offer[at]: at for at in range(end - 1, begin, -1) if offer[at] in telling}
            for slot, (begin, end) in spans.items()
        }
        return cls(spans, words)

    def own(self) -> Iterator[tuple[int, int]]:
        """Yield (place of a word, place of the slot that opens its line)."""
        for begin, end in self.spans.values():
            for place in range(begin + 1, end):
                yield place, begin

    def matches(self, ids: Sequence[int], targets: Sequence[bool], user: int) -> list[tuple[int, int]]:
        """Return (place of a word in the chat, place of the same word in the offer's line of a skill then called).

        Only words of the same turn, which begins with the token `user`, before the first that the planner wrote.
        """
        found: dict[int, int] = {}
        for _, slot, places in self._called(ids, targets, user):
            for place in places:
                found.setdefault(place, self.words[slot][ids[place]])
        return sorted(found.items())

    def votes(self, ids: Sequence[int], targets: Sequence[bool], user: int, begin: int) -> list[tuple[int, int]]:
        """Return (place in the chat that predicts a slot, place in offer and chat of a word that matched its line).

        `begin` is the offer's length.
        """
        return [(at - 1, begin + place) for at, _, places in self._called(ids, targets, user) for place in places]

    def _called(
        self, ids: Sequence[int], targets: Sequence[bool], user: int
    ) -> Iterator[tuple[int, int, Sequence[int]]]:
        """Yield (place of a slot the planner wrote, the slot, places of words of the request that its line holds)."""
        begin = 0
        for at, token in enumerate(ids):
            if token == user:
                begin = at
            if targets[at] and token in self.words:
                written = next(place for place in range(begin, at + 1) if targets[place])
                yield at, token, [place for place in range(begin, written) if ids[place] in self.words[token]]
