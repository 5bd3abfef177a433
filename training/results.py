"""Results of an evaluation, one row a line: what `--save` writes and `--compare` reads."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.score import Scored
from agent.score_answer import Answered
from skills import InputError
from tool_data.counted import output
from tool_data.formats.base import rows

Result = Mapping[str, Any]
"""A row's scores: the fields of Scored and Answered. A score that does not arise for a row is None."""

SCORES = ("first_call", "exact", "invalid", "cited", "reported", "language", "digits")
"""The scores of a planner's row. `invalid` and `digits` are counts, less is better; of the others True is better."""


def result(scored: Scored, answered: Answered) -> Result:
    """Return one row's result."""
    return {**vars(scored), **vars(answered)}


def save(path: Path, results: Iterable[Result], force: bool) -> None:
    """Write results, whole or not at all; raises InputError where the file is there already and not `force`."""
    with output(path, [], force) as file:
        file.writelines(line(item) + "\n" for item in results)


def line(item: Result) -> str:
    """Return a result as a line of JSON."""
    return json.dumps(dict(item), ensure_ascii=False)


def load(path: Path) -> list[Result]:
    """Return what `save` wrote; raises InputError where a row is no result or an id stands twice."""
    found: dict[str, Result] = {}
    for number, row in enumerate(rows(path), start=1):
        if (problem := _problem(row)) or row["id"] in found:
            why = problem or f"its id {row['id']!r} stands twice"
            raise InputError(f"row {number} of {str(path)!r} is no result: {why}; expected what --save wrote")
        found[row["id"]] = row
    if not found:
        raise InputError(f"{str(path)!r} holds no results; expected what --save wrote")
    return list(found.values())


def _problem(row: Any) -> str:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("id", "group")):
        return "it has no 'id' and 'group'"
    for name in SCORES:
        value = row.get(name, "")
        if value is not None and not (isinstance(value, bool | int | float) and math.isfinite(value)):
            return f"its {name!r} is {value!r}" if name in row else f"it has no {name!r}"
    return ""


def paired(one: Sequence[Result], other: Sequence[Result], names: tuple[str, str]) -> list[tuple[Result, Result]]:
    """Return the results of equal rows, in the order of `one`.

    Raises InputError, which calls the two by `names`, where a row is only in one, or in another group.
    """
    table = {item["id"]: item for item in other}
    ids = {item["id"] for item in one}
    for here, there, lacking in ((ids, table.keys(), names[1]), (table.keys(), ids, names[0])):
        if missing := sorted(here - there):
            raise InputError(
                f"{lacking!r} has no result of row {missing[0]!r} ({len(missing)} rows are missing); "
                "compare results on the same rows (--set, --limit)"
            )
    for item in one:
        if item["group"] != table[item["id"]]["group"]:
            raise InputError(f"row {item['id']!r} is in two groups; compare results on the same rows")
    return [(item, table[item["id"]]) for item in one]
