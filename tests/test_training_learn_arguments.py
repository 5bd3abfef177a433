"""Which words of an example are arguments, and which examples tell no call."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from skills import Expression, Picture, Regions, Text, Words, skill
from training.learn_arguments import Underived, derive


@skill
def weather(place: Words) -> Text:
    """Tell the weather of a place."""


@skill
def turn_to(image: Picture, corner: Literal["top_left", "bottom_right"], angle: int = 5) -> Picture:
    """Turn a picture round a corner."""


@skill
def translate(text: Words, language: Words) -> Text:
    """Translate words."""


@skill
def grade(image: Picture, regions: Regions, size: Annotated[float, Field(ge=1)]) -> Text:
    """Grade what is marked."""


@skill
def sum_up(expression: Expression) -> Text:
    """Work a sum out."""


@skill
def sorter(objects: list[str]) -> Text:
    """Sort things."""


@pytest.mark.parametrize(
    ("example", "text", "place"),
    [
        ("what's the weather in Lima?", "what's the weather in {place}?", "Lima"),
        ('the weather of "Santiago in May" today', 'the weather of "{place}" today', "Santiago in May"),
        ("weather Brno please", "weather {place} please", "Brno"),
        ("weather: Ulan Bator", "weather: {place}", "Ulan Bator"),
        ("¿qué tiempo hace en Teruel?", "¿qué tiempo hace en {place}?", "Teruel"),
        ("tell the weather for Novi Sad, please.", "tell the weather for {place}, please.", "Novi Sad"),
    ],
)
def test_the_one_open_argument_is_a_span(example, text, place):
    found = derive(weather, example)
    assert (found.text, dict(found.args), dict(found.values)) == (text, {"place": "{place}"}, {"place": place})


def test_where_examples_differ_stands_the_value():
    found = derive(weather, "has it rained much Skopje way", ["has it rained much Cusco"])
    assert found.text == "has it rained much {place}"


def test_a_choice_a_number_and_a_list_of_names_are_told_by_the_schema():
    found = derive(turn_to, "turn it by 12 degrees round the Top Left")
    assert found.text == "turn it by {angle} degrees round the {corner}"
    assert found.values == {"angle": "12", "corner": "Top Left"}
    both = derive(translate, "translate good morning into French")
    assert both.text == "translate {text} into {language}"
    assert both.values == {"language": "French", "text": "good morning"}
    assert derive(sum_up, "what is 3 + (4*2)?").text == "what is {expression}?"


def test_a_region_is_what_the_user_marks():
    assert derive(grade, "grade this at 2.5").args == {"size": "{size}", "regions": "$mark"}


@pytest.mark.parametrize(
    ("item", "example", "why"),
    [
        (weather, "will I get wet", "which of its words are 'place' is not told; put them in quotes"),
        (translate, "traduce esto de hoy al quechua", "which words are 'text' and which 'language' is not told"),
        (turn_to, "turn it round a corner", "its words do not tell 'corner'"),
        (grade, "grade this", "its words do not tell 'size'"),
        (weather, "the weather in {place}", "it holds a word in braces"),
        (weather, " ¿? ", "it holds no word"),
        (sorter, "sort cats, dogs and horses", "where each of the several values of 'objects' ends is not told"),
    ],
)
def test_what_is_not_told_is_not_guessed(item, example, why):
    with pytest.raises(Underived) as error:
        derive(item, example)
    assert str(error.value) == why
