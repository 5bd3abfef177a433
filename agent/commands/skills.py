"""`handeye skills`: the table of skills, or one skill in full."""

import json
from collections.abc import Sequence

from skills.spec import Skill

from ..inventory import table
from ..options import common, make_agent, parser


def main(argv: Sequence[str]) -> int:
    """List the skills on offer, or show one; raises InputError for a name that is none."""
    options = parser("skills", "[NAME] [options]", "List the skills on offer, or show one: schema, examples, needs.")
    options.add_argument("name", nargs="?", metavar="NAME")
    common(options)
    args = options.parse_args(argv)
    agent = make_agent(args)
    print(_one(agent.registry.get(args.name)) if args.name else table(agent.offer))
    return 0


def _models(item: Skill[..., object]) -> list[str]:
    """Return what a profile may choose, and what it has chosen with its settings."""
    if item.chosen is None:
        return []
    names = ", ".join(one.name for one in item.implementations)
    lines = [f"implementation: {item.chosen.implementation.name} (of {names})"]
    for checkpoint in item.chosen.checkpoints:
        lines.append(f"checkpoint: {checkpoint.id} ({checkpoint.revision}), licence {checkpoint.licence}")
    settings = ", ".join(f"{name} = {value!r}" for name, value in item.chosen.settings.items())
    return [*lines, *([f"settings: {settings}"] if settings else [])]


def _one(item: Skill[..., object]) -> str:
    lines = [
        item.signature,
        item.description,
        f"source: {item.source}",
        f"here: {item.unavailable() or 'yes'}",
        *_models(item),
        f"needs: {', '.join(item.needs) or 'nothing beyond handeye'}",
        f"effects: {item.effects or 'none'}",
        "examples:",
        *(f"  {example}" for example in item.examples),
        "schema:",
        json.dumps(item.schema, indent=2, ensure_ascii=False),
    ]
    return "\n".join(lines)
