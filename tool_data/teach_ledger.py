"""What a teacher answered and what that cost: the cache and the ledger are one file, so neither can lack the other.

A line is {"key", "text", "problem", "prompt_tokens", "completion_tokens", "counted", "cost"}; `counted` is false where
the server did not count and the tokens are our upper bound.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .teach_client import Reply
from .teach_log import Log

MILLION = 1_000_000
"""Tokens that a price is for."""

FRAME = 16
"""Tokens that a message costs beside its text, at most."""


class BudgetSpent(Exception):
    """The next request could cost more than is left."""


@dataclass(frozen=True)
class Price:
    """What tokens cost, in the currency of the budget."""

    prompt: float = 0.0
    """Per million tokens of a request."""
    completion: float = 0.0
    """Per million tokens of a reply."""

    def of(self, prompt: int, completion: int) -> float:
        """Return the cost of a request and its reply."""
        return (prompt * self.prompt + completion * self.completion) / MILLION


@dataclass(frozen=True)
class Limits:
    """What may be spent over all runs into one output."""

    cost: float | None = None
    """In the currency of the prices; None for no limit."""
    tokens: int | None = None
    """Of requests and replies together; None for no limit."""


class Ledger:
    """Replies by the content of their request, and the sums; safe to use from many threads."""

    def __init__(self, path: Path, price: Price, limits: Limits) -> None:
        """Open the file; what it holds counts towards the limits."""
        self.log = Log(path, "key")
        self.price, self.limits = price, limits
        self.tokens, self.cost, self.unanswered = 0, 0.0, 0
        self._held, self._room = (0, 0), threading.Condition()
        for key in self.log:
            row = self.log.get(key)
            self.tokens += row["prompt_tokens"] + row["completion_tokens"]
            self.cost += row["cost"]

    @staticmethod
    def key(body: Mapping[str, Any]) -> str:
        """Return the hash that a request's reply is kept under."""
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    def known(self, key: str) -> Reply | None:
        """Return the reply to an equal request, or None."""
        if key not in self.log:
            return None
        row = self.log.get(key)
        return Reply(row["text"], row["prompt_tokens"], row["completion_tokens"], row["problem"])

    @contextmanager
    def held(self, body: Mapping[str, Any], longest: int) -> Iterator[tuple[int, int]]:
        """Set aside, for a block, what a request may cost at most: its bytes and `longest` tokens; gives both numbers.

        Waits where only what others set aside is in the way. Raises BudgetSpent where what is left cannot be enough.
        """
        most = sum(len(message["content"].encode()) + FRAME for message in body["messages"]), longest
        with self._room:
            self._room.wait_for(lambda: self._fits(most, self._held) or not self._fits(most, (0, 0)))
            if not self._fits(most, (0, 0)):
                raise BudgetSpent(f"{self.tokens} tokens and {self.cost:.4f} are spent, the next request may not fit")
            self._held = self._held[0] + most[0], self._held[1] + most[1]
        try:
            yield most
        finally:
            with self._room:
                self._held = self._held[0] - most[0], self._held[1] - most[1]
                self._room.notify_all()

    def _fits(self, most: tuple[int, int], others: tuple[int, int]) -> bool:
        prompt, completion = most[0] + others[0], most[1] + others[1]
        cost, tokens = self.cost + self.price.of(prompt, completion), self.tokens + prompt + completion
        limits = self.limits
        return (limits.cost is None or cost <= limits.cost) and (limits.tokens is None or tokens <= limits.tokens)

    def lose(self) -> None:
        """Count a request whose answer was lost."""
        with self._room:
            self.unanswered += 1

    def spend(self, key: str, reply: Reply, held: tuple[int, int]) -> None:
        """Keep a reply and count what it cost; it is on the disk when this returns. Raises OSError."""
        counted = reply.prompt_tokens is not None and reply.completion_tokens is not None
        prompt, completion = (reply.prompt_tokens or 0, reply.completion_tokens or 0) if counted else held
        cost = self.price.of(prompt, completion)
        row = {"key": key, "text": reply.text, "problem": reply.problem, "counted": counted, "cost": cost}
        self.log.add(row | {"prompt_tokens": prompt, "completion_tokens": completion})
        with self._room:
            self.tokens += prompt + completion
            self.cost += cost

    def __str__(self) -> str:
        """Return the sums in one line."""
        lost = f", {self.unanswered} more went unanswered and may be billed" if self.unanswered else ""
        return f"{len(self.log)} replies, {self.tokens} tokens, cost {self.cost:.4f}{lost}"
