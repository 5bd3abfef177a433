"""Replay: recorded results returned in order instead of running a skill."""

from collections.abc import Mapping, Sequence

from skills import SkillError, SkillResult, Value

from .trace import Observation


class Replay:
    """Recorded values by skill, each call taking the next; what is not recorded runs as ever."""

    def __init__(self, results: Mapping[str, Sequence[Value | tuple[Value, ...] | SkillResult]] | None = None) -> None:
        """Take recorded results: skill name -> what its first, second ... call returned."""
        self._results = {name: [_result(item) for item in items] for name, items in (results or {}).items()}
        self._used = dict.fromkeys(self._results, 0)

    @property
    def names(self) -> tuple[str, ...]:
        """The skills that are answered from records, for `meta.replayed`."""
        return tuple(self._results)

    def has(self, name: str) -> bool:
        """Return whether calls of this skill are answered from records."""
        return name in self._results

    def next(self, name: str) -> SkillResult:
        """Return the next recorded result; raises SkillError once they are used up."""
        items, used = self._results[name], self._used[name]
        if used >= len(items):
            raise SkillError(f"{name} was called {used + 1} times, only {len(items)} results are recorded")
        self._used[name] = used + 1
        return items[used]


def note_of(seen: Observation) -> str:
    """Return what a skill said about a recorded result, or an empty text."""
    last = seen.notes[-1] if seen.notes else ""
    return last if last and seen.content.endswith(f"note: {last}") else ""


def _result(item: Value | tuple[Value, ...] | SkillResult) -> SkillResult:
    if isinstance(item, SkillResult):
        return item
    return SkillResult(values=item if isinstance(item, tuple) else (item,))
