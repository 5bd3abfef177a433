"""Malformed JSON: what is mended, and how it is said; what is refused; well-formed JSON is left alone."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from tool_data.formats.base import Refused
from tool_data.formats.repair import repaired

scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=12) | st.sampled_from(["the girl's hat", 'a "b" c', "x', 'y", "\\'", "boys' hats", "True"])
values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value", "mends"),
    [
        ('[{"a": {}]', [{"a": {}}], ["character 10: a missing '}' put before ']'"]),
        (
            '[{"a": ["b"]',
            [{"a": ["b"]}],
            ["character 13: a missing '}' put at the end", "a missing ']'"],
        ),
        ('[{"a": 1}}]', [{"a": 1}], ["character 10: a '}' too many, dropped"]),
        ('[{"a": 1}]]', [{"a": 1}], ["character 11: a ']' too many, dropped"]),
        ('{"a": True}', {"a": True}, ["character 7: Python's True read as true"]),
        ("[False, None]", [False, None], ["Python's False read as false", "Python's None read as null"]),
        ("['x']", ["x"], ["character 2: single quotes read as double"]),
        (
            "['the girl's hat']",
            ["the girl's hat"],
            ["single quotes", "character 11: an apostrophe"],
        ),
        (
            "['the boys' hats']",
            ["the boys' hats"],
            ["single quotes", "character 11: an apostrophe"],
        ),
        (r"['Mary\'s']", ["Mary's"], ["single quotes", r"character 7: Python's escape \' read as its character"]),
        (r"['\x41\U0001f600']", ["A😀"], ["single quotes", r"escape \x41 read", r"escape \U0001f600 read"]),
        ("""['say "hi"']""", ['say "hi"'], ["single quotes read as double"]),
        ("[1, 2,]", [1, 2], ["character 7: a comma after the last item, dropped"]),
        ('{"a": {},}', {"a": {}}, ["character 10: a comma after the last item, dropped"]),
        (
            '["x\ny\tz"]',
            ["x\ny\tz"],
            ["character 4: an unescaped line break", "character 6: an unescaped tab"],
        ),
    ],
)
def test_mends_and_says_each(text, value, mends):
    found, said = repaired(text)
    assert json.dumps(found) == json.dumps(value)
    assert len(said) == len(mends)
    assert all(mend in line for mend, line in zip(mends, said, strict=True)), said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at character 1, near '': it breaks off; expected a value"),
        ("I will call sam", "no value of JSON; expected a value"),
        ('{"a": 1} as you asked', "text after the value; expected nothing"),
        ('{"a": {"b": 1}}, "c": 2}', 'at character 16, near \'{"a": {"b": 1}}, "c": 2}\': text after the value'),
        ('{"a": "cut of', 'a string is not closed; expected a closing "'),
        ('{"a": 0.3', "it breaks off in a number that may go on; expected '}'"),
        ("[1, ", "it breaks off after a comma; expected another item"),
        ('{"a": ', "it breaks off; expected a value"),
        ("[", "it breaks off after an opening bracket; expected what it holds"),
        ("[1,,2]", "no value of JSON; expected a value"),
        ('{"a": "say "hi", "no"}', 'a quote that neither closes its string nor is an apostrophe; expected \\"'),
        ("['Is it 'red', 'blue' or 'green'?']", "a quote that neither closes its string nor is an apostrophe"),
        ("['a' 'b']", "a quote that neither closes its string nor is an apostrophe"),
        ('{"a": 1 "b": 2}', "an item does not end here; expected ',' or '}'"),
        ("{a: 1}", "no name in quotes; expected a name or '}'"),
        ("{1: 'a'}", "no name in quotes; expected a name or '}'"),
        ("{'x': 'a', 2: 'b'}", "no name in quotes; expected a name or '}'"),
        ('{"a"}', "no ':' after the name 'a'; expected ':' and its value"),
        (r'["\d"]', "an escape that JSON and Python do not share; expected \\\\ for a backslash"),
        (r"['\U00110000']", "an escape beyond Unicode; expected at most \\U0010ffff"),
        ('{"a": 1, "a": 2}', "the name 'a' stands twice in one object with two values; expected one"),
        ("{'a': 1, 'a': 2}", "the name 'a' stands twice in one object with two values; expected one"),
        ("[NaN]", "NaN is no number of JSON; expected a finite one"),
        ("[1e999]", "1e999 is no number of JSON; expected a finite one"),
        ("[" * 100_000, "JSON nested too deeply to be read; expected a few levels"),
        ("9" * 5000, "JSON cannot be read: Exceeds the limit"),
    ],
)
def test_refuses_what_would_be_a_guess(text, why):
    with pytest.raises(Refused) as refused:
        repaired(text)
    assert why in str(refused.value)


@hypothesis.given(values, st.sampled_from([None, 1]), st.booleans())
def test_well_formed_json_comes_back_with_no_mend(value, indent, ascii_only):
    found, mends = repaired(json.dumps(value, indent=indent, ensure_ascii=ascii_only))
    assert (json.dumps(found), mends) == (json.dumps(value), [])


@hypothesis.given(values)
def test_what_python_prints_is_read_exactly(value):
    assert json.dumps(repaired(repr(value))[0]) == json.dumps(value)


@hypothesis.given(st.lists(values, min_size=1), st.data())
def test_brackets_missing_at_the_end_are_put_back(value, data):
    text = json.dumps(value)
    ends = len(text) - len(text.rstrip("]}"))
    cut = data.draw(st.integers(1, ends))
    if text[:-cut][-1].isdigit() or text[:-cut][-1] in "[{":
        with pytest.raises(Refused, match=r"that may go on|after an opening bracket"):
            repaired(text[:-cut])
        return
    found, mends = repaired(text[:-cut])
    assert (json.dumps(found), len(mends)) == (text, cut)


@hypothesis.given(values, st.data())
def test_any_damage_is_mended_and_said_or_refused(value, data):
    text = data.draw(st.sampled_from([json.dumps(value), repr(value)]))
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.sampled_from(["", *"[]{}'\",:\\\n 1"])) + text[at + data.draw(st.integers(0, 2)) :]
    try:
        found, mends = repaired(text)
    except Refused:
        return
    assert json.loads(json.dumps(found)) == found
    if not mends:
        assert json.loads(text) == found
