"""The text of a new skill and of its test: both work as they are written, to be changed from there."""

import importlib.util
import keyword
import re
import sys

from skills import InputError
from skills.registry import Registry

_SKILL = '''"""The skill `{name}`."""

from skills import Boxes, Picture, skill


# The name and the docstring are what a planner reads; the annotations are the schema it writes arguments by:
# Picture, Region, Regions, str, Words, Expression, float, int, bool, Literal[...] or list[str]; a default makes an
# argument optional. Return a value (Picture, Boxes, Masks, Points, Text, Number) or a tuple of them; raise
# skills.SkillError for what a planner can mend. A last argument `*, ctx: Context` brings cancelling and progress.
@skill(examples=["box the bright part", "where is it brightest?"])
def {name}(image: Picture, threshold: float = 0.8) -> Boxes:
    """Box the bright part of the picture."""
    bright = image.rgb.mean(axis=2) >= threshold * 255
    if not bright.any():
        return Boxes()
    rows, columns = bright.any(axis=1).nonzero()[0], bright.any(axis=0).nonzero()[0]
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return Boxes(xyxy=(box,), labels=("bright",))
'''

_TEST = '''"""Tests of the skill `{name}`: the function alone, and a turn in which a planner calls it."""

from pathlib import Path

import numpy as np

from agent import Agent, ScriptedPlanner
from skills import Picture
from {name} import {name}


def picture() -> Picture:
    """A black picture, 40 x 30, with a white rectangle at x 10-20, y 5-15."""
    array = np.zeros((30, 40, 3), dtype=np.uint8)
    array[5:15, 10:20] = 255
    return Picture.from_array(array)


def test_boxes_the_rectangle() -> None:
    assert {name}(picture()).xyxy == ((10.0, 5.0, 20.0, 15.0),)


def test_a_planner_can_call_it() -> None:
    planner = ScriptedPlanner([{{"name": "{name}"}}, "There is [boxes_1.count]."])
    file = Path(__file__).parent / "{name}.py"
    answer = Agent(planner, skills=[file]).ask("box the bright part", images=[picture()])
    assert answer.answer == "There is 1."
'''


def skill_text(name: str) -> str:
    """Return the text of NAME.py."""
    return _SKILL.format(name=name)


def test_text(name: str) -> str:
    """Return the text of test_NAME.py."""
    return _TEST.format(name=name)


def check_name(name: str, registry: Registry) -> None:
    """Check that a new skill and its file may have this name; raises InputError where not."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise InputError(f"{name!r} is no name for a skill; expected a Python name in lower case, e.g. find_red")
    if name in registry:
        raise InputError(f"a skill is already named {name!r}; choose another name")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise InputError(f"{name}.py would hide the module {name!r}; choose another name")
