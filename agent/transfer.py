"""One file from a URL or a disk to its place: resumed, checked, and moved there once it is whole."""

import errno
import os
import shutil
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from skills import InputError
from skills.checkpoint import check_sha256

from .home import human

_CHUNK = 1 << 18
_PATIENCE = 60.0
_SPARE = 1 << 26
"""Bytes that stay free on a disk."""


def download(url: str, kept: Path, sha256: str = "") -> Path:
    """Fetch a file from a URL and return its place, `kept`.

    A transfer that broke off goes on where it stopped, if a hash is pinned (without one nothing tells the rest of the
    file from the rest of another). Raises InputError where it cannot be fetched, the disk is full or the hash differs.
    """
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f"{kept.name}.part")
    if not sha256:
        partial.unlink(missing_ok=True)
    try:
        _receive(url, partial)
    except urllib.error.HTTPError as error:
        raise InputError(f"{url!r} cannot be fetched: {error}; correct the URL or try later") from None
    except (OSError, HTTPException) as error:
        _refuse_full(error, partial)
        rest = "the next pull goes on where it stopped" if sha256 and partial.is_file() else "try again later"
        raise InputError(f"{url!r} broke off: {error}; {rest}") from None
    return _placed(partial, kept, sha256)


def copy(source: Path, kept: Path, sha256: str = "") -> Path:
    """Copy a file from a disk and return its place; raises InputError like `download`."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f"{kept.name}.part")
    size = source.stat().st_size
    ensure_room(kept.parent, size)
    try:
        with source.open("rb") as read, partial.open("wb") as file, _bar(size, 0, kept.name) as bar:
            while chunk := read.read(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    except OSError as error:
        _refuse_full(error, partial)
        raise InputError(f"{str(source)!r} cannot be copied: {error.strerror or error}; try again") from None
    return _placed(partial, kept, sha256)


def ensure_room(folder: Path, size: int) -> None:
    """Raise InputError where the disk of a folder (it need not exist yet) has no room for `size` bytes more."""
    here = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(here).free - _SPARE
    if size > free:
        raise InputError(
            f"{human(size)} are to be written and {human(max(0, free))} are free at {str(here)!r}; "
            "free space, or set HANDEYE_HOME and HF_HOME to another disk"
        )


def _refuse_full(error: Exception, partial: Path) -> None:
    """Raise InputError where an error says that the disk is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise InputError(
            f"the disk is full, {str(partial)!r} could not be written to its end; free space and pull again, "
            "or set HANDEYE_HOME and HF_HOME to another disk"
        ) from None


def _receive(url: str, partial: Path) -> None:
    """Append what is missing of a file to `partial`, or write it anew where the server does not go on there."""
    begun = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not begun:
            raise
        usable = error.headers.get("Content-Range") == f"bytes */{begun}"  # it was whole already
    else:
        with answer:
            told = answer.headers.get("Content-Range") or f"bytes {begun}-"
            resumed = answer.status == 206
            usable = not resumed or told.startswith(f"bytes {begun}-")
            if usable:
                _append(answer, partial, begun if resumed else 0)
    if not usable:
        partial.unlink()
        _receive(url, partial)


def _append(answer: HTTPResponse, partial: Path, at: int) -> None:
    """Write an answer's body from byte `at` on; raises ConnectionError where it ends before its stated length."""
    length = int(answer.headers.get("Content-Length") or 0)
    ensure_room(partial.parent, length)
    with _bar(at + length, at, partial.stem) as bar, partial.open("ab" if at else "wb") as file:
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
    if partial.stat().st_size < at + length:
        raise ConnectionError(f"{partial.stat().st_size} of {at + length} bytes came")


def _bar(total: int, begun: int, name: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total or None, initial=begun, unit="B", unit_scale=True, desc=name)


def _placed(partial: Path, kept: Path, sha256: str) -> Path:
    """Check a transferred file against its hash and put it in its place; a wrong one is deleted."""
    if sha256:
        try:
            check_sha256(partial, sha256)
        except InputError:
            partial.unlink()
            raise
    os.replace(partial, kept)  # noqa: PTH105 - atomic, as the rest of the store
    return kept
