"""Wordings for a new skill: from its docstring and examples, in both languages, split by how they are worded."""

import random
from typing import Annotated, Literal

import pytest
from pydantic import Field

from skills import Boxes, InputError, Picture, Regions, Text, Words, skill
from skills.registry import load_file
from tests.conftest import ROOT
from tool_data.phrasings import SLOT
from tool_data.requests import Words as Vocabulary
from training.learn_docstring import framed, phrases, things
from training.learn_file import Authored, Told
from training.learn_lesson import Lesson, read_lessons
from training.learn_values import Values, arguments
from training.learn_wordings import HELD_OUT, wordings

RED = ROOT / "examples" / "find_red.py"
WEATHER = '''
from skills import Text, Words, skill

@skill(examples=["what's the weather in Lima?", "¿qué tiempo hace en Sevilla?", "shall I get wet"])
def weather(place: Words) -> Text:
    """Tell the weather of a place."""
    return Text.of(place)
'''


VOCABULARY = Vocabulary(
    {"object": {"en": ("red car", "dog"), "es": ("coche rojo", "perro")}}, {"en": ("lantern",), "es": ("farol",)}
)


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> Lesson:
    path = tmp_path_factory.mktemp("skill") / "weather.py"
    path.write_text(WEATHER)
    (found,) = read_lessons([path], [], VOCABULARY)
    return found


@skill
def grade(image: Picture, regions: Regions, scale: Literal["ten_points", "letters"], note: Words = "") -> Text:
    """Grade or rate the marked work (an essay, say). It is strict."""


@skill
def spot(image: Picture, size: Annotated[int, Field(ge=2, le=30)] = 4, share: float = 0.5) -> Boxes:
    """Find the spots."""


def test_a_docstring_gives_imperatives_with_slots_for_what_is_required():
    texts = {found.text for found in phrases(spot)}
    assert texts == {"find the spots", "spot"}
    graded = phrases(grade)
    assert {"grade the marked work, scale {scale}", "rate the marked work ({scale} {scale})"} & {g.text for g in graded}
    assert all(found.args == {"regions": "$mark", "scale": "{scale}"} for found in graded)
    assert all("{scale}" in found.text and "essay" not in found.text for found in graded)


def test_a_thing_is_asked_for_as_fits_what_the_skill_returns():
    assert things([("find what is red", "en"), ("What is the height of {x}?", "en"), ("busca lo rojo", "es")]) == {
        "what is red": "en",
        "height of {x}": "en",
        "lo rojo": "es",
    }
    assert things([("translate {text} into French", "en"), ("find and box red things", "en")]) == {}
    assert "where are the spots?" in framed(spot, "spots", "en")
    assert "tell me what is red" in framed(spot, "what is red", "en")
    assert "¿cuál es la nota?" in framed(grade, "la nota", "es")


def test_examples_and_docstring_give_both_languages_and_say_what_is_not_used(lesson):
    found = lesson.wordings
    every = {wording.text: wording for wording in (*found.train, *found.held_out)}
    assert every["what's the weather in {place}?"].origin == "example"
    assert every["tell the weather of {place}"].origin == "docstring"
    assert every["¿qué tiempo hace en {place}?"].language == "es"
    assert dict(found.unread) == {"shall I get wet": "which of its words are 'place' is not told; put them in quotes"}
    assert all(set(SLOT.findall(text)) == {"place"} for text in every)


def test_no_wording_that_is_measured_on_is_trained_on(lesson):
    for skill_ in (lesson.skill, *load_file(RED)):
        found = wordings(skill_, Authored())
        measured = {wording.key for wording in found.held_out}
        trained = {one.key for one in found.train}
        trained |= {type(one)(text, one.language, (), one.origin).key for one in found.train for text in one.variants}
        assert measured
        assert not measured & trained
        assert len(found.held_out) >= len(found.train) // HELD_OUT - 2
        assert wordings(skill_, Authored()) == found


def test_what_an_author_keeps_for_measuring_is_all_that_is_kept():
    told = (Told("spot", "any specks?", "en", {}, True), Told("spot", "specks, please", "en", {}, False))
    found = wordings(spot, Authored(told))
    assert [wording.text for wording in found.held_out] == ["any specks?"]
    assert {"specks, please", "find the spots"} <= {wording.text for wording in found.train}


def test_every_request_holds_its_values_and_fits_the_schema(lesson):
    rng = random.Random(0)
    (red,) = read_lessons([RED], [], VOCABULARY)
    seen = set()
    for number in range(300):
        one = (lesson, red)[number % 2]
        asked = one.draw(rng.choice(("en", "es")), rng)
        one.skill.arguments.model_validate(asked.args)
        assert all(str(value) in asked.text for value in asked.args.values())
        seen |= set(asked.args)
    assert seen == {"place", "threshold"}


def test_values_are_what_the_schema_admits():
    values = Values({}, {"en": ("word",), "es": ("voz",)}, skill=spot)
    rng = random.Random(1)
    sizes = {int(values.value("size", "en", rng)) for _ in range(200)}
    assert sizes
    assert all(2 <= size <= 30 and size != 4 for size in sizes)
    assert all(0 < float(values.value("share", "en", rng)) <= 1 for _ in range(50))
    written = {"scale": "TEN POINTS", "note": "so so"}
    args = {"regions": "$mark", "scale": "{scale}", "note": "{note}"}
    assert arguments(grade, args, written) == {"regions": "$mark", "scale": "ten_points", "note": "so so"}


def test_a_skill_that_no_request_can_be_told_for_is_refused(tmp_path):
    path = tmp_path / "switch.py"
    path.write_text(
        "from skills import Text, skill\n@skill(examples=['switch it'])\n"
        "def switch(on: bool) -> Text:\n    '''Switch it.'''\n    return Text.of('')\n"
    )
    with pytest.raises(InputError) as error:
        read_lessons([path], [], VOCABULARY)
    assert str(error.value) == (
        "skill 'switch': no request can be told from its docstring and examples ('switch it': its words do not tell "
        "'on'); write requests with their calls and name the file with --examples"
    )


def test_numbers_outside_the_usual_are_taken_from_the_limits_and_none_is_made_up():
    @skill
    def far(image: Picture, radius: Annotated[float, Field(ge=1000, le=2000)]) -> Picture:
        """Blur a wide circle."""

    @skill
    def odd(image: Picture, radius: Annotated[float, Field(multiple_of=777)]) -> Picture:
        """Blur an odd circle."""

    lists = ({}, {"en": ("word",), "es": ("voz",)})
    assert Values(*lists, skill=far).numbers(far.param("radius")) == [1000, 2000]
    with pytest.raises(InputError, match=r"no number is known that 'radius' admits; give it a default, or requests"):
        Values(*lists, skill=odd).numbers(odd.param("radius"))


def test_words_in_braces_of_a_docstring_are_words():
    @skill
    def seek(thing: Words, person: Words = "") -> Text:
        """Find {thing} for a {person}."""

    texts = {told.text for told in phrases(seek)}
    assert texts
    assert all(set(SLOT.findall(text)) == {"thing"} for text in texts)


def test_many_required_arguments_give_no_explosion_of_wordings():
    @skill
    def letter(a: Words, b: Words, c: Words, d: Words, e: Words, f: Words, g: Words, h: Words) -> Text:
        """Write letters."""

    assert len(phrases(letter)) < 200
