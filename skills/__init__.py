"""Skills: what a planner can call. A leaf package: a plugin needs this one import."""

from .checkpoint import Checkpoint
from .context import Cancel, Context
from .errors import (
    BadArguments,
    BadRegion,
    Cancelled,
    DeadlinePassed,
    HandeyeError,
    InputError,
    OutOfMemory,
    SkillError,
    Unavailable,
    UnknownSkill,
)
from .implementation import Implementation, Weights
from .regions import Region, Regions
from .spec import Expression, Param, Skill, SkillResult, Words, skill
from .values import Box, Boxes, Line, Masks, Number, Picture, Points, Rle, Text, Value

__all__ = [
    "BadArguments",
    "BadRegion",
    "Box",
    "Boxes",
    "Cancel",
    "Cancelled",
    "Checkpoint",
    "Context",
    "DeadlinePassed",
    "Expression",
    "HandeyeError",
    "Implementation",
    "InputError",
    "Line",
    "Masks",
    "Number",
    "OutOfMemory",
    "Param",
    "Picture",
    "Points",
    "Region",
    "Regions",
    "Rle",
    "Skill",
    "SkillError",
    "SkillResult",
    "Text",
    "Unavailable",
    "UnknownSkill",
    "Value",
    "Weights",
    "Words",
    "skill",
]
