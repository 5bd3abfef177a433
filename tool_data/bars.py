"""A page of bar charts in one file: HTML with inline SVG, no script, nothing fetched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

SHOWN = 40
"""Bars of a chart; what is less is one bar."""

_ROW, _LABEL, _BAR, _WIDTH = 22, 210, 380, 720
"""Height of a bar's row, places and widths in the chart's units."""

_LONGEST = 30
"""Characters of a label."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 13px; fill: currentColor; }
rect { fill: #3b7dd8; } table { border-collapse: collapse; } td { padding: 0 1.5rem 0 0; }
td + td { text-align: right; font-variant-numeric: tabular-nums; } p { margin: 0.2rem 0 0.6rem; opacity: 0.8; }
"""


@dataclass(frozen=True)
class Chart:
    """One chart."""

    title: str
    """Its heading."""
    counts: Mapping[str, int]
    """Label -> length of its bar, not negative."""
    told: str = ""
    """A line below the heading: what is counted."""
    ranked: bool = True
    """Longest first; otherwise in the order given."""


def page(title: str, facts: Sequence[tuple[str, str]], charts: Sequence[Chart]) -> str:
    """Return the page: a table of facts, then the charts that have a bar."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts)
    shown = "".join(_section(chart) for chart in charts if chart.counts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n<table>{rows}</table>\n{shown}</body></html>\n"
    )


def _section(chart: Chart) -> str:
    told = f"<p>{escape(chart.told)}</p>" if chart.told else ""
    return f"<h2>{escape(chart.title)}</h2>{told}\n{bars(chart.counts, chart.title, ranked=chart.ranked)}\n"


def bars(counts: Mapping[str, int], title: str, *, ranked: bool = True) -> str:
    """Return an SVG with a horizontal bar, its number and its share for each count."""
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0])) if ranked else list(counts.items())
    if len(rows) > SHOWN:
        rest = rows[SHOWN - 1 :]
        rows = [*rows[: SHOWN - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
    longest, total = max([1, *(count for _, count in rows)]), max(1, sum(counts.values()))
    drawn = "".join(_bar(at, *row, longest, total) for at, row in enumerate(rows))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_ROW * len(rows)}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{drawn}</svg>"
    )


def _bar(at: int, label: str, count: int, longest: int, total: int) -> str:
    top, width = at * _ROW, _BAR * count / longest
    short = label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "\u2026"
    return (
        f'<text x="{_LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(short)}<title>{escape(label)}</title></text>'
        f'<rect x="{_LABEL}" y="{top + 3}" width="{width:.1f}" height="{_ROW - 6}" rx="2"/>'
        f'<text x="{_LABEL + width + 6:.1f}" y="{top + 15}">{count:,} ({count / total:.1%})</text>'
    )
