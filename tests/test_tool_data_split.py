"""Splits: stable, by picture, near the shares asked for, and telling where a row would leak."""

import hashlib
import random
from collections import Counter

import pytest

from agent.trace import Trace
from skills import InputError
from tool_data.split import pictures_of, split_of, splits_of, tokens

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def row(name="row", request="what is it?", pictures=(), paths=()):
    """Return a row with pictures by payload ("a" -> its hash) and by path."""
    table = {}
    for key in (*pictures, *paths):
        digest = hashlib.sha256(key.encode()).hexdigest() if key in pictures else ""
        record = {"kind": "picture", "media_type": "", "sha256": digest, "path": "" if digest else key}
        table[f"img_{len(table) + 1}"] = {**record, "frame": f"img_{len(table) + 1}"}
    return Trace.model_validate({
        "id": name, "turns": [{"request": request, "images": list(table)}], "artifacts": table,
    })  # fmt: skip


def test_rows_with_one_picture_are_in_one_split_whatever_they_ask():
    for at in range(50):
        rows = [row(f"{at}-{n}", f"request {n}", (f"picture {at}",)) for n in range(10)]
        assert len({split_of(one, SHARES) for one in rows}) == 1


def test_a_row_stays_where_it_is_in_every_process_and_version():
    """The values were computed apart from this code; another result means that published splits have moved."""
    found = {key: split_of(row(pictures=(key,)), SHARES) for key in "abcdefgh"}
    assert found == {
        "a": "validation",
        "b": "validation",
        "c": "train",
        "d": "validation",
        "e": "test",
        "f": "test",
        "g": "train",
        "h": "train",
    }
    assert split_of(row(paths=("coco/000000000139.jpg",)), {"a": 1, "b": 1}) == "a"
    assert split_of(row(request="Blur the faces!"), {"a": 1, "b": 1}) == "b"


@pytest.mark.parametrize("kind", ["pictures", "paths", "request"])
def test_splits_are_near_their_shares(kind):
    rows = [row(**{kind: f"x{n}" if kind == "request" else (f"x{n}",)}) for n in range(4000)]
    found = Counter(split_of(one, SHARES) for one in rows)
    for name, share in SHARES.items():
        assert found[name] / 4000 == pytest.approx(share, abs=0.03)


def test_without_pictures_the_words_decide_not_how_they_are_typed():
    rng = random.Random(1)
    for _ in range(100):
        words = [rng.choice(["Dónde", "está", "el", "texto", "aquí"]) for _ in range(6)]
        typed = " ".join(words)
        other = "  ".join(words).upper().replace("Ó", "O") + "?!"
        assert split_of(row(request=typed), SHARES) == split_of(row(request=other), SHARES)
    assert tokens("¿Dónde está?") == ["donde", "esta"]


def test_shares_are_relative_and_a_zero_share_takes_nothing():
    rows = [row(pictures=(str(n),)) for n in range(300)]
    assert [split_of(r, {"a": 8, "b": 2}) for r in rows] == [split_of(r, {"a": 0.8, "b": 0.2}) for r in rows]
    assert {split_of(r, {"a": 1, "b": 0}) for r in rows} == {"a"}
    assert {split_of(r, {"a": 0, "b": 1, "c": 0}) for r in rows} == {"b"}


def test_growing_the_first_share_moves_no_row_out_of_it():
    rows = [row(pictures=(str(n),)) for n in range(500)]
    for one in rows:
        if split_of(one, {"train": 0.8, "test": 0.2}) == "train":
            assert split_of(one, {"train": 0.9, "test": 0.1}) == "train"


def test_a_row_whose_pictures_fall_apart_is_told():
    apart = [row(pictures=(str(n), str(n + 1))) for n in range(300)]
    for one in apart:
        alone = {split_of(row(pictures=(key,)), SHARES) for key in _names(one, apart)}
        assert splits_of(one, SHARES) == alone
        assert split_of(one, SHARES) in splits_of(one, SHARES)
    assert 50 < sum(len(splits_of(one, SHARES)) > 1 for one in apart) < 150


def _names(one, rows):
    at = rows.index(one)
    return str(at), str(at + 1)


def test_pictures_are_those_the_user_gave_by_hash_or_path():
    one = row(pictures=("a",), paths=("b.png",))
    assert pictures_of(one) == (hashlib.sha256(b"a").hexdigest(), "b.png")
    made = one.artifacts["img_1"].model_copy(update={"source": "call_1", "sha256": "f" * 64})
    assert pictures_of(one.model_copy(update={"artifacts": {**one.artifacts, "img_9": made}})) == pictures_of(one)
    assert pictures_of(row()) == ()


@pytest.mark.parametrize("shares", [{}, {"a": 0.0}, {"a": -1.0, "b": 2.0}, {"a": float("nan")}])
def test_shares_that_divide_nothing_are_refused(shares):
    with pytest.raises(InputError, match=r"shares .* divide nothing; expected e\.g\. \{'train': 0\.9, 'test': 0\.1\}"):
        split_of(row(), shares)
