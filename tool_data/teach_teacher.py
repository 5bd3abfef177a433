"""The teacher as recipes see it: asked in messages, answering with what a reader accepts, or the recipe is refused."""

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from skills import InputError

from .formats.base import Refused
from .teach_client import Endpoint, Message, Rejected, Reply, TryAgain
from .teach_ledger import Ledger
from .teach_pace import Pace

T = TypeVar("T")

LONGEST_PAUSE = 60.0
"""Seconds between two attempts at most, unless the server asks for more."""

SHOWN = 1500
"""Characters of a reply that could not be used that the teacher is shown again."""


class GaveUp(Exception):
    """A request failed as often as it may; its job is left for the next run."""


class Teacher:
    """Asks an endpoint, at its pace, within the budget, each question once; safe to use from many threads."""

    def __init__(
        self, endpoint: Endpoint, ledger: Ledger, pace: Pace, *, tries: int = 2, retries: int = 6, pause: float = 1.0
    ) -> None:
        """Make a teacher.

        `tries` is how often a reply that cannot be used is asked for, `retries` how often a request that fails is sent
        again, `pause` the seconds before the first of these; it doubles each time.
        """
        self.endpoint, self.ledger = endpoint, ledger
        self._pace, self._tries, self._retries, self._pause = pace, tries, retries, pause
        self._jitter, self._taken = random.Random(), threading.Event()
        self._guard, self._asking = threading.Lock(), dict[str, threading.Lock]()

    def ask(self, messages: Sequence[Message], read: Callable[[str], T]) -> T:
        """Return what `read` makes of the reply; a reply that it refuses is asked for again, with the reason.

        Raises Refused with the last reason, BudgetSpent, GaveUp, Stopped.
        """
        asked = list(messages)
        for left in reversed(range(self._tries)):
            reply = self._reply(asked)
            try:
                if reply.problem:
                    raise Refused(reply.problem)
                return read(reply.text)
            except Rejected:
                raise
            except Refused as refused:
                if not left:
                    raise
                again = f"That cannot be used: {refused}. Write it again, all of it, in the form asked for."
                asked = [*messages, {"role": "assistant", "content": reply.text[:SHOWN] or "(nothing)"}]
                asked.append({"role": "user", "content": again})
        raise AssertionError("a teacher tries once at least")

    def _reply(self, messages: Sequence[Message]) -> Reply:
        body = self.endpoint.body(messages)
        key = self.ledger.key(body)
        with self._guard:
            lock = self._asking.setdefault(key, threading.Lock())
        with lock:
            known = self.ledger.known(key)
            return known if known is not None else self._sent(key, body)

    def _sent(self, key: str, body: dict[str, Any]) -> Reply:
        why = ""
        for attempt in range(self._retries + 1):
            if attempt:
                self._pace.sleep(min(LONGEST_PAUSE, self._pause * 2 ** (attempt - 1)) * self._jitter.uniform(0.5, 1))
            self._pace.wait()
            try:
                return self._once(key, body)
            except TryAgain as failed:
                self._pace.hold(failed.wait)
                why = str(failed)
        raise GaveUp(f"{self._retries + 1} requests failed, the last: {why}")

    def _once(self, key: str, body: dict[str, Any]) -> Reply:
        with self.ledger.held(body, self.endpoint.max_tokens) as held:
            try:
                reply = self.endpoint.ask(body)
            except TryAgain as failed:
                if failed.unanswered:
                    self.ledger.lose()
                raise
            except Rejected as rejected:
                if not self._taken.is_set():
                    begin = self.endpoint.options
                    hint = f"no request was taken yet, so check {begin}model, {begin}body and {begin}max-tokens"
                    raise InputError(f"{rejected}; {hint}") from None
                raise
            self._taken.set()
            self.ledger.spend(key, reply, held)
            return reply
