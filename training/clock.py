"""Time of a run that the clock ends."""

import time
from collections.abc import Iterator

TELL = 30.0
"""Seconds between lines of the log."""

LONGEST = 20.0
"""Seconds that a step counts for at most."""


def until(minutes: float) -> Iterator[tuple[int, float]]:
    """Yield, until the minutes are used up, the step where it is time to tell, else 0, and how much of them is used.

    A step counts for LONGEST seconds at most, so that a process held up for long goes on where it was.
    """
    last = told = time.monotonic()
    spent, step = 0.0, 0
    while spent < minutes * 60:
        step += 1
        telling = step == 1 or last - told > TELL
        told = last if telling else told
        yield step if telling else 0, spent / (minutes * 60)
        now = time.monotonic()
        spent, last = spent + min(now - last, LONGEST), now
