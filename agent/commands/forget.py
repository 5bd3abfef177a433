"""`handeye forget`: delete kept traces with their pictures."""

from collections.abc import Sequence

from skills import InputError

from ..home import Kept, delete, home, human, kept, older, trace_folder
from ..options import parser


def main(argv: Sequence[str]) -> int:
    """Delete kept traces and say which; raises InputError where nothing or too much is named."""
    options = parser("forget", "TRACE_ID | --older 30d | --all", "Delete traces kept under $HANDEYE_HOME.")
    options.add_argument("trace", nargs="?", metavar="TRACE_ID")
    options.add_argument("--older", metavar="AGE", help="those last written longer ago: 30d, 12h, 2w")
    options.add_argument("--all", action="store_true", help="every one")
    args = options.parse_args(argv)
    if sum((args.trace is not None, args.older is not None, args.all)) != 1:
        raise InputError("say what to forget: one of TRACE_ID, --older 30d, --all")
    chosen = _chosen(args.trace, args.older)
    for item in chosen:
        delete(item)
        print(f"deleted {item.id} ({human(item.size)})")
    if not chosen:
        print(f"nothing to delete under {str(home())!r}")
    return 0


def _chosen(trace_id: str | None, age: str | None) -> list[Kept]:
    items = kept()
    if age is not None:
        return older(items, age)
    if trace_id is None:
        return items
    folder = trace_folder(trace_id)
    found = [item for item in items if item.folder == folder]
    if not found:
        raise InputError(f"no trace {trace_id!r} is kept under {str(home())!r}; `handeye doctor` says how many are")
    return found
