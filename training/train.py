"""`handeye train`: from tool-use data to a planner, one recipe a stage."""

import sys
from collections.abc import Sequence
from pathlib import Path

from agent.options import parser
from skills import InputError

from .sft.fine_tune import Told, fine_tune
from .sft.recipe import RECIPES, Embedded, read_recipe
from .sft.report import REFUSED


def main(argv: Sequence[str] | None = None) -> int:
    """Train a planner; see `handeye train --help`. Raises InputError, OSError."""
    recipes = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
    options = parser(
        "train",
        "RECIPE DATA.jsonl... --model CHECKPOINT --out DIR [--set key=value] [--resume] [--dry-run]",
        "Train a vision-language model on Traces (one a line, their pictures in DATA.store) and write a checkpoint\n"
        "that `handeye ask --planner DIR` loads. Only what the planner wrote is trained. Rows that are too long, hold\n"
        f"nothing of the planner's or lack a picture are refused and named in DIR/{REFUSED}. RECIPE is a .yaml file\n"
        f"or one of: {recipes}. `embedded` draws its data itself and starts from nothing, or from --model.",
    )
    options.add_argument("recipe", metavar="RECIPE")
    options.add_argument("data", nargs="*", type=Path, metavar="DATA.jsonl")
    options.add_argument("--model", default="", metavar="CHECKPOINT", help="folder or hub id to start from")
    options.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the result")
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    options.add_argument("--pictures", type=Path, metavar="DIR", help="where the pictures of imported data lie")
    options.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in DIR")
    options.add_argument("--dry-run", action="store_true", help="say what would be trained, and stop")
    args = options.parse_intermixed_args(argv)
    recipe = read_recipe(args.recipe, args.set)
    told = Told(tuple(args.data), args.model, args.out, args.pictures, args.resume, args.dry_run)
    return _embedded(recipe, told) if isinstance(recipe, Embedded) else fine_tune(recipe, told)


def _embedded(recipe: Embedded, told: Told) -> int:
    if told.data or told.resume:
        raise InputError("the recipe 'embedded' draws its data itself and cannot go on; leave out DATA and --resume")
    arguments = recipe.arguments(told.out, told.model or None)
    if told.dry:
        print(f"python -m training.planner {' '.join(arguments)}")
        return 0
    from .planner import main as train

    return train(arguments)


if __name__ == "__main__":
    from agent.cli import main as command

    raise SystemExit(command(["train", *sys.argv[1:]]))
