"""What the planner's tokens are copied from: the places its attention is told to look at.

A slot is copied from its place in the offer, an artifact id from where it stood last, a word of an argument from
the same word of the conversation (longest match).
"""

from collections.abc import Sequence
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
