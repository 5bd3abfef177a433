"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which takes `path`'s name when the block ends; none is left where it raises."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)  # noqa: PTH105  (one step, also over a file that is there)
    finally:
        part.unlink(missing_ok=True)
