"""Mends malformed JSON as language models write it, and says what it mended.

Mended: a missing closing bracket (put where the bracket around it closes, or at the end), a closing bracket too many
(dropped), `True`, `False` and `None`, single quotes and Python's escapes, an apostrophe inside single quotes where it
stands within a word ("girl's") or after a plural s, trailing commas, line breaks and tabs unescaped in a string.

Refused, because a mend would be a guess: text around the value, a string or a number that may be cut off, an item
that is missing, an unescaped quote that is no apostrophe, a name twice with two values, a name or word without quotes,
a missing comma, NaN and infinities.
"""

import json
from typing import Any

from .base import Refused
from .repair_scalars import Scalars, finite


def repaired(text: str) -> tuple[Any, list[str]]:
    """Return the value a JSON text stands for and one line for each mend, in the order of the text.

    Well-formed JSON comes back with no mend. Raises Refused for what cannot be mended without guessing.
    """
    try:
        try:
            return json.loads(text, object_pairs_hook=_named, parse_constant=finite, parse_float=finite), []
        except json.JSONDecodeError:
            mender = _Mender(text)
            return mender.whole(), mender.mends
    except RecursionError:
        raise Refused("JSON nested too deeply to be read; expected a few levels") from None
    except Refused:
        raise
    except ValueError as error:
        raise Refused(f"JSON cannot be read: {error}") from None


def _named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raises Refused where a name stands twice with two values."""
    found = dict(pairs)
    for name, value in pairs if len(found) < len(pairs) else ():
        if json.dumps(found[name]) != json.dumps(value):
            raise Refused(f"the name {name!r} stands twice in one object with two values; expected one")
    return found


class _Mender(Scalars):
    """Reads one text from left to right, one value deep in another, and notes each mend."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.awaited: list[str] = []

    def whole(self) -> Any:
        """Return the text's one value."""
        value = self._value()
        while mark := self.next():
            if mark not in "]}":
                raise self.refused("text after the value", "nothing")
            self._drop(mark)
        return value

    def _drop(self, mark: str) -> None:
        self.mend(f"a {mark!r} too many, dropped")
        self.at += 1

    def _value(self) -> Any:
        mark = self.next()
        if mark in ("{", "["):
            return self._object() if mark == "{" else self._array()
        return self.scalar(mark)

    def _array(self) -> list[Any]:
        items: list[Any] = []
        closed = self._opened("]")
        while not closed:
            items.append(self._value())
            closed = self._after()
        return items

    def _object(self) -> dict[str, Any]:
        pairs: list[tuple[str, Any]] = []
        closed = self._opened("}")
        while not closed:
            mark = self.next()
            if mark not in ('"', "'"):
                raise self.refused("no name in quotes", "a name or '}'")
            name = self.string(mark)
            if self.next() != ":":
                raise self.refused(f"no ':' after the name {name!r}", "':' and its value")
            self.at += 1
            pairs.append((name, self._value()))
            closed = self._after()
        return _named(pairs)

    def _opened(self, closer: str) -> bool:
        """Go past an opening bracket; True where it is closed at once."""
        self.at += 1
        self.awaited.append(closer)
        while mark := self.next():
            if mark not in "]}":
                return False
            if self._closes(mark):
                return True
        raise self.refused("it breaks off after an opening bracket", "what it holds")

    def _after(self) -> bool:
        """Go past what follows an item: False before another, True where the bracket is closed."""
        while mark := self.next():
            if mark == ",":
                self.at += 1
                following = self.next()
                if not following:
                    raise self.refused("it breaks off after a comma", "another item")
                if following not in "]}":
                    return False
                self.mend("a comma after the last item, dropped")
            elif mark not in "]}":
                raise self.refused("an item does not end here", f"',' or {self.awaited[-1]!r}")
            elif self._closes(mark):
                return True
        if self.text[-1].isdigit():
            raise self.refused("it breaks off in a number that may go on", repr(self.awaited[-1]))
        self.mend(f"a missing {self.awaited.pop()!r} put at the end")
        return True

    def _closes(self, mark: str) -> bool:
        """Return whether a closing bracket ends the innermost open one; one that closes none is dropped."""
        if mark not in self.awaited:
            self._drop(mark)
            return False
        closer = self.awaited.pop()
        if mark == closer:
            self.at += 1
        else:
            self.mend(f"a missing {closer!r} put before {mark!r}")
        return True
