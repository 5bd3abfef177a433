"""`handeye ask`: one request, one answer."""

from collections.abc import Sequence
from pathlib import Path

from skills import InputError

from ..agent import Region
from ..options import Parser, common, make_agent, parser
from ..session import opened, output_options


def main(argv: Sequence[str]) -> int:
    """Answer one request; see `handeye ask --help`. Raises InputError, Bug, Stopped, OSError."""
    args = _parser().parse_intermixed_args(argv)
    *pictures, request = args.words
    if Path(request).is_file():
        raise InputError(f"the request is missing: {request!r} is a file; say what to do after the pictures")
    region = read_region(args.region) if args.region else None
    with opened(make_agent(args), args) as session:
        session.turn(request, pictures, region=region)
    return session.report()


def _parser() -> Parser:
    options = parser(
        "ask",
        '[PICTURE...] "request" [options]',
        "Answer one request about pictures (or none). The answer goes to stdout, the log to stderr.\n"
        "The trace is kept under $HANDEYE_HOME until `handeye forget` deletes it.",
    )
    options.add_argument("words", nargs="+", metavar="PICTURE... request", help="the last word is the request")
    options.add_argument("--region", metavar="x1,y1,x2,y2", help="what is meant: a box or a point x,y, 0-1")
    output_options(options)
    common(options)
    return options


def read_region(written: str) -> Region:
    """Return the numbers of "x1,y1,x2,y2" or "x,y"; raises InputError where they are none."""
    try:
        return [float(number) for number in written.split(",")]
    except ValueError:
        raise InputError(f"region {written!r} is no box; expected x1,y1,x2,y2 (or x,y) between 0 and 1") from None
