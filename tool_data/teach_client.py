"""An OpenAI-compatible chat endpoint over HTTP: one request, and what may be tried again."""

import email.utils
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.show import cut
from skills import InputError

from .formats.base import Refused

Message = Mapping[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}."""

LARGEST = 8 << 20
"""Bytes of a response that are read; a longer one is no chat's."""

LONGEST_WAIT = 600.0
"""Seconds that a server may ask to wait."""

AGAIN = (408, 409, 425, 429)
"""Statuses, beside those from 500 on, after which the same request may succeed."""


class TryAgain(Exception):
    """A request that failed and may succeed later; `wait` is how many seconds the server asked for, 0 for none."""

    def __init__(self, why: str, wait: float = 0.0, *, unanswered: bool = False) -> None:
        """Say why; `unanswered` where the server took the request and its answer was lost, which it may bill."""
        super().__init__(why)
        self.wait, self.unanswered = wait, unanswered


@dataclass(frozen=True)
class Reply:
    """What the endpoint answered."""

    text: str
    """What the model wrote."""
    prompt_tokens: int | None = None
    """Tokens of the request, None where the server does not count them."""
    completion_tokens: int | None = None
    """Tokens written."""
    problem: str = ""
    """Why the text cannot be used, where it cannot."""


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how."""

    url: str
    """Its base, e.g. https://api.openai.com/v1."""
    model: str
    """The model's name there."""
    key: str = field(default="", repr=False)
    """The key sent as bearer token; none where it is empty."""
    timeout: float = 120.0
    """Seconds a request may take."""
    temperature: float = 0.7
    """How freely the model draws."""
    max_tokens: int = 2000
    """Tokens of a reply, at most."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """More keys of the request's body; one that is None is left out of it."""
    options: str = "--"
    """What the options that name an endpoint begin with, for errors: "--" for --url, --model, --key-env."""

    def body(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Return what is sent."""
        usual = {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        return {key: value for key, value in {**usual, **self.extra}.items() if value is not None}

    def ask(self, body: Mapping[str, Any]) -> Reply:
        """Send a request and return the reply.

        Raises TryAgain for what may pass, Rejected for a request that this endpoint will never take, InputError for
        an endpoint that cannot be used.
        """
        headers = {"Content-Type": "application/json", "User-Agent": "handeye"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(
            f"{self.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers, method="POST"
        )
        try:
            with _OPENER.open(request, timeout=self.timeout) as response:
                data = _read(response, time.monotonic() + self.timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise self._status(error) from None
        except TimeoutError:
            raise TryAgain(f"no answer within {self.timeout:g} s", unanswered=True) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            lost = isinstance(reason, TimeoutError | http.client.HTTPException | ConnectionResetError)
            raise TryAgain(f"{type(error).__name__}: {reason}", unanswered=lost) from None
        return _reply(data)

    def _status(self, error: urllib.error.HTTPError) -> Exception:
        told = cut(_message(error)).replace(self.key or "\0", "...")
        if error.code in AGAIN or error.code >= 500:
            return TryAgain(f"status {error.code}: {told}", _asked_wait(error.headers.get("Retry-After", "")))
        if error.code in (401, 403):
            return InputError(f"{self.url!r} answers {error.code}: {told}; check the key and its {self.options}key-env")
        if error.code in (404, 405) or error.code < 400:
            return InputError(
                f"{self.url!r} answers {error.code}: {told}; check {self.options}url (it ends before "
                f"/chat/completions) and {self.options}model"
            )
        return Rejected(f"the endpoint refuses the request with {error.code}: {told}")


class Rejected(Refused):
    """A request the endpoint will never take: too long, against its rules, or with a key it does not know."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key is sent to the address given and to no other."""

    def redirect_request(self, *args: Any, **options: Any) -> None:
        """Return nothing, so that the redirect is told as the status it is."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _read(response: Any, until: float) -> bytes:
    """Return a body that ends in time; a server that sends a byte now and then is too slow all the same."""
    pieces, size = [], 0
    while piece := response.read1(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > until:
            raise TimeoutError
        if size > LARGEST:
            raise TryAgain(f"the answer is longer than {LARGEST >> 20} MiB")
    return b"".join(pieces)


def _message(error: urllib.error.HTTPError) -> str:
    """Return what an error's body says."""
    try:
        data = error.read(1 << 16)
    except (OSError, http.client.HTTPException):
        return str(error.reason)
    try:
        return str(json.loads(data)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode("utf-8", "replace")[:200] or str(error.reason)


def _asked_wait(header: str) -> float:
    """Return the seconds that Retry-After asks for, which may also name a time."""
    if header.strip().isdigit():
        return min(LONGEST_WAIT, float(header))
    at = email.utils.parsedate_tz(header)
    return min(LONGEST_WAIT, max(0.0, email.utils.mktime_tz(at) - time.time())) if at else 0.0


def _reply(data: bytes) -> Reply:
    try:
        found = json.loads(data)
        choice = found["choices"][0]
        text, declined = choice["message"].get("content"), choice["message"].get("refusal")
        usage = found.get("usage")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise TryAgain(f"the answer is no chat completion: {data[:60]!r}") from None
    counts = [usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")]
    counted = [count if isinstance(count, int) and count >= 0 else None for count in counts]
    problem = ""
    if declined or choice.get("finish_reason") == "content_filter":
        problem = f"the model declines: {str(declined or 'content filter')[:200]!r}"
    elif choice.get("finish_reason") == "length":
        problem = "the reply is cut off; expected it to end within --max-tokens"
    elif not isinstance(text, str) or not text.strip():
        problem = "the reply is empty; expected text"
    return Reply(text if isinstance(text, str) else "", counted[0], counted[1], problem)


def endpoint(url: str, model: str, key_env: str | None, *, options: str = "--", **settings: Any) -> Endpoint:
    """Return the endpoint that the options name; raises InputError where they cannot be used.

    The key is read from the variable `key_env`; where none is named, none is sent.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InputError(f"{options}url {url!r} is no endpoint; expected e.g. https://api.openai.com/v1")
    key = os.environ.get(key_env, "").strip() if key_env else ""
    if key_env and not key:
        raise InputError(f"the variable {key_env!r} is not set; put the key into it, or leave out {options}key-env")
    if not key.isascii() or not key.isprintable():
        raise InputError(f"the variable {key_env!r} holds characters that no key has; expected printable ASCII")
    return Endpoint(url, model, key, options=options, **settings)
