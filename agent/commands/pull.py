"""`handeye pull`: fetch the checkpoints a profile names; nothing is ever downloaded without it."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from skills import InputError
from skills.checkpoint import Checkpoint

from ..agent import Agent
from ..fetch import fetch
from ..home import human
from ..options import common, make_agent, parser


def main(argv: Sequence[str]) -> int:
    """Fetch what skills need; see `handeye pull --help`. Raises InputError for a name that is no skill."""
    options = parser("pull", "[SKILL ...] [options]", "Fetch the checkpoints of a profile's skills, listed first.")
    options.add_argument("names", nargs="*", metavar="SKILL", help="skills to fetch for (default: all of the profile)")
    options.add_argument("--yes", action="store_true", help="do not ask")
    options.add_argument(
        "--from",
        dest="source",
        default="",
        metavar="FOLDER|URL",
        help="a folder, a plain server or a mirror of the hub that has them, in place of the hub and other servers",
    )
    common(options)
    args = options.parse_args(argv)
    missing = _missing(make_agent(args), args.names)
    if not missing:
        print("nothing to fetch: every checkpoint of these skills is here")
        return 0
    if args.source and "://" not in args.source and not Path(args.source).expanduser().is_dir():
        raise InputError(f"--from {args.source!r} is no folder; expected one, or a URL with http:// or https://")
    for name, checkpoint in missing:
        print(_line(name, checkpoint))
    print(_whole(missing, args.source))
    if not args.yes and not _agreed():
        print("nothing was fetched")
        return 1
    for _, checkpoint in missing:
        print(_done(checkpoint, fetch(checkpoint, args.source)))
    return 0


def _missing(agent: Agent, names: Sequence[str]) -> list[tuple[str, Checkpoint]]:
    """Return (skill, checkpoint) for each that is not on this machine, each checkpoint once."""
    found: dict[str, tuple[str, Checkpoint]] = {}
    for item in [agent.registry.get(name) for name in names] or list(agent.registry):
        for checkpoint in item.chosen.checkpoints if item.chosen else ():
            if checkpoint.path() is None:
                found.setdefault(f"{checkpoint.id}@{checkpoint.revision}", (item.name, checkpoint))
    return list(found.values())


def _line(name: str, checkpoint: Checkpoint) -> str:
    size = human(checkpoint.size) if checkpoint.size else "size unknown"
    pinned = "" if checkpoint.pinned else "; not pinned, what it is may change"
    return f"{name}: {checkpoint.id} ({checkpoint.revision}), {size}, licence {checkpoint.licence}{pinned}"


def _whole(missing: Sequence[tuple[str, Checkpoint]], source: str) -> str:
    """Return how much it is in all, and where it comes from."""
    total = sum(checkpoint.size for _, checkpoint in missing)
    known = all(checkpoint.size for _, checkpoint in missing)
    size = human(total) if known else f"more than {human(total)}" if total else "size unknown"
    return f"{len(missing)} in all, {size}" + (f", from {source}" if source else "")


def _done(checkpoint: Checkpoint, path: Path) -> str:
    """Return where a checkpoint lies now, and the commit to pin where it was fetched by a name that may move."""
    commit = path.name if re.fullmatch(r"[0-9a-f]{40}", path.name) else ""
    pin = f'; to pin it: revision = "{commit}"' if commit and commit != checkpoint.revision else ""
    return f"{checkpoint.id} -> {path}{pin}"


def _agreed() -> bool:
    """Ask; raises InputError where nobody can answer."""
    if not sys.stdin.isatty():
        raise InputError("nobody is here to be asked; add --yes to fetch what is listed")
    return input("fetch these? [y/N] ").strip().lower() in ("y", "yes")
