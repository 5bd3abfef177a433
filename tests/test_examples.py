"""Every example runs; the ten-line skill is offered by --skills and called."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("scripted", "I found 1 thing: red. See img_2."),
        ("langchain_tools", "img_2: picture, 40x60"),
        ("replay", "That is 84."),
    ],
)
def test_an_example_says_what_it_should(name, said):
    assert runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]() == said


def test_rewards_are_computed_from_what_was_executed():
    rewards = runpy.run_path(str(EXAMPLES / "rollout_rewards.py"))["main"]()
    assert [len(row) for row in rewards] == [3, 3]
    assert max(rewards[0]) == max(rewards[1]) == 1


def test_every_example_is_run_here():
    tested = {"scripted", "langchain_tools", "replay", "find_red", "answer", "rollout_rewards"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested


def test_the_skill_in_a_file_fits_on_one_screen():
    code = (EXAMPLES / "find_red.py").read_text().split("@skill")[1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 11
