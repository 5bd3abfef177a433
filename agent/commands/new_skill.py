"""`handeye new-skill`: a skill and its test, ready to change."""

from collections.abc import Sequence
from pathlib import Path

from skills import InputError
from skills.registry import Registry

from ..options import parser
from ..scaffold import check_name, skill_text, test_text


def main(argv: Sequence[str]) -> int:
    """Write NAME.py and test_NAME.py into the current folder; raises InputError for a bad name or a file in the way."""
    options = parser("new-skill", "NAME", "Write NAME.py and test_NAME.py into the current folder.")
    options.add_argument("name", metavar="NAME")
    name = options.parse_args(argv).name
    files = {Path(f"{name}.py"): skill_text(name), Path(f"test_{name}.py"): test_text(name)}
    for path in files:
        if path.exists():
            raise InputError(f"{str(path)!r} exists and is not overwritten; choose another name or folder")
    check_name(name, Registry.load())
    for path, text in files.items():
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        print(f"wrote {path}")
    print(
        f"next: handeye check {name}.py; python -m pytest test_{name}.py; handeye run {name} a.jpg --skills {name}.py"
    )
    return 0
