"""Attention supervision: where the last layer's first two heads should look when the planner copies a token.

A slot is copied from its place in the offer, an artifact id from where it stood last, a word of an argument from
the same word of the conversation (longest match). Used in training only; the shipped model is a plain Llama.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .model import HEAD

HEADS = 2
"""Heads of the last layer that are supervised."""


@dataclass(frozen=True)
class Vocabulary:
    """What the tokens of the dialect are, by id."""

    slots: frozenset[int]
    """`<s0>` ..."""
    references: frozenset[int]
    """Artifact and call ids."""
    arguments: frozenset[int]
    """`<a0>` ...: what follows is an argument."""
    special: frozenset[int]
    """Every control token."""
    separator: int
    """`<,>`, between the items of a list."""

    @classmethod
    def of(cls, tokenizer: Any) -> "Vocabulary":
        """Read a tokeniser's control tokens."""
        from agent.slots import ARGUMENTS, SLOTS, has_token, special_tokens

        ids = {token: tokenizer.convert_tokens_to_ids(token) for token in special_tokens()}
        return cls(
            slots=frozenset(ids[f"<s{n}>"] for n in range(SLOTS)),
            references=frozenset(n for token, n in ids.items() if has_token(token[1:-1])),
            arguments=frozenset(ids[f"<a{n}>"] for n in range(ARGUMENTS)),
            special=frozenset(ids.values()),
            separator=ids["<,>"],
        )


def copies(
    ids: Sequence[int], targets: Sequence[bool], vocabulary: Vocabulary, begin: int = 0
) -> list[tuple[int, int]]:
    """Return (position that predicts, position to look at) for every copied token.

    `ids` are the offer and one conversation; the conversation begins at `begin`. A copied token's own position is one
    after the predicting one.
    """
    found: list[tuple[int, int]] = []
    latest: dict[int, int] = {}
    at = 0
    while at < len(ids):
        token = ids[at]
        copied = vocabulary.slots | vocabulary.references
        if targets[at] and token in copied and token in latest:
            found.append((at - 1, latest[token]))
        if token in vocabulary.references or (token in vocabulary.slots and at < begin):
            latest[token] = at
        if targets[at] and token in vocabulary.arguments | {vocabulary.separator}:
            end = _span_end(ids, targets, vocabulary, at + 1)
            found += _matches(ids, targets, vocabulary, at + 1, end, begin)
        at += 1
    return found


def _span_end(ids: Sequence[int], targets: Sequence[bool], vocabulary: Vocabulary, at: int) -> int:
    while at < len(ids) and targets[at] and ids[at] not in vocabulary.special:
        at += 1
    return at


def _matches(
    ids: Sequence[int], targets: Sequence[bool], vocabulary: Vocabulary, at: int, end: int, begin: int
) -> list[tuple[int, int]]:
    """Return the copies of one argument's words: each run of them from its longest, latest match before `at`."""
    found: list[tuple[int, int]] = []
    places = [i for i in range(begin, at) if not targets[i] and ids[i] not in vocabulary.special]
    while at < end:
        best, length = -1, 0
        for place in reversed(places):
            if ids[place] != ids[at]:
                continue
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


class Supervisor:
    """Takes the last layer's inputs from a hook and measures where its first heads look."""

    def __init__(self, llama: Any) -> None:
        """Put a hook on the last layer of a LlamaModel; `remove` takes it off."""
        self._attention = llama.layers[-1].self_attn
        self._seen: dict[str, Any] = {}
        self._handle = self._attention.register_forward_pre_hook(self._keep, with_kwargs=True)

    def _keep(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._seen = kwargs

    def remove(self) -> None:
        """Take the hook off the model."""
        self._handle.remove()

    def loss(self, pairs: Any, visible: Any, weights: Any) -> Any:
        """Return the weighted mean of -log of the attention on the right places; call it after a forward pass.

        `pairs` is (N, 3) int64: row, predicting position, position to look at; `visible` (B, T, T) bool; `weights`
        (N,) float32.
        """
        import torch
        from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

        hidden = self._seen["hidden_states"]
        cos, sin = self._seen["position_embeddings"]
        shape = (*hidden.shape[:2], HEADS, HEAD)
        rows = slice(0, HEADS * HEAD)
        linear = torch.nn.functional.linear
        query, key = (
            linear(hidden, part.weight[rows], part.bias[rows]).view(shape).transpose(1, 2)
            for part in (self._attention.q_proj, self._attention.k_proj)
        )
        query, key = apply_rotary_pos_emb(query, key, cos, sin)
        losses = []
        for row in range(hidden.shape[0]):
            chosen = pairs[:, 0] == row
            mine = pairs[chosen]
            if not len(mine):
                continue
            scores = query[row][:, mine[:, 1]] @ key[row].transpose(1, 2) / HEAD**0.5
            scores = scores.float().masked_fill(~visible[row, mine[:, 1]], float("-inf"))
            told = mine[:, 2].expand(HEADS, -1).reshape(-1)
            each = torch.nn.functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), told, reduction="none")
            losses.append((each * weights[chosen].repeat(HEADS)).sum())
        return torch.stack(losses).sum() / (HEADS * weights.sum()) if losses else hidden.sum() * 0.0
