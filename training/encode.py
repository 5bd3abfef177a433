"""From chats to tokens: one offer and many chats under it, each of which sees the offer and itself.

The offer is read once for all its chats, in training as in serving; chats of like length share a table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from agent.segments import Encoded, encode
from agent.slots import Slots
from agent.trace import Trace

from .copies import Lines, Vocabulary, copies


class TooLong(ValueError):
    """A trace that does not fit; nothing is ever cut."""


def encode_trace(
    trace: Trace,
    slots: Slots,
    tokenizer: Any,
    image_token_id: int,
    image_tokens: Callable[[str], int],
    longest: int,
) -> Encoded:
    """Encode a whole trace as serving would; raises TooLong where it has more than `longest` tokens."""
    encoded = encode(slots.render(trace), tokenizer, image_token_id, image_tokens)
    _check(len(encoded.ids), trace, longest)
    return encoded


def _check(count: int, trace: Trace, longest: int) -> None:
    if count > longest:
        raise TooLong(
            f"trace {trace.id!r} has {count} tokens, at most {longest} fit; leave it out or raise the "
            "limit, a trace is never cut"
        )


@dataclass(frozen=True)
class Example:
    """One chat under an offer, as tokens; the offer is not among them."""

    ids: tuple[int, ...]
    """(C,) tokens."""
    targets: tuple[bool, ...]
    """(C,) True for tokens the planner wrote."""
    shift: int
    """Positions the chat is moved away from its offer."""
    images: tuple[tuple[int, str], ...]
    """(place of a picture's first token, SHA-256 of the picture)."""
    copies: tuple[tuple[int, int], ...]
    """(predicting place in the chat, place to look at in offer and chat), see `copies.copies`."""
    matches: tuple[tuple[int, int], ...]
    """(place of a word of a request in the chat, place of the same word in the offer), see `copies.Lines.matches`."""
    votes: tuple[tuple[int, int], ...]
    """(place that predicts a slot, place in offer and chat of a word that matched), see `copies.Lines.votes`."""


class Encoder:
    """Encodes offers and the chats under them."""

    def __init__(self, tokenizer: Any, image_tokens: int) -> None:
        """Use one tokeniser; every picture takes `image_tokens` tokens."""
        self.tokenizer = tokenizer
        self.image_tokens = image_tokens
        inner = getattr(tokenizer, "tokenizer", tokenizer)
        self.vocabulary = Vocabulary.of(inner)
        self.image_token_id: int = inner.convert_tokens_to_ids("<image>")

    def offer(self, slots: Slots) -> tuple[int, ...]:
        """Return an offer's tokens."""
        return encode(slots.offer(), self.tokenizer, self.image_token_id, lambda _: 0).ids

    def lines(self, offer: Sequence[int]) -> Lines:
        """Return where the lines of an offer stand in its tokens."""
        inner = getattr(self.tokenizer, "tokenizer", self.tokenizer)
        return Lines.of(offer, self.vocabulary, lambda token: inner.convert_ids_to_tokens(token))

    def example(
        self, offer: Sequence[int], lines: Lines, slots: Slots, trace: Trace, longest: int, shift: int = 0
    ) -> Example:
        """Encode a chat under an offer; raises TooLong where both have more than `longest` tokens."""
        turns = [segment for turn in trace.turns for segment in slots.turn(turn, trace)]
        chat = encode(turns, self.tokenizer, self.image_token_id, lambda _: self.image_tokens)
        _check(len(offer) + len(chat.ids), trace, longest)
        pictures = tuple((place, trace.artifacts[name].sha256) for place, name in chat.images)
        pairs = copies(offer, chat.ids, chat.targets, self.vocabulary)
        matches = lines.matches(chat.ids, chat.targets, self.vocabulary.user)
        votes = lines.votes(chat.ids, chat.targets, self.vocabulary.user, len(offer))
        return Example(chat.ids, chat.targets, shift, pictures, tuple(pairs), tuple(matches), tuple(votes))


@dataclass(frozen=True)
class Chats:
    """Chats of like length as tensors, padded at the end."""

    ids: Any
    """(N, C) int64."""
    targets: Any
    """(N, C) bool."""
    positions: Any
    """(N, C) int64: places in offer and chat, the shift included."""
    real: Any
    """(N, C) bool: False for padding."""
    pairs: Any
    """(M, 3) int64: chat, predicting place in it, place to look at in offer and chat."""
    matches: Any
    """(M, 3) int64: chat, place of a word of a request in it, place of the same word in the offer."""
    votes: Any
    """(M, 3) int64: chat, place that predicts a slot, place in offer and chat of a word that matched its line."""
    pictures: tuple[str, ...]
    """SHA-256 of each picture, in the order their tokens stand."""

    def to(self, device: Any) -> "Chats":
        """Return the chats with their tensors on a device."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "pictures"}
        return replace(self, **moved)


@dataclass(frozen=True)
class Group:
    """One offer with its chats."""

    offer: Any
    """(1, P) int64."""
    own: Any
    """(M, 3) int64: 0, place of a word of the offer, place of the slot its line begins with."""
    chunks: tuple[Chats, ...]
    """The chats, those of like length together."""

    def to(self, device: Any) -> "Group":
        """Return the group with its tensors on a device."""
        return Group(self.offer.to(device), self.own.to(device), tuple(chunk.to(device) for chunk in self.chunks))

    @property
    def tokens(self) -> int:
        """How many tokens it holds, padding not counted."""
        return int(self.offer.numel() + sum(int(chunk.real.sum()) for chunk in self.chunks))


def collate(offer: Sequence[int], lines: Lines, examples: Sequence[Example], pad: int, most: int = 2048) -> Group:
    """Make tensors of an offer's chats, at most `most` tokens a chunk with its padding."""
    import torch

    ordered = sorted(examples, key=lambda example: len(example.ids))
    chunks: list[list[Example]] = [[]]
    for example in ordered:
        if chunks[-1] and len(example.ids) * (len(chunks[-1]) + 1) > most:
            chunks.append([])
        chunks[-1].append(example)
    tables = tuple(_table(chunk, len(offer), pad) for chunk in chunks)
    own = torch.tensor([(0, word, slot) for word, slot in lines.own()], dtype=torch.int64).reshape(-1, 3)
    return Group(torch.tensor([list(offer)]), own, tables)


def _table(examples: Sequence[Example], begin: int, pad: int) -> Chats:
    import torch

    longest = len(examples[-1].ids)

    def padded(values: Callable[[Example], Sequence[int]], fill: int) -> Any:
        return torch.tensor([[*values(e), *[fill] * (longest - len(e.ids))] for e in examples])

    def places(found: Callable[[Example], Sequence[tuple[int, int]]]) -> Any:
        told = [(n, q, k) for n, example in enumerate(examples) for q, k in found(example)]
        return torch.tensor(told, dtype=torch.int64).reshape(-1, 3)

    return Chats(
        ids=padded(lambda e: e.ids, pad),
        targets=padded(lambda e: e.targets, 0).bool(),
        positions=padded(lambda e: range(begin + e.shift, begin + e.shift + len(e.ids)), 0),
        real=padded(lambda e: [1] * len(e.ids), 0).bool(),
        pairs=places(lambda e: e.copies),
        matches=places(lambda e: e.matches),
        votes=places(lambda e: e.votes),
        pictures=tuple(digest for example in examples for _, digest in example.images),
    )
