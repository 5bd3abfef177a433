"""`handeye check`: whether a file of skills is fine, and what comes of a first run."""

from collections.abc import Sequence
from pathlib import Path

from skills import InputError
from skills.registry import Registry, load_file

from ..options import parser
from ..show import clean
from ..trial import check


def main(argv: Sequence[str]) -> int:
    """Check every skill of a file; 0 where all are fine, 1 where one is not. Raises InputError for a missing file."""
    options = parser("check", "FILE.py", "Check a file of skills and run each once on a small made-up picture.")
    options.add_argument("file", type=Path, metavar="FILE.py")
    path = options.parse_args(argv).file
    if not path.is_file():
        raise InputError(f"no skill file at {str(path)!r}; `handeye new-skill NAME` writes one")
    try:
        found = load_file(path)
    except InputError as error:
        print(f"problem: {error}")
        return 1
    built_in = Registry.load()
    results = {item.signature: check(item, built_in) for item in found}
    for signature, result in results.items():
        print(f"{signature}: {'not fine' if result.problems else 'fine'}")
        for line in (*(f"problem: {problem}" for problem in result.problems), result.tried, result.described):
            if line:
                print(f"  {clean(line)}")
    return 1 if any(result.problems for result in results.values()) else 0
