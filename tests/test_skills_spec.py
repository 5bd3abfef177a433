"""@skill: what a signature becomes, and what is refused at registration."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from skills import (
    Boxes,
    Context,
    Expression,
    InputError,
    Number,
    Picture,
    Region,
    Regions,
    SkillResult,
    Text,
    Words,
    skill,
)
from skills.spec import context_name


@skill(examples=["do it"], effects="file", mend="pip install it", needs=["surely_not_installed"])
def everything(
    image: Picture,
    regions: Regions,
    words: Words,
    items: list[str],
    one: Region | None = None,
    other: Picture | None = None,
    size: Literal["small", "large"] = "small",
    share: Annotated[float, Field(ge=0, le=1)] = 0.5,
    count: int = 3,
    flag: bool = False,
    text: str = "x",
    sum: Expression = "1",
    *,
    ctx: Context,
) -> Boxes:
    """Take one argument
    of every kind.

    More that no planner reads.
    """
    return Boxes()


def test_the_signature_is_the_schema() -> None:
    assert everything.description == "Take one argument of every kind."
    assert {p.name: p.kind for p in everything.params} == {
        "image": "picture", "regions": "regions", "words": "words", "items": "list", "one": "region",
        "other": "picture", "size": "choice",
        "share": "number", "count": "integer", "flag": "flag", "text": "text", "sum": "expression",
    }  # fmt: skip
    assert everything.schema["required"] == ["regions", "words", "items"]
    assert "ctx" not in everything.schema["properties"]
    assert everything.signature == (
        "everything(regions, words, items, image?, one?, other?, size?, share?, count?, flag?, text?, sum?)"
    )
    assert [p.name for p in everything.params if p.filled] == ["image"]
    assert (everything.examples, everything.effects, everything.isolated) == (("do it",), "file", False)
    assert everything.param("size") is not None
    assert everything.param("ctx") is None


@pytest.mark.parametrize(
    "args",
    [
        {"share": 2}, {"size": "huge"}, {"items": []}, {"items": [""]}, {"words": ""}, {"image": "boxes_1"},
        {"count": 1.5}, {"colour": 1}, {"share": float("nan")}, {"ctx": {}},
    ],
)  # fmt: skip
def test_the_schema_holds_the_limits(args: dict[str, Any]) -> None:
    fine = {"regions": "boxes_1", "words": "a", "items": ["a"]}
    everything.arguments.model_validate(fine)
    with pytest.raises(ValidationError):
        everything.arguments.model_validate({**fine, **args})


def test_a_skill_is_called_like_its_function(plain: Picture) -> None:
    @skill
    def double(number: float) -> Number:
        """Double a number."""
        return Number(value=number * 2)

    assert double(2) == Number(value=4)
    assert double.unavailable() == ""


def test_a_missing_package_says_what_mends_it() -> None:
    assert everything.unavailable() == "package 'surely_not_installed' is missing; pip install it"


def no_docstring(words: str) -> Text: ...  # type: ignore[empty-body]


def no_annotation(words) -> Text:  # type: ignore[no-untyped-def]
    """Do it."""
    return Text.of(words)


def odd(words: dict[str, str]) -> Text:
    """Do it."""
    return Text()


def numbers(size: Literal[1, 2]) -> Text:
    """Do it."""
    return Text()


def either(words: str | int) -> Text:
    """Do it."""
    return Text()


def many(*words: str) -> Text:
    """Do it."""
    return Text()


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (no_docstring, "skill 'no_docstring' has no docstring; write one line that says what it does"),
        (no_annotation, "skill 'no_annotation': argument 'words' has no type annotation"),
        (odd, r"skill 'odd': argument 'words' is annotated dict\[str, str\]; expected Picture, Region, Regions, str"),
        (numbers, "skill 'numbers': argument 'size' is annotated"),
        (either, r"skill 'either': argument 'words' is annotated str \| int"),
        (many, r"skill 'many': argument '\*words: str' has no single name; expected name: type"),
    ],
)
def test_what_no_planner_could_fill_is_refused_at_registration(function: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        skill(function)


def test_the_context_is_found_by_name_or_by_type() -> None:
    """Broke where a local variable was called ctx, or the context had another name."""

    def by_type(words: str, run: Context) -> None: ...

    def local(words: str) -> None:
        ctx = words
        del ctx

    assert context_name(everything.run) == "ctx"  # type: ignore[arg-type]
    assert context_name(by_type) == "run"
    assert context_name(local) is None


def test_a_result_may_carry_a_note() -> None:
    result = SkillResult(values=(Number(value=1),), note="rounded")
    assert (result.values[0], result.note) == (Number(value=1), "rounded")
