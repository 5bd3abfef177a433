"""`--examples FILE`: requests with their calls, and the words of every refusal."""

import pytest

from skills import InputError, Picture, Regions, Text, Words, skill
from training.learn_file import Told, read_requests


@skill
def weather(place: Words, days: int = 1) -> Text:
    """Tell the weather of a place."""


@skill
def grade(image: Picture, regions: Regions) -> Text:
    """Grade what is marked."""


FINE = """
[[requests]]
skill = "weather"
args = { place = "{place}", days = 2 }
en = ["{place}, both days"]
es = ["¿y en {place}?"]

[[requests]]
skill = "grade"
args = { regions = "$mark" }
en = ["how good is this?"]
held_out = true

[values]
place = ["Oslo"]
"""


def _read(tmp_path, text, *skills):
    path = tmp_path / "requests.toml"
    path.write_text(text, encoding="utf-8")
    return read_requests([path], skills or (weather, grade))


def test_requests_are_read_with_their_calls(tmp_path):
    found = _read(tmp_path, FINE)
    both = {"place": "{place}", "days": 2}
    assert found.requests == (
        Told("weather", "{place}, both days", "en", both, False),
        Told("weather", "¿y en {place}?", "es", both, False),
        Told("grade", "how good is this?", "en", {"regions": "$mark"}, True),
    )
    assert found.values == {"place": ["Oslo"]}
    (alone,) = _read(tmp_path, '[[requests]]\nargs = {regions = "$mark"}\nen = ["so?"]', grade).requests
    assert alone.skill == "grade"


ROW = '[[requests]]\nskill = "weather"\nargs = { place = "{place}" }\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[request]\n", "has 'request'; expected [[requests]] and [values]"),
        ('[values]\nplace = "Oslo"\n', "the values of 'place' are no list of texts"),
        ('[[requests]]\nskill = "wether"\nen = ["x"]', "is for the skill 'wether'; expected one of those learnt"),
        (f'{ROW}fr = ["x"]', "has 'fr'; expected args, en, es, held_out, skill"),
        (ROW, "has no requests; give lists of them as `en` or `es`"),
        (f'{ROW}en = "in {{place}}"', "has no requests; give lists of them as `en` or `es`"),
        (f'{ROW}en = ["here"]', "'here' has other slots than its args ({place}); write each once in both"),
        ('[[requests]]\nskill = "weather"\nen = ["x"]', "args lacks 'place', which weather requires"),
        ('[[requests]]\nskill = "weather"\nargs = {plce = "x"}\nen = ["x"]', "weather has no argument 'plce'"),
        (
            '[[requests]]\nskill = "grade"\nargs = {regions = "here"}\nen = ["x"]',
            "the argument 'regions' is 'here'; a region is \"$mark\", a picture is left out",
        ),
        (
            '[[requests]]\nskill = "weather"\nargs = {place = "{town}"}\nen = ["{town}"]',
            "the slot of the argument 'place' is named otherwise; write {place}",
        ),
        ("requests = 3\n", "`requests` is no list of tables; write [[requests]] above each"),
        ("[requests]\nen = ['x']\n", "`requests` is no list of tables; write [[requests]] above each"),
        ("values = 3\n", "`values` is no table; write [values]"),
        ('[values]\nplaec = ["Oslo"]\n', "no skill has the argument 'plaec' that [values] names; did you mean 'place'"),
        ('[[requests]]\nskill = "weather"\nargs = "x"\nen = ["x"]', "args is 'x'; expected a table such as { place"),
        (f'{ROW}held_out = "no"\nen = ["in {{place}}"]', "held_out is 'no'; expected true or false"),
        (f'{ROW}en = ["{{place}} or {{place}}"]', "has other slots than its args ({place}); write each once in both"),
        (
            '[[requests]]\nskill = "weather"\nargs = {place = "{place}", days = "two"}\nen = ["in {place}"]',
            "the argument 'days' is 'two', which weather does not take; see its signature",
        ),
        (
            '[[requests]]\nskill = "weather"\nargs = {place = 3}\nen = ["x"]',
            "the argument 'place' is 3, which weather does not take; see its signature",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_row(text, expected, tmp_path):
    with pytest.raises(InputError) as error:
        _read(tmp_path, text)
    assert expected in str(error.value)


def test_items_of_a_list_have_numbered_slots(tmp_path):
    @skill
    def sorter(objects: list[str]) -> Text:
        """Sort things."""

    file = tmp_path / "asked.toml"
    args = 'args = { objects = ["{objects1}", "{objects2}"] }'
    file.write_text(f'[[requests]]\n{args}\nen = ["sort {{objects1}} and {{objects2}}"]\n', encoding="utf-8")
    (told,) = read_requests([file], [sorter]).requests
    assert told.args == {"objects": ["{objects1}", "{objects2}"]}


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r"no file of requests at '.*none.toml'; --examples names a TOML file"):
        read_requests([tmp_path / "none.toml"], [weather])
