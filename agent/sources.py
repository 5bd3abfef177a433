"""Where else checkpoints come from: a folder, or a plain web server, that lays files out by checkpoint id.

`ORG/NAME/` holds the files of a hub's repository, `HOST/PATH` the file of a URL (in a folder also under its bare
name). `ORG/NAME/SHA256SUMS`, as the program sha256sum writes it, names the files; a web server needs it, for it lists
nothing. A folder may also be a hub's own cache (`models--ORG--NAME`).
"""

import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from fnmatch import fnmatch
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from skills import InputError
from skills.checkpoint import PICKLES, Checkpoint, file_sha256, hub_path, snapshots, url_path

from .transfer import copy, download, ensure_room

SUMS = "SHA256SUMS"
"""The file that names the files of a checkpoint and their hashes."""

_LINE = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?(\S.*)")
_PATIENCE = 60.0


def from_folder(checkpoint: Checkpoint, folder: Path) -> Path:
    """Copy a checkpoint out of a folder; raises InputError that names where it was looked for."""
    if checkpoint.url:
        parts = urlsplit(checkpoint.url)
        places = [folder / parts.netloc / parts.path.lstrip("/"), folder / checkpoint.file]
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            raise InputError(_absent(checkpoint, folder, places))
        return copy(found, url_path(checkpoint), checkpoint.sha256.get(checkpoint.file, ""))
    places = [folder / checkpoint.id, *snapshots(folder, checkpoint.hub, checkpoint.revision)]
    source = next((path for path in places if path.is_dir()), None)
    if source is None:
        raise InputError(_absent(checkpoint, folder, places))
    sums = source / SUMS
    hashes = read_sums(sums.read_text(encoding="utf-8"), str(sums)) if sums.is_file() else {}
    names = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    wanted = [name for name in names if _wanted(name, checkpoint)]
    ensure_room(hub_path(checkpoint), sum((source / name).stat().st_size for name in wanted))
    for name in wanted:
        copy(source / name, _staged(checkpoint) / name, _pinned(checkpoint, name, hashes))
    return _whole(checkpoint)


def has_sums(checkpoint: Checkpoint, site: str) -> bool:
    """Return whether a web server lays this checkpoint out as files; False for a mirror of the hub."""
    try:
        with urllib.request.urlopen(_address(checkpoint, site, SUMS), timeout=_PATIENCE) as answer:
            first = answer.readline().decode("utf-8", "replace").strip()
    except urllib.error.HTTPError:
        return False
    except (OSError, HTTPException) as error:
        raise InputError(f"{site!r} cannot be reached: {error}; correct --from or try later") from None
    return bool(_LINE.fullmatch(first))


def from_site(checkpoint: Checkpoint, site: str) -> Path:
    """Fetch a checkpoint from a plain web server; raises InputError where it is not there or a hash differs."""
    if checkpoint.url:
        parts = urlsplit(checkpoint.url)
        address = f"{site.rstrip('/')}/{parts.netloc}/{parts.path.lstrip('/')}"
        return download(address, url_path(checkpoint), checkpoint.sha256.get(checkpoint.file, ""))
    address = _address(checkpoint, site, SUMS)
    sums = download(address, _staged(checkpoint) / SUMS)
    hashes = read_sums(sums.read_text(encoding="utf-8"), address)
    ensure_room(hub_path(checkpoint), checkpoint.size)
    for name in hashes:
        kept, pinned = _staged(checkpoint) / name, _pinned(checkpoint, name, hashes)
        if _wanted(name, checkpoint) and not (kept.is_file() and file_sha256(kept) == pinned):
            download(_address(checkpoint, site, name), kept, pinned)
    return _whole(checkpoint)


def _staged(checkpoint: Checkpoint) -> Path:
    """Return the folder in which a checkpoint's files gather until it is whole."""
    kept = hub_path(checkpoint)
    return kept.with_name(f"{kept.name}.part")


def _whole(checkpoint: Checkpoint) -> Path:
    """Put a gathered checkpoint in its place and return that."""
    kept, staged = hub_path(checkpoint), _staged(checkpoint)
    staged.mkdir(parents=True, exist_ok=True)
    if kept.exists():
        shutil.rmtree(kept)
    os.replace(staged, kept)  # noqa: PTH105 - atomic, as the rest of the store
    return kept


def _pinned(checkpoint: Checkpoint, name: str, listed: Mapping[str, str]) -> str:
    """Return the hash a file must have: the checkpoint's own, else the one its source lists, else ""."""
    return checkpoint.sha256.get(PurePosixPath(name).name) or listed.get(name, "")


def read_sums(text: str, where: str) -> dict[str, str]:
    """Return file -> SHA-256 of a SHA256SUMS; raises InputError for a line that is none or leads out of the folder."""
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line.strip())
        name = PurePosixPath(match[2]) if match else None
        if name is None or name.is_absolute() or ".." in name.parts or "\\" in str(name):
            raise InputError(f"line {number} of {where!r} is {line[:80]!r}; expected a SHA-256, two spaces and a file")
        if str(name) != SUMS:
            assert match is not None
            found[str(name)] = match[1]
    return found


def _wanted(name: str, checkpoint: Checkpoint) -> bool:
    """Return whether a file belongs to a checkpoint; a pickle only where the checkpoint pins its hash."""
    if name.endswith(PICKLES) and PurePosixPath(name).name not in checkpoint.sha256:
        return False
    return not checkpoint.files or any(fnmatch(name, pattern) for pattern in checkpoint.files)


def _address(checkpoint: Checkpoint, site: str, name: str) -> str:
    return f"{site.rstrip('/')}/{checkpoint.id}/{quote(name)}"


def _absent(checkpoint: Checkpoint, folder: Path, places: list[Path]) -> str:
    looked = ", ".join(dict.fromkeys(repr(str(path.relative_to(folder))) for path in places))
    return f"{checkpoint.id!r} is not in {str(folder)!r} (looked for {looked}); put it there or correct --from"
