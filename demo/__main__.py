"""`python -m demo`: open the chat; the same as `handeye demo`."""

import sys

from agent.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
