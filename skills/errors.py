"""The errors of handeye, drawn as a tree.

    HandeyeError
    ├── InputError         what a person gave cannot be used: one line, exit status 2
    └── SkillError         what a planner can mend: becomes an observation of type "skill_error"
        ├── BadArguments   the arguments do not fit the skill's schema: "bad_arguments"
        ├── BadRegion      a region does not fit the picture: "bad_region"
        ├── UnknownSkill   no such skill on offer: "unknown_skill"
        ├── Unavailable    the skill cannot run here: "unavailable"
        ├── DeadlinePassed the call took too long: "deadline"
        └── OutOfMemory    the call did not fit into memory: "out_of_memory"

    Cancelled              the user pressed Stop; not an error of anybody's

Any other exception out of a skill is a bug: the trace is saved, then it is raised.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class HandeyeError(Exception):
    """Root of the errors handeye raises on purpose; the text is one line for a person or a planner."""


class InputError(HandeyeError):
    """What a person gave cannot be used; the text says what was wrong, what was expected, what to do."""


class SkillError(HandeyeError):
    """What a planner can mend; raised by a skill, read by the planner as an observation."""

    type: ClassVar[str] = "skill_error"
    """`error.type` of the observation."""


class BadArguments(SkillError):
    """The arguments of a call do not fit the skill's schema."""

    type: ClassVar[str] = "bad_arguments"
    """`error.type` of the observation."""


class BadRegion(SkillError):
    """A region names nothing, is empty, or lies in another picture's frame."""

    type: ClassVar[str] = "bad_region"
    """`error.type` of the observation."""


class UnknownSkill(SkillError):
    """A call names a skill that is not on offer."""

    type: ClassVar[str] = "unknown_skill"
    """`error.type` of the observation."""


class Unavailable(SkillError):
    """The skill cannot run here; the text is the line that mends it."""

    type: ClassVar[str] = "unavailable"
    """`error.type` of the observation."""


class DeadlinePassed(SkillError):
    """The call ran past its deadline and was abandoned."""

    type: ClassVar[str] = "deadline"
    """`error.type` of the observation."""


class OutOfMemory(SkillError):
    """The call did not fit into memory on any device."""

    type: ClassVar[str] = "out_of_memory"
    """`error.type` of the observation."""


class Cancelled(Exception):
    """Raised by `Cancel.check` once the user has asked to stop."""


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return "did you mean 'x'?" for the known name nearest to a mistyped one, or `otherwise` where none is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise
