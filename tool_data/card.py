"""The card of a mix: what it holds, from where, under which licences, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.trace import Trace

from .recipe import Recipe
from .screen import Screened

SHOWN = 20
"""Damaged lines of a source that are named."""


@dataclass
class Mixed:
    """A mix as far as it is written."""

    recipe: Recipe
    """What was asked for."""
    screened: Sequence[Screened]
    """The sources with what was left out of each."""
    heldout: int
    """Held-out requests compared with."""
    paths: Mapping[str, Path]
    """Split -> file; "" where there are no splits."""
    drawn: Counter[tuple[int, str]] = field(default_factory=Counter)
    """(source, split) -> rows written."""
    turns: Counter[str] = field(default_factory=Counter)
    """Split -> turns written."""
    calls: Counter[str] = field(default_factory=Counter)
    """Skill -> calls written."""

    @property
    def rows(self) -> int:
        """Rows written."""
        return self.drawn.total()

    def count(self, trace: Trace, source: int, split: str) -> None:
        """Count a row that was written."""
        self.drawn[source, split] += 1
        self.turns[split] += len(trace.turns)
        self.calls.update(c.name for turn in trace.turns for step in turn.steps for c in step.output.calls)


def card(mixed: Mixed, out: Path) -> str:
    """Return the card as Markdown."""
    licences = sorted({item.source.licence for item in mixed.screened})
    lead = f"{mixed.rows} rows (one Trace a line) of {len(mixed.screened)} sources; licences: {', '.join(licences)}."
    parts = [f"# {out.stem}", lead, _sources(mixed), _splits(mixed), _removed(mixed), _rules(mixed), _calls(mixed)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sources(mixed: Mixed) -> str:
    rows = []
    for at, item in enumerate(mixed.screened):
        source, used = item.source, sum(count for (one, _), count in mixed.drawn.items() if one == at)
        share = f"{used / mixed.rows:.1%}" if mixed.rows else "-"
        seed = mixed.recipe.seed if source.seed is None else source.seed
        rows.append((
            source.title, source.file, source.licence, source.about or "-", item.read, len(item.kept),
            f"{source.weight:g}", source.repeat, seed, used, share,
        ))  # fmt: skip
    head = ("source", "file", "licence", "about", "read", "kept", "weight", "repeat", "seed", "written", "share")
    return f"## Sources\n\n{table(head, rows)}"


def _splits(mixed: Mixed) -> str:
    total, shares = sum(mixed.recipe.splits.values()), mixed.recipe.splits
    rows = []
    for name, path in mixed.paths.items():
        count = sum(rows for (_, split), rows in mixed.drawn.items() if split == name)
        asked = f"{shares[name] / total:.1%}" if shares else "-"
        got = f"{count / mixed.rows:.1%}" if mixed.rows else "-"
        rows.append((name or "(all)", path.name, asked, got, count, mixed.turns[name]))
    told = "" if not shares else "\n\nA row's split follows from its pictures' hashes, else from its words, alone."
    return f"## Splits\n\n{table(('split', 'file', 'asked', 'got', 'rows', 'turns'), rows)}{told}"


def _removed(mixed: Mixed) -> str:
    rows = [
        (item.source.title, why, count) for item in mixed.screened for why, count in sorted(item.left_out.items())
    ]  # fmt: skip
    lines = ["## Left out", "", table(("source", "why", "rows"), rows) if rows else "Nothing."]
    for item in mixed.screened:
        if item.damaged:
            more = f" and {len(item.damaged) - SHOWN} more" if len(item.damaged) > SHOWN else ""
            lines += ["", f"No Trace in {item.source.file}: line {', '.join(map(str, item.damaged[:SHOWN]))}{more}."]
    return "\n".join(lines)


def _rules(mixed: Mixed) -> str:
    recipe, rules = mixed.recipe, mixed.recipe.duplicates
    texts = [
        f"seed {recipe.seed}; at most {recipe.rows or 'all'} rows; until {recipe.until} of the sources is used up",
        f"near-duplicate text from a Jaccard of {rules.text or '-'} on",
        f"near-duplicate text on the same picture from a Jaccard of {rules.text_on_same_picture or '-'} on",
        f"rows with one picture: at most {rules.rows_per_picture or 'all'}",
        f"held out: {', '.join(recipe.heldout.files) or 'nothing'} ({mixed.heldout} requests), left out from a Jaccard "
        f"of {recipe.heldout.limit}",
    ]
    return "## Rules\n\n" + "\n".join(f"- {text}" for text in texts)


def _calls(mixed: Mixed) -> str:
    if not mixed.calls:
        return ""
    rows = sorted(mixed.calls.items(), key=lambda item: (-item[1], item[0]))
    return f"## Calls\n\n{table(('skill', 'calls'), rows)}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; bars in cells are escaped, line breaks are spaces."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
