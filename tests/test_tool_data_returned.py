"""What a skill returns is read off its annotation, and simulated so."""

import random

import pytest

from agent.trace import ToolCall
from skills import Boxes, Masks, Number, Picture, Points, SkillResult, Text, skill
from tool_data.offers import unable
from tool_data.requests import Words
from tool_data.returned import returned
from tool_data.simulate import World


def _skill(annotation):
    def it(image: Picture) -> None:
        """Do it."""

    it.__annotations__["return"] = annotation
    return skill(it)


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        (Boxes, ("boxes",)),
        (tuple[Masks, Picture], ("masks", "picture")),
        (tuple[Text, ...], ("text",)),
        (Number | None, ("number",)),
        (Points, ("points",)),
        (SkillResult, ()),
        (None, ()),
    ],
)
def test_kinds_are_those_of_the_annotation(annotation, kinds):
    item = _skill(annotation)
    assert returned(item) == kinds
    succeeded = 0
    for seed in range(30):
        world = World(random.Random(seed), Words(), {"scene": ("a" * 64,)}, content=True)
        world.picture()
        seen = world.run(ToolCall(id="call_1", name="it", args={}), item, "it")
        if seen.status == "success":
            succeeded += 1
            assert tuple(world.artifacts[name].kind for name in seen.artifacts) == (kinds or ("text",))
            assert all(name in seen.content for name in seen.artifacts)
    assert 20 < succeeded <= 30


def test_a_made_up_skill_says_nothing():
    assert returned(unable("odd", "Odd.", ())) == ()
