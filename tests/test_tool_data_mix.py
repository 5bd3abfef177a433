"""Mixes: weights, seeds, duplicates, held-out requests, splits, payloads, and the card that tells of them."""

import hashlib
import itertools
import json
import random
from collections import Counter

import pytest
import yaml

from agent.saved import store_of
from agent.trace import Trace
from skills import InputError, Picture
from skills.store import Store
from tool_data.mix import main
from tool_data.recipe import read_recipe
from tool_data.similar import Similar, counted, hashed, sequences
from tool_data.split import split_of

WORDS = [f"word{n}" for n in range(400)]


def trace(name, request, pictures=(), simulated=False):
    """Return a row; `pictures` are payload hashes."""
    table = {
        f"img_{at}": {"kind": "picture", "media_type": "image/png", "sha256": digest, "frame": f"img_{at}"}
        for at, digest in enumerate(pictures, start=1)
    }
    turn = {
        "request": request, "images": list(table), "steps": [{"output": {"answer": "Yes."}}], "answer": "Yes.",
        "stop_reason": "answered",
    }  # fmt: skip
    meta = {"planner": "simulated"} if simulated else {}
    return Trace.model_validate({"id": name, "turns": [turn], "artifacts": table, "meta": meta})


def said(rng, count=12):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def write(path, rows):
    path.write_text("".join(f"{one if isinstance(one, str) else one.to_json()}\n" for one in rows), encoding="utf-8")
    return path


def read(path):
    return [Trace.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def sources(tmp_path):
    rng = random.Random(1)
    for name, count in (("a", 300), ("b", 200), ("c", 50)):
        write(tmp_path / f"{name}.jsonl", [trace(f"{name}-{n}", said(rng)) for n in range(count)])
    return tmp_path


def mixed(folder, recipe, out="out.jsonl"):
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    assert main([str(folder / "recipe.yaml"), str(folder / out), "--force"]) == 0
    return read(folder / out), (folder / out).with_suffix(".md").read_text(encoding="utf-8")


def listed(**weights):
    return [{"file": f"{name}.jsonl", "licence": "Apache-2.0", "weight": weight} for name, weight in weights.items()]


def test_without_limits_every_row_is_used_once(sources, capsys):
    rows, card = mixed(sources, {"sources": listed(a=1, b=5, c=1)})
    assert len(rows) == len({row.id for row in rows}) == 550
    assert capsys.readouterr().out.startswith("550 rows written to ")
    assert "550 rows (one Trace a line) of 3 sources; licences: Apache-2.0." in card
    assert [row.id for row in rows] != sorted(row.id for row in rows)


def test_weights_hold_until_the_first_source_is_used_up(sources):
    rows, _ = mixed(sources, {"sources": listed(a=2, b=1, c=1), "until": "first"})
    drawn = Counter(row.id[0] for row in rows)
    assert drawn["c"] == 50
    assert drawn["a"] / len(rows) == pytest.approx(0.5, abs=0.1)
    assert drawn["b"] / len(rows) == pytest.approx(0.25, abs=0.1)


def test_rows_limit_the_mix_and_repeats_get_names_of_their_own(sources):
    few = [{"file": "c.jsonl", "licence": "MIT", "repeat": 3}]
    rows, card = mixed(sources, {"sources": few, "rows": 140})
    assert len(rows) == len({row.id for row in rows}) == 140
    assert Counter(row.id.partition("~")[2] for row in rows) == {"": 50, "2": 50, "3": 40}
    assert [row.id for row in rows[:50]] != [row.id.partition("~")[0] for row in rows[50:100]]
    assert "| c | c.jsonl | MIT | - | 50 | 50 | 1 | 3 | 0 | 140 | 100.0% |" in card


def test_equal_seeds_give_equal_files_and_each_seed_changes_its_part(sources):
    def ids(**changes):
        parts = listed(a=1, b=1)
        parts[0] |= changes.pop("first", {})
        return [row.id for row in mixed(sources, {"sources": parts, **changes})[0]]

    assert ids(seed=1) == ids(seed=1)
    assert ids(seed=1) != ids(seed=2)
    one, other = ids(seed=1, first={"seed": 8}), ids(seed=1, first={"seed": 9})
    assert [name for name in one if name[0] == "b"] == [name for name in other if name[0] == "b"]
    assert [name for name in one if name[0] == "a"] != [name for name in other if name[0] == "a"]
    assert [name[0] for name in one] == [name[0] for name in other]


def test_near_duplicates_go_and_the_first_stays(tmp_path):
    rng = random.Random(2)
    base = [said(rng, 40) for _ in range(60)]
    near = [" ".join([*text.split()[:-1], "other"]).upper() + "!" for text in base]
    write(tmp_path / "a.jsonl", [trace(f"a-{n}", text) for n, text in enumerate(base)])
    write(tmp_path / "b.jsonl", [trace(f"b-{n}", text) for n, text in enumerate(near)])
    rows, card = mixed(tmp_path, {"sources": listed(a=1, b=9)})
    assert sorted(row.id for row in rows) == sorted(f"a-{n}" for n in range(60))
    assert "| b | near-duplicate text on the same picture | 60 |" in card
    rows, _ = mixed(tmp_path, {"sources": listed(a=1, b=9), "duplicates": {"text_on_same_picture": 0.99}})
    assert len(rows) == 120


def test_the_same_words_about_another_picture_are_another_row(tmp_path):
    def pictured(letter, name):
        return trace(f"{name}-{letter}", "what does the sign say?", [letter * 64], simulated=True)

    write(tmp_path / "a.jsonl", [pictured(letter, "a") for letter in "0123456789"])
    write(tmp_path / "b.jsonl", [pictured(letter, "b") for letter in "89abc"])
    rows, _ = mixed(tmp_path, {"sources": listed(a=1, b=1)})
    assert sorted(row.id for row in rows) == sorted([*(f"a-{n}" for n in range(10)), "b-a", "b-b", "b-c"])
    rows, card = mixed(tmp_path, {"sources": listed(a=1, b=1), "duplicates": {"text": 0.8}})
    assert [row.id for row in rows] == ["a-0"]
    assert "| a | near-duplicate text | 9 |\n| b | near-duplicate text | 5 |" in card


def test_one_picture_has_no_more_rows_than_allowed(tmp_path):
    rng = random.Random(3)
    rows = [trace(f"{n}", said(rng), [f"{n % 4}" * 64], simulated=True) for n in range(40)]
    write(tmp_path / "a.jsonl", rows)
    kept, card = mixed(tmp_path, {"sources": listed(a=1), "duplicates": {"rows_per_picture": 3}})
    assert Counter(row.artifacts["img_1"].sha256[0] for row in kept) == {"0": 3, "1": 3, "2": 3, "3": 3}
    assert "| a | more rows with one picture than allowed | 28 |" in card


def test_requests_of_a_benchmark_are_left_out_and_counted(sources):
    rng = random.Random(4)
    rows = read(sources / "a.jsonl")
    shuffled = [" ".join(rng.sample(row.turns[0].request.split(), 12)) for row in rows[:40]]
    forms = [
        {"request": shuffled[0], "before": [{"request": shuffled[1]}]},
        {"id": "x", "requests": shuffled[2:20]},
        *({"request": text.upper()} for text in shuffled[20:30]),
        *(json.loads(trace("t", text).to_json()) for text in shuffled[30:]),
    ]
    (sources / "bench.jsonl").write_text("\n".join(map(json.dumps, forms)), encoding="utf-8")
    heldout = {"files": ["bench.jsonl"], "limit": 0.7}
    kept, card = mixed(sources, {"sources": listed(a=1, b=1), "heldout": heldout})
    assert {row.id for row in rows[:40]} & {row.id for row in kept} == set()
    assert len(kept) == 460
    assert "| a | near a held-out request | 40 |" in card
    assert "held out: bench.jsonl (40 requests), left out from a Jaccard of 0.7" in card


def test_a_later_turn_is_compared_with_the_benchmark_too(tmp_path):
    two = trace("a", "hello there my friend").model_copy(
        update={"turns": (*trace("a", "something else").turns, *trace("a", "blur the red car please").turns)}
    )
    write(tmp_path / "a.jsonl", [two, trace("b", "crop the tree")])
    (tmp_path / "bench.jsonl").write_text('{"request": "Please blur the red car."}')
    kept, _ = mixed(tmp_path, {"sources": listed(a=1), "heldout": {"files": ["bench.jsonl"]}})
    assert [row.id for row in kept] == ["b"]


def test_splits_are_files_of_their_own_and_share_no_picture(tmp_path):
    rng = random.Random(5)
    digests = [hashlib.sha256(bytes([n])).hexdigest() for n in range(80)]
    rows = [trace(f"{n}", said(rng), rng.sample(digests, rng.choice((1, 1, 2))), simulated=True) for n in range(400)]
    write(tmp_path / "a.jsonl", rows)
    splits = {"train": 0.7, "test": 0.3}
    train, card = mixed(tmp_path, {"sources": listed(a=1), "splits": splits})
    test = read(tmp_path / "out.test.jsonl")
    pictures = [{record.sha256 for row in part for record in row.artifacts.values()} for part in (train, test)]
    assert not pictures[0] & pictures[1]
    assert all(split_of(row, splits) == "train" for row in train)
    assert all(split_of(row, splits) == "test" for row in test)
    apart = 400 - len(train) - len(test)
    assert apart > 20
    assert f"| a | pictures of different splits | {apart} |" in card
    assert f"| train | out.jsonl | 70.0% | {len(train) / (400 - apart):.1%} | {len(train)} | {len(train)} |" in card


def test_payloads_come_along_and_rows_without_theirs_are_left_out(tmp_path):
    store = Store(store_of(tmp_path / "a.jsonl"))
    digests = [store.put(Picture(pixels=bytes([n] * 12), size=(2, 2))) for n in range(6)]
    rng = random.Random(6)
    write(tmp_path / "a.jsonl", [trace(f"{n}", said(rng), [digest]) for n, digest in enumerate(digests)])
    store.path(digests[0]).unlink()
    store.path(digests[1]).write_bytes(b"damaged")
    rows, card = mixed(tmp_path, {"sources": listed(a=1)})
    assert sorted(row.id for row in rows) == ["2", "3", "4", "5"]
    copied = Store(store_of(tmp_path / "out.jsonl"))
    assert all(copied.payload(digest) == store.payload(digest) for digest in digests[2:])
    assert sorted(path.name for path in copied.folder.iterdir()) == sorted(digests[2:])
    assert "| a | a payload is missing or damaged | 2 |" in card


def test_lines_that_are_no_trace_are_named_on_the_card(tmp_path):
    write(tmp_path / "a.jsonl", [trace("a", "one two three"), "{broken", trace("b", "four five six"), '{"id": 1}'])
    rows, card = mixed(tmp_path, {"sources": listed(a=1)})
    assert len(rows) == 2
    assert "| a | no Trace | 2 |" in card
    assert "No Trace in a.jsonl: line 2, 4." in card


def test_the_example_in_the_recipe_is_a_recipe(tmp_path):
    import tool_data.recipe

    text = str(tool_data.recipe.__doc__).partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    recipe = read_recipe(tmp_path / "r.yaml")
    assert (recipe.sources[0].title, recipe.duplicates.rows_per_picture, recipe.heldout.limit) == ("simulated", 40, 0.6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sources: []", "sources: Tuple should have at least 1 item"),
        ("sources: [{file: a.jsonl}]", "sources.0.licence: Field required"),
        ("sources: [{file: a.jsonl, licence: x, weight: 0}]", "sources.0.weight: Input should be greater than 0"),
        ("sources: [{file: a.jsonl, licence: x}]\ncolour: red", "colour: Extra inputs are not permitted"),
        ("sources: [{file: a.jsonl, licence: x}, {file: b/a.jsonl, licence: x}]", "two sources are named 'a'"),
        ("sources: [{file: a.jsonl, licence: x}]\nsplits: {a: 0}", "divide nothing"),
        (
            "sources: [{file: a.jsonl, licence: x}]\nsplits: {../a: 1}",
            "a split is named '../a'; expected letters, digits",
        ),
        ("sources: [", "is no YAML"),
        ("just words", "the recipe: Input should be a valid dictionary"),
    ],
)
def test_a_recipe_that_is_amiss_is_told(tmp_path, text, told):
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        main([str(tmp_path / "r.yaml"), str(tmp_path / "out.jsonl")])
    assert told in str(error.value)


def test_what_cannot_be_mixed_is_bad_usage_and_leaves_nothing(sources):
    def refused(recipe, out="out.jsonl"):
        (sources / "r.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
        with pytest.raises(InputError) as error:
            main([str(sources / "r.yaml"), str(sources / out)])
        return str(error.value)

    assert "cannot be read: No such file" in refused({"sources": listed(zzz=1)})
    assert "is an input and the output; name another output" in refused({"sources": listed(a=1)}, "a.jsonl")
    assert "is there already; name another output, or add --force" in refused({"sources": listed(a=1)}, "b.jsonl")
    assert "is no .jsonl file; name the output OUT.jsonl" in refused({"sources": listed(a=1)}, "out.json")
    (sources / "bench.jsonl").write_text('{"question": "what?"}')
    told = refused({"sources": listed(a=1), "heldout": {"files": ["bench.jsonl"]}})
    assert "row 1 of the held-out " in told
    assert 'holds no request; expected a Trace, or an object with "request" or "requests"' in told
    assert {path.name for path in sources.iterdir()} == {
        "a.jsonl", "b.jsonl", "c.jsonl", "r.yaml", "bench.jsonl"
    }  # fmt: skip


def test_similar_sets_are_those_that_every_pair_compared_would_give():
    rng = random.Random(7)
    for limit in (0.3, 0.5, 0.8, 1.0):
        sets = [hashed(rng.sample(WORDS[:30], rng.randint(0, 12))) for _ in range(150)]
        for common in (None, counted(sets)):
            index = Similar(limit, common)
            for at, one in enumerate(sets):
                expected = next((n for n, other in enumerate(sets[:at]) if _jaccard(one, other) >= limit - 1e-9), None)
                assert index.near(one) == expected
                index.add(one)


def _jaccard(one, other):
    return len(one & other) / len(one | other) if one | other else 1.0


def test_sequences_are_every_three_words_in_a_row():
    assert sequences(["a", "b", "c", "d"]) == {"a b c", "b c d"}
    assert sequences(["a", "b"]) == {"a b"}
    assert all(len(sequences(list(map(str, range(n))))) == n - 2 for n in itertools.islice(itertools.count(3), 9))
