"""`handeye data validate`: what is wrong with the rows of tool-use data, each with its number.

A row is a Trace on a line of FILE.jsonl; its payloads lie in FILE.store. Simulated rows (`meta.planner` is
"simulated") have no payloads and unexpanded answers by their nature; see `tool_data.checks.row.is_simulated`.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from agent.options import parser
from agent.saved import store_of
from agent.show import cut
from agent.trace import Trace
from skills.registry import AnySkill, Registry
from skills.store import Store

from .checks.answers import answer_faults
from .checks.calls import call_faults
from .checks.observations import observation_faults
from .checks.row import Row, is_simulated
from .checks.values import value_faults
from .jsonl import lines

CHECKS = (answer_faults, call_faults, observation_faults, value_faults)
"""Every check of a row."""


def faults(trace: Trace, skills: Iterable[AnySkill], store: Store | None = None) -> list[str]:
    """Return what is wrong with a row, one line each; an empty list where it is fine.

    `skills` are those whose schemas are known; `store` holds the payloads, None leaves them unread.
    """
    row = Row(trace, {skill.name: skill for skill in skills}, None if is_simulated(trace) else store)
    return list(dict.fromkeys(fault for check in CHECKS for fault in check(row)))


def file_faults(path: Path, skills: Sequence[AnySkill]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, faults) of each row of a file, fine ones with an empty list; raises InputError without it."""
    store = Store(store_of(path))
    used: dict[int, int] = {}
    for line in lines(path):
        if line.trace is None:
            yield line.number, [line.problem]
            continue
        found = faults(line.trace, skills, store)
        first = used.setdefault(hash(line.trace.id), line.number)
        if first != line.number:
            found.append(f"its id {line.trace.id!r} is that of row {first}; ids are used once in a file")
        yield line.number, found


def main(argv: Sequence[str]) -> int:
    """Print the faults of files as FILE:ROW: FAULT; 0 where there are none, 1 where there are. Raises InputError."""
    options = parser("data validate", "FILE... [--skills FILE.py]", "Name what is wrong with rows of tool-use data.")
    options.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Traces, one a line (.jsonl)")
    options.add_argument("--skills", action="append", default=[], type=Path, metavar="FILE.py", help="add skills")
    args = options.parse_args(argv)
    skills = Registry.load(args.skills).offer()
    rows = faulty = count = 0
    for path in args.files:
        for number, found in file_faults(path, skills):
            rows, faulty, count = rows + 1, faulty + bool(found), count + len(found)
            for fault in found:
                print(cut(f"{path}:{number}: {fault}"))
    print(f"{rows} rows read, {faulty} of them with faults" + (f" ({count} in all)" if count else ""))
    return 1 if faulty else 0
