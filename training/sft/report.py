"""What is said before the first step: rows refused, parameters that move, steps, memory."""

import json
import sys
from pathlib import Path
from typing import Any

from agent.home import human
from agent.show import clean
from tool_data.whole import whole

from . import estimate, parts
from .plan import Plan
from .recipe import Recipe
from .rows import Rows

SHOWN = 3
"""Refused rows that are named on stderr; the report names all."""

REFUSED = "refused.jsonl"
"""The report of refused rows in the output's folder."""


def report(rows: Rows, out: Path | None) -> None:
    """Say how many rows are trained on and which are refused; write them all to a report in `out`, where it is told."""
    count = len(rows.samples) + len(rows.refused)
    print(f"{count} rows read, {len(rows.samples)} trained on, {len(rows.refused)} refused", file=sys.stderr)
    for row, why in rows.refused[:SHOWN]:
        print(clean(f"  {row}: {why}"), file=sys.stderr)
    if len(rows.refused) > SHOWN:
        where = f"; {out / REFUSED} names all" if out else ""
        print(f"  and {len(rows.refused) - SHOWN} more{where}", file=sys.stderr)
    if out:
        lines = [json.dumps({"row": row, "reason": why}, ensure_ascii=False) for row, why in rows.refused]
        with whole(out / REFUSED) as part:
            part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="backslashreplace")


def announce(model: Any, recipe: Recipe, plan: Plan, rows: Rows, *, half: bool) -> None:
    """Say what moves, how many steps that takes and how much memory, about."""
    groups = plan.epoch(0)
    tokens, supervised = max(
        (sum(len(rows.samples[at].ids) for at in group), sum(rows.samples[at].supervised for at in group))
        for group in groups
    )
    need = estimate.need(model, recipe, tokens, supervised, half=half)
    kind = f"packs of up to {recipe.pack} tokens" if plan.packed else f"batches of up to {recipe.batch} samples"
    total, trained = sum(plan.lengths), sum(sample.supervised for sample in rows.samples)
    print(parts.told(model), file=sys.stderr)
    print(
        f"{len(groups)} {kind} an epoch, {plan.steps} steps; {trained:,} of {total:,} tokens trained", file=sys.stderr
    )
    free = estimate.available()
    print(f"{need}; {human(free)} free", file=sys.stderr)
    if need.total > free:
        print(f"that is more than is free: {estimate.smaller(recipe)}", file=sys.stderr)
