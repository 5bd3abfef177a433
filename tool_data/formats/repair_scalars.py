"""Reads strings, numbers and words of malformed JSON: the half of `repair` that knows no brackets."""

import json
import math
import re
from typing import Any

from .base import Refused

WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
"""Words that are values; the last three are Python's."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+-])")
_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"[^ \t\r\n]|\Z")
_SPECIAL = re.compile(r"[\"'\\\x00-\x1f]")
_ESCAPE = re.compile(r"\\(?:[\"'\\/bfnrt]|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8})")
_CONTROLS = {"\n": "line break", "\r": "carriage return", "\t": "tab"}


def _behind(text: str, at: int) -> int:
    """Return where the spaces from `at` on end."""
    found = _SPACE.search(text, at)
    return found.start() if found else len(text)


def finite(number: str) -> float:
    """Return a number of JSON; raises Refused for NaN and the infinities."""
    value = float(number)
    if not math.isfinite(value):
        raise Refused(f"{number} is no number of JSON; expected a finite one")
    return value


class Scalars:
    """A place in a text, the mends noted so far, and the reading of a value without brackets."""

    def __init__(self, text: str) -> None:
        """Start at the first character of `text`."""
        self.text, self.at = text, 0
        self.mends: list[str] = []

    def next(self) -> str:
        """Go to the next character that is no space and return it, "" at the end."""
        self.at = _behind(self.text, self.at)
        return self.text[self.at : self.at + 1]

    def mend(self, what: str) -> None:
        """Note what is mended here."""
        self.mends.append(f"character {self.at + 1}: {what}")

    def refused(self, what: str, expected: str) -> Refused:
        """Return the error that says what is wrong here and what was expected."""
        near = self.text[max(0, self.at - 20) : self.at + 20]
        return Refused(f"JSON cannot be mended at character {self.at + 1}, near {near!r}: {what}; expected {expected}")

    def scalar(self, mark: str) -> Any:
        """Return a string, a number or a word; `mark` is its first character."""
        if mark in ('"', "'"):
            return self.string(mark)
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            written = number[0]
            return int(written) if written.lstrip("-").isdigit() else finite(written)
        word = _WORD.match(self.text, self.at)
        if word is None or word[0] not in WORDS:
            raise self.refused("it breaks off" if not mark else "no value of JSON", "a value")
        if word[0][0].isupper():
            self.mend(f"Python's {word[0]} read as {json.dumps(WORDS[word[0]])}")
        self.at = word.end()
        return WORDS[word[0]]

    def string(self, quote: str) -> str:
        """Return a string; its body is collected as JSON writes it."""
        if quote == "'":
            self.mend("single quotes read as double")
        self.at += 1
        body: list[str] = []
        while special := _SPECIAL.search(self.text, self.at):
            body.append(self.text[self.at : special.start()])
            self.at = special.start()
            if special[0] == quote and self._ends(quote):
                self.at += 1
                return str(json.loads('"' + "".join(body) + '"'))
            body.append(self._escape() if special[0] == "\\" else self._plain(special[0]))
        raise self.refused("a string is not closed", f"a closing {quote}")

    def _ends(self, quote: str) -> bool:
        """Return whether the quote here closes its string; False for an apostrophe. Raises Refused for any other."""
        end = _behind(self.text, self.at + 1)
        following = self.text[end : end + 1]
        if following in ("", ",", ":", "]", "}"):
            return True
        before, behind = self.text[self.at - 1], self.text[self.at + 1]
        if quote == "'" and ((before.isalnum() and behind.isalnum()) or before in "sS"):
            self.mend("an apostrophe inside single quotes, kept")
            return False
        raise self.refused("a quote that neither closes its string nor is an apostrophe", f"\\{quote}")

    def _plain(self, mark: str) -> str:
        """Return a quote or a control character as JSON writes it in a string."""
        if mark not in "\"'":
            self.mend(f"an unescaped {_CONTROLS.get(mark, 'control character')} in a string, escaped")
        self.at += 1
        return json.dumps(mark)[1:-1]

    def _escape(self) -> str:
        """Return one escape as JSON writes it; Python's own are turned into it."""
        escape = _ESCAPE.match(self.text, self.at)
        if escape is None:
            raise self.refused("an escape that JSON and Python do not share", "\\\\ for a backslash")
        if escape[0][1] in "'xU":
            self.mend(f"Python's escape {escape[0]} read as its character")
        self.at = escape.end()
        if escape[0][1] in "xU":
            code = int(escape[0][2:], 16)
            if code > 0x10FFFF:
                raise self.refused("an escape beyond Unicode", "at most \\U0010ffff")
            return json.dumps(chr(code))[1:-1]
        return "'" if escape[0][1] == "'" else escape[0]
