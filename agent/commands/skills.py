"""`handeye skills`: the table of skills, or one skill in full."""

import json
from collections.abc import Sequence

from skills.spec import Skill

from ..agent import Agent
from ..options import common, make_agent, parser


def main(argv: Sequence[str]) -> int:
    """List the skills on offer, or show one; raises InputError for a name that is none."""
    options = parser("skills", "[NAME] [options]", "List the skills on offer, or show one: schema, examples, needs.")
    options.add_argument("name", nargs="?", metavar="NAME")
    common(options)
    args = options.parse_args(argv)
    agent = make_agent(args)
    print(_one(agent.registry.get(args.name)) if args.name else _table(agent))
    return 0


def _table(agent: Agent) -> str:
    rows = [("NAME", "ARGUMENTS", "DESCRIPTION", "HERE")]
    for item in agent.offer:
        arguments = item.signature.removeprefix(f"{item.name}(").removesuffix(")")
        rows.append((item.name, arguments, item.description, item.unavailable() or "yes"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def _one(item: Skill[..., object]) -> str:
    lines = [
        item.signature,
        item.description,
        f"source: {item.source}",
        f"here: {item.unavailable() or 'yes'}",
        f"needs: {', '.join(item.needs) or 'nothing beyond handeye'}",
        f"effects: {item.effects or 'none'}",
        "examples:",
        *(f"  {example}" for example in item.examples),
        "schema:",
        json.dumps(item.schema, indent=2, ensure_ascii=False),
    ]
    return "\n".join(lines)
