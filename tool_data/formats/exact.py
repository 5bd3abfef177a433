"""Holds an import to its word: a Trace that can be saved, and that gives back the row it was made of."""

import json
from collections.abc import Callable, Sequence

from agent.trace import Trace

from .base import Refused, Row


def exact(row: Row, made: Callable[[], Trace], written: Callable[[Trace], Row], mends: Sequence[str]) -> Trace:
    """Return the Trace made of a row; `mends` is what was mended in making it.

    Raises Refused where it could not be saved as JSON or, with nothing mended, would not be written back as the row.
    """
    try:
        trace = made()
        trace.to_json()
        text = json.dumps(row, allow_nan=False)
        same = bool(mends) or json.dumps(written(trace), allow_nan=False) == text
    except Refused:
        raise
    except ValueError as error:
        raise Refused(
            "the row cannot be saved as a Trace; expected finite numbers, whole characters and few levels "
            f"({type(error).__name__}: {str(error)[:80]!r})"
        ) from None
    if not same:
        raise Refused("the row would not be written back as it is; expected no more than the keys of its format")
    return trace
