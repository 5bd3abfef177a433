"""The paired bootstrap: what it is against rows drawn one by one, against chance, and within groups."""

import numpy as np
import pytest

from training.bootstrap import RESAMPLES, differences, table


def pairs(a, b, group="g"):
    return [({"group": group, "s": x}, {"group": group, "s": y}) for x, y in zip(a, b, strict=True)]


def test_intervals_are_those_of_drawing_rows():
    rng = np.random.default_rng(3)
    a, b = rng.random(40) < 0.5, rng.random(40) < 0.7
    [found] = differences(pairs(a.tolist(), b.tolist()), ["s"])
    delta = b.astype(float) - a
    drawn = delta[rng.integers(0, 40, (RESAMPLES, 40))].mean(axis=1)
    assert (found.a, found.b, found.n) == (pytest.approx(a.mean()), pytest.approx(b.mean()), 40)
    assert [found.low, found.high] == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.026)
    assert found.p == pytest.approx(2 * min((drawn <= 0).mean(), (drawn >= 0).mean()), abs=0.03)


def test_chance_alone_is_called_a_difference_one_time_in_twenty():
    """300 pairs of equal planners; of 300 draws at 0.05, fewer than 5 or more than 30 are a false alarm in 1,000."""
    rng = np.random.default_rng(0)
    called = 0
    for seed in range(300):
        a, b = (rng.random((2, 120)) < 0.5).tolist()
        called += differences(pairs(a, b), ["s"], seed)[0].p < 0.05
    assert 5 <= called <= 30


def test_pairing_finds_what_two_intervals_would_not():
    """20 of 200 rows better, none worse."""
    a = [i % 2 for i in range(200)]
    b = [1 if i % 10 == 0 else x for i, x in enumerate(a)]
    [found] = differences(pairs(a, b), ["s"])
    assert found.difference == pytest.approx(0.1)
    assert 0.05 < found.low < found.high < 0.15
    assert found.p == pytest.approx(2 / (RESAMPLES + 1))


def test_all_rows_are_drawn_within_their_groups():
    """Each group is one-sided and without spread: drawing within groups leaves none, drawing over all would."""
    told = pairs([0] * 10, [1] * 10, "up") + pairs([1] * 10, [0] * 10, "down")
    up, down, both = differences(told, ["s"])
    assert (up.difference, down.difference) == (1, -1)
    assert (both.group, both.n, both.difference, both.low, both.high, both.p) == ("all", 20, 0, 0, 0, 1)


def test_a_score_counts_where_it_arises_with_both():
    [found] = differences(pairs([None, 1, 0, None], [1, 1, None, None]), ["s"])
    assert found.n == 1
    assert differences(pairs([None], [1]), ["s"]) == []


def test_a_difference_does_not_hang_on_what_else_is_asked():
    rng = np.random.default_rng(1)
    one, other = (rng.random((2, 30)) < 0.5).tolist()
    alone = differences(pairs(one, other, "x"), ["s"], seed=4)[0]
    among = differences(pairs(one[::-1], other, "w") + pairs(one, other, "x"), ["s"], seed=4)
    assert alone == among[1]
    assert differences(pairs(one, other, "x"), ["s"], seed=5)[0] != alone


def test_the_table_names_both_and_holds_every_difference():
    lines = table(differences(pairs([0, 1, 0, 1], [1, 1, 0, 1]), ["s"]), ("old", "new")).splitlines()
    assert lines[:2] == ["A: old", "B: new"]
    assert lines[-1].split()[:6] == ["g", "s", "4", "0.500", "0.750", "+0.250"]
