"""Fetching checkpoints: a hub's snapshot through huggingface_hub, or one file from a URL, resumed and checked."""

import os
import urllib.error
import urllib.request
from pathlib import Path

from skills import InputError
from skills.checkpoint import Checkpoint, check_sha256, url_path

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What is fetched of a hub's repository where a checkpoint names nothing: configurations and the safetensors."""

_CHUNK = 1 << 18
_PATIENCE = 60.0


def fetch(checkpoint: Checkpoint) -> Path:
    """Fetch a checkpoint and return the file or folder it then lies in.

    Raises InputError where it cannot be fetched, has another hash than the pinned one, or is a path on this machine.
    """
    if checkpoint.url:
        return _fetch_url(checkpoint)
    if checkpoint.hub:
        return _fetch_hub(checkpoint)
    raise InputError(f"checkpoint {checkpoint.id!r} is no hub id and no URL, and nothing lies there; correct its path")


def _fetch_hub(checkpoint: Checkpoint) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    patterns = list(checkpoint.files or PATTERNS)
    try:
        return Path(snapshot_download(checkpoint.id, revision=checkpoint.revision, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError, OSError) as error:
        raise InputError(f"{checkpoint.id!r} cannot be fetched from the hub: {error}; what came is kept") from None


def _fetch_url(checkpoint: Checkpoint) -> Path:
    """Fetch one file beside its place, going on where an earlier transfer broke off, and move it there once whole."""
    from tqdm import tqdm

    kept = url_path(checkpoint)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f"{kept.name}.part")
    begun = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(checkpoint.url, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            resumed = answer.status == 206
            total = int(answer.headers.get("Content-Length") or 0) + (begun if resumed else 0)
            bar = tqdm(total=total, initial=begun if resumed else 0, unit="B", unit_scale=True, desc=kept.name)
            with bar, partial.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
        if partial.stat().st_size < total:
            raise ConnectionError(f"{partial.stat().st_size} of {total} bytes came")
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise InputError(f"{checkpoint.url!r} cannot be fetched: {error}; correct the URL or try later") from None
    except OSError as error:
        raise InputError(f"{checkpoint.url!r} broke off: {error}; the next pull goes on where it stopped") from None
    return _whole(checkpoint, partial, kept)


def _whole(checkpoint: Checkpoint, partial: Path, kept: Path) -> Path:
    """Check a transferred file against its pinned hash and put it in its place; a wrong one is deleted."""
    expected = checkpoint.sha256.get(checkpoint.file)
    if expected:
        try:
            check_sha256(partial, expected)
        except InputError:
            partial.unlink()
            raise
    os.replace(partial, kept)  # noqa: PTH105 - atomic, as the rest of the store
    return kept
