import random

import pytest

from skills import InputError
from tool_data.phrasings import load_intents
from tool_data.requests import Words, draw, expression, filled, without_accents


def test_a_value_stands_in_the_request_letter_for_letter():
    words = Words({"object": {"en": ("Red Car",), "es": ("coche azul",)}}, {"en": ("alpha", "beta"), "es": ("árbol",)})
    rng = random.Random(0)
    for _ in range(300):
        for language, phrasing in (("en", "Where is the {object}?"), ("es", "¿dónde está {object}?")):
            request = draw(phrasing, language, words, rng)
            assert request.values["object"] in request.text


def test_without_noise_a_phrasing_is_kept():
    request = draw("blur the faces", "en", Words(), random.Random(0), noise=False)
    assert (request.text, dict(request.values)) == ("blur the faces", {})


def test_degrees_become_numbers_and_keep_their_sign():
    assert filled("-{degrees}", {"degrees": "30"}) == -30
    assert filled("{degrees}", {"degrees": "2.5"}) == 2.5
    assert filled(["{object}", "{object2}"], {"object": "a", "object2": "b"}) == ["a", "b"]


def test_expressions_can_be_calculated():
    from skills.builtin.calculate import calculate
    from skills.errors import SkillError

    rng = random.Random(1)
    done = 0
    for _ in range(200):
        try:
            calculate(expression(rng))
            done += 1
        except SkillError as error:
            assert "zero" in str(error) or "large" in str(error)  # noqa: PT017 - the rest of the loop goes on
    assert done > 120


def test_accents_go():
    assert without_accents("¿dónde está el niño?") == "¿donde esta el nino?"


def test_a_phrasing_without_its_slot_is_refused(tmp_path):
    file = tmp_path / "detect.toml"
    file.write_text(
        '[[intents]]\nsteps = [{ skill = "detect", args = { objects = ["{object}"] } }]\nen = ["find it"]\n'
    )
    with pytest.raises(InputError, match=r"detect.toml: 'find it' lacks \['object'\]; write each slot once"):
        load_intents(tmp_path)


def test_broken_toml_is_named(tmp_path):
    (tmp_path / "crop.toml").write_text("[[intents]\n")
    with pytest.raises(InputError, match=r"crop\.toml cannot be read as TOML: .*; mend the file"):
        load_intents(tmp_path)
