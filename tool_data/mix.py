"""`handeye data mix`: several files of Traces become one, as a recipe says (`tool_data.recipe`), with a card.

Every source is read twice: once to see what is left out, then in the order drawn; one row is in memory at a time.
Without splits all rows are written to OUT.jsonl; with splits the first split is, the others are OUT.NAME.jsonl. Beside
each lies its store with the payloads of its rows. Equal recipes and sources give equal files.
"""

import random
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from agent.options import parser
from agent.saved import store_of
from agent.trace import Trace
from skills import InputError
from skills.store import HASH, Store

from .card import Mixed, card
from .checks.row import is_simulated
from .counted import output
from .jsonl import at
from .recipe import Recipe, read_recipe
from .screen import Screened, screen
from .split import split_of

LOST = "a payload is missing or damaged"
"""Why a row is left out whose payloads cannot be copied."""


def draw(screened: Sequence[Screened], recipe: Recipe) -> Iterator[tuple[int, int]]:
    """Yield (source, byte its row begins at) in the mix's order.

    Each time a source is drawn by its weight; its rows come in a shuffled order, shuffled anew for each repeat.
    """
    rng = random.Random(recipe.seed)
    left = {at: _shuffled(item, recipe.seed) for at, item in enumerate(screened) if item.kept}
    ended = len(left) < len(screened)
    while left and not (ended and recipe.until == "first"):
        (source,) = rng.choices(list(left), [screened[at].source.weight for at in left])
        start = next(left[source], None)
        if start is None:
            del left[source]
            ended = True
        else:
            yield source, start


def _shuffled(item: Screened, seed: int) -> Iterator[int]:
    rng = random.Random(f"{item.source.seed if item.source.seed is not None else seed} {item.source.title}")
    for _ in range(item.source.repeat):
        order = array("Q", item.kept)
        rng.shuffle(order)
        yield from order


def paths_of(out: Path, splits: Mapping[str, float]) -> dict[str, Path]:
    """Return split -> file: the first is OUT.jsonl, the others OUT.NAME.jsonl; "" -> OUT.jsonl without splits."""
    names = list(splits) or [""]
    return {name: out if at == 0 else out.with_suffix(f".{name}{out.suffix}") for at, name in enumerate(names)}


def mix(recipe: Recipe, folder: Path, out: Path, *, force: bool = False) -> Mixed:
    """Write a mix of sources that lie below `folder`; return what was done. Files appear whole or not at all.

    Raises InputError for a source that cannot be read, and for an output that is one or that is there already and not
    `force`; OSError where the disk is full.
    """
    paths = paths_of(out, recipe.splits)
    inputs = [folder / name for name in (*(source.file for source in recipe.sources), *recipe.heldout.files)]
    with ExitStack() as stack:
        files = {name: stack.enter_context(output(path, inputs, force)) for name, path in paths.items()}
        page = stack.enter_context(output(out.with_suffix(".md"), inputs, force))
        screened, heldout = screen(recipe, folder)
        mixed = Mixed(recipe, screened, heldout, paths)
        _write(mixed, files)
        page.write(card(mixed, out))
    return mixed


def _write(mixed: Mixed, files: Mapping[str, TextIO]) -> None:
    """Write the rows drawn, each with its payloads; a row whose payloads are damaged is left out and counted."""
    from tqdm import tqdm

    recipe, used = mixed.recipe, Counter[int]()
    stores = {name: Store(store_of(path)) for name, path in mixed.paths.items()}
    total = recipe.rows or sum(len(item.kept) * item.source.repeat for item in mixed.screened)
    with tqdm(total=total, unit="row", desc="mix", disable=None, leave=False) as bar:
        for source, start in draw(mixed.screened, recipe):
            item = mixed.screened[source]
            trace = at(item.path, start)
            split = split_of(trace, recipe.splits) if recipe.splits else ""
            if not _copied(trace, Store(store_of(item.path)), stores[split]):
                item.left_out[LOST] += 1
                continue
            files[split].write(_named(trace, used).to_json() + "\n")
            mixed.count(trace, source, split)
            bar.update()
            if mixed.rows == recipe.rows:
                return


def _named(trace: Trace, used: Counter[int]) -> Trace:
    """Return a row under an id that the mix does not hold yet: "ID~2" for the second of that name."""
    used[hash(trace.id)] += 1
    count = used[hash(trace.id)]
    return trace if count == 1 else _named(trace.model_copy(update={"id": f"{trace.id}~{count}"}), used)


def _copied(trace: Trace, source: Store, target: Store) -> bool:
    """Copy a row's payloads; return False where one is missing or damaged. Simulated rows have none."""
    digests = {} if is_simulated(trace) else {record.sha256: None for record in trace.artifacts.values()}
    for digest in digests:
        if digest and not HASH.fullmatch(digest):
            return False
        if not digest or target.path(digest).exists():
            continue
        try:
            payload = source.payload(digest)
        except (KeyError, OSError):
            return False
        target.keep(digest, payload)
    return True


def main(argv: Sequence[str]) -> int:
    """Mix as a recipe says; print what was done. Raises InputError."""
    options = parser(
        "data mix", "RECIPE.yaml OUT.jsonl [--force]", "Mix files of tool-use data and write a card about it."
    )
    options.add_argument("recipe", type=Path, metavar="RECIPE.yaml", help="what to mix (tool_data/recipe.py)")
    options.add_argument("out", type=Path, metavar="OUT.jsonl", help="where to; the card is OUT.md")
    options.add_argument("--force", action="store_true", help="replace an output that is there already")
    args = options.parse_args(argv)
    if args.out.suffix != ".jsonl":
        raise InputError(f"{str(args.out)!r} is no .jsonl file; name the output OUT.jsonl")
    mixed = mix(read_recipe(args.recipe), args.recipe.parent, args.out, force=args.force)
    print(f"{mixed.rows} rows written to {', '.join(map(str, mixed.paths.values()))}; {args.out.with_suffix('.md')}")
    return 0
