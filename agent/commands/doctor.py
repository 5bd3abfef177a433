"""`handeye doctor`: what works on this machine, and what mends the rest."""

from collections.abc import Sequence

from ..health import findings
from ..inventory import wrapped
from ..options import parser
from ..profile import read_profile
from ..show import clean


def main(argv: Sequence[str]) -> int:
    """Print every finding; 0 where the embedded profile can run. Raises InputError for a profile that is none."""
    options = parser("doctor", "[--profile NAME|FILE.toml]", "Say what works here and what mends the rest.")
    options.add_argument("--profile", default="embedded", metavar="NAME|FILE.toml", help="whose skills to look at")
    profile = read_profile(options.parse_args(argv).profile)
    from ..planners.llava import EMBEDDED

    broken = []
    for found in findings(EMBEDDED, profile):
        mark = "ok  " if found.ok else "FAIL" if found.needed else "-   "
        print("\n".join(wrapped(clean(found.state), " " * 10, f"{mark}  {found.part:<32}  ")), flush=True)
        if found.needed and not found.ok:
            broken.append(found.part)
    print(f"the embedded profile cannot run: {', '.join(broken)}" if broken else "the embedded profile can run")
    return 1 if broken else 0
