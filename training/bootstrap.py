"""The paired bootstrap: how far two planners differ on the same rows, and how easily chance alone does that."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 10_000
"""Resamples a difference is judged by."""

ALL = "all"
"""The group of all rows, resampled within each of the others."""


@dataclass(frozen=True)
class Difference:
    """How far two planners differ in one score of one group."""

    group: str
    """The rows' group, or "all"."""
    score: str
    """The score's name."""
    n: int
    """Rows for which the score arises with both planners."""
    a: float
    """Mean of the first planner over them."""
    b: float
    """Mean of the second."""
    difference: float
    """b - a."""
    low: float
    """2.5 % quantile of the resampled differences."""
    high: float
    """97.5 % quantile."""
    p: float
    """Two-sided p of no difference; at least 2 / (RESAMPLES + 1)."""


def differences(
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], scores: Sequence[str], seed: int = 0
) -> list[Difference]:
    """Return the differences of every group and of all rows, in each score that arises in one of their rows.

    `pairs` are (first, second) results of one row with "group" and the scores. Rows are drawn with replacement within
    their group (Efron and Tibshirani 1993, chapter 13); p inverts the percentile interval: twice the smaller share of
    resampled differences on either side of 0, 0 among them, one resample added to both counts (Davison and Hinkley
    1997). Each difference has a generator of its own: it does not depend on which others are asked for.
    """
    groups = list(dict.fromkeys(one["group"] for one, _ in pairs))
    told = [(name, [name]) for name in groups] + ([(ALL, groups)] if len(groups) > 1 else [])
    found = [_difference(name, strata, score, pairs, seed) for name, strata in told for score in scores]
    return [item for item in found if item is not None]


def _difference(
    name: str,
    strata: Sequence[str],
    score: str,
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    seed: int,
) -> Difference | None:
    known = [(one["group"], one[score], two[score]) for one, two in pairs if None not in (one[score], two[score])]
    parts = [np.array([(a, b) for group, a, b in known if group == stratum], float) for stratum in strata]
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    rows = np.concatenate(parts)
    a, b = rows.mean(axis=0)
    generator = np.random.default_rng([seed, zlib.crc32(f"{name} {score}".encode())])
    drawn = np.sum([_sums(part[:, 1] - part[:, 0], generator) for part in parts], axis=0) / len(rows)
    low, high = np.quantile(drawn, (0.025, 0.975))
    beyond = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p = min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1))
    return Difference(name, score, len(rows), float(a), float(b), float(b - a), float(low), float(high), float(p))


def _sums(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the sums of RESAMPLES samples of as many values with replacement, (RESAMPLES,) float64.

    How often each distinct value is drawn is multinomial: the same distribution as drawing rows, at a fraction of it.
    """
    distinct, times = np.unique(values, return_counts=True)
    drawn: np.ndarray = generator.multinomial(len(values), times / len(values), size=RESAMPLES) @ distinct
    return drawn


def table(found: Sequence[Difference], names: tuple[str, str]) -> str:
    """Return the differences as aligned lines; `names` are the planners'."""
    lines = [f"A: {names[0]}", f"B: {names[1]}", ""]
    lines.append(f"{'group':<14}{'score':<12}{'n':>5}{'A':>8}{'B':>8}{'B - A (95 %)':>28}{'p':>9}")
    for item in found:
        between = f"{item.difference:+.3f} ({item.low:+.3f} to {item.high:+.3f})"
        lines.append(
            f"{item.group:<14}{item.score:<12}{item.n:>5}{item.a:>8.3f}{item.b:>8.3f}{between:>28}{item.p:>9.4f}"
        )
    return "\n".join(lines)
