"""From chats to rows of tokens: one offer and many chats under it, each of which sees the offer and itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.segments import Encoded, encode
from agent.slots import Slots
from agent.trace import Trace

from .attention import Vocabulary, copies


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
    return _fitting(encode(slots.render(trace), tokenizer, image_token_id, image_tokens), trace, longest)


def _fitting(encoded: Encoded, trace: Trace, longest: int) -> Encoded:
    if len(encoded.ids) > longest:
        raise TooLong(
            f"trace {trace.id!r} has {len(encoded.ids)} tokens, at most {longest} fit; leave it out or raise the "
            "limit, a trace is never cut"
        )
    return encoded


@dataclass
class Row:
    """One offer and the chats under it, as tokens."""

    ids: list[int] = field(default_factory=list)
    """(T,) tokens."""
    targets: list[bool] = field(default_factory=list)
    """(T,) True for tokens the planner wrote."""
    positions: list[int] = field(default_factory=list)
    """(T,) position of each token in its own chat; every chat starts behind the offer."""
    chats: list[int] = field(default_factory=list)
    """(T,) 0 for the offer, n for the n-th chat."""
    images: list[tuple[int, str]] = field(default_factory=list)
    """(position of a picture's first token, SHA-256 of the picture)."""
    copies: list[tuple[int, int]] = field(default_factory=list)
    """(predicting position, position to look at), see `attention.copies`."""


class Rows:
    """Encodes offers with their chats."""

    def __init__(self, tokenizer: Any, image_tokens: int) -> None:
        """Use one tokeniser; every picture takes `image_tokens` tokens."""
        self.tokenizer = tokenizer
        self.image_tokens = image_tokens
        inner = getattr(tokenizer, "tokenizer", tokenizer)
        self.vocabulary = Vocabulary.of(inner)
        self.image_token_id: int = inner.convert_tokens_to_ids("<image>")

    def start(self, slots: Slots) -> Row:
        """Return a row that holds the offer alone."""
        offer = encode(slots.offer(), self.tokenizer, self.image_token_id, lambda _: 0)
        count = len(offer.ids)
        return Row(list(offer.ids), list(offer.targets), list(range(count)), [0] * count)

    def add(self, row: Row, slots: Slots, trace: Trace, longest: int, shift: int = 0) -> None:
        """Put a chat behind a row's others, `shift` positions further from the offer.

        Raises TooLong where the row would have more than `longest` tokens; the row is then unchanged.
        """
        begin = row.chats.count(0)
        turns = [segment for turn in trace.turns for segment in slots.turn(turn, trace)]
        chat = encode(turns, self.tokenizer, self.image_token_id, lambda _: self.image_tokens)
        at = len(row.ids)
        if at + len(chat.ids) > longest:
            raise TooLong(
                f"trace {trace.id!r} has {len(chat.ids)} tokens, {longest - at} are left in the row; start another row"
            )
        pairs = copies([*row.ids[:begin], *chat.ids], [*row.targets[:begin], *chat.targets], self.vocabulary, begin)
        move = at - begin
        row.copies += [(q + move, k + move if k >= begin else k) for q, k in pairs]
        row.images += [(at + place, trace.artifacts[name].sha256) for place, name in chat.images]
        row.ids += chat.ids
        row.targets += chat.targets
        row.positions += range(begin + shift, begin + shift + len(chat.ids))
        row.chats += [(max(row.chats, default=0)) + 1] * len(chat.ids)


@dataclass(frozen=True)
class Batch:
    """Rows as tensors, padded to one length."""

    ids: Any
    """(B, T) int64."""
    targets: Any
    """(B, T) bool."""
    positions: Any
    """(B, T) int64."""
    visible: Any
    """(B, T, T) bool: which tokens (last axis) each token sees."""
    real: Any
    """(B, T) bool: False for padding."""
    pairs: Any
    """(N, 3) int64: row, predicting position, position to look at."""
    pictures: tuple[str, ...]
    """SHA-256 of each picture, in the order their tokens stand."""


def collate(rows: Sequence[Row], pad: int) -> Batch:
    """Pad rows to the longest of them."""
    import torch

    longest = max(len(row.ids) for row in rows)

    def table(values: Callable[[Row], Sequence[int]], fill: int) -> Any:
        return torch.tensor([[*values(row), *[fill] * (longest - len(row.ids))] for row in rows])

    chats = table(lambda row: row.chats, -1)
    before = torch.ones(longest, longest, dtype=torch.bool).tril()
    same = (chats[:, None, :] == chats[:, :, None]) | ((chats == 0)[:, None, :] & (chats >= 0)[:, :, None])
    pairs = [(n, q, k) for n, row in enumerate(rows) for q, k in row.copies]
    return Batch(
        ids=table(lambda row: row.ids, pad),
        targets=table(lambda row: [int(t) for t in row.targets], 0).bool(),
        positions=table(lambda row: row.positions, 0),
        visible=same & before,
        real=chats >= 0,
        pairs=torch.tensor(pairs, dtype=torch.int64).reshape(-1, 3),
        pictures=tuple(digest for row in rows for _, digest in row.images),
    )
