"""`handeye doctor`: what works on this machine, and what mends the rest."""

from collections.abc import Sequence

from ..health import findings
from ..options import parser
from ..show import clean


def main(argv: Sequence[str]) -> int:
    """Print every finding; 0 where the embedded profile can run."""
    parser("doctor", "", "Say what works here and what mends the rest.").parse_args(argv)
    from ..planners.llava import EMBEDDED

    broken = []
    for found in findings(EMBEDDED):
        mark = "ok  " if found.ok else "FAIL" if found.needed else "-   "
        print(clean(f"{mark}  {found.part:<32}  {found.state}"), flush=True)
        if found.needed and not found.ok:
            broken.append(found.part)
    print(f"the embedded profile cannot run: {', '.join(broken)}" if broken else "the embedded profile can run")
    return 1 if broken else 0
