"""Fetching checkpoints: from the hub or a mirror of it, from a URL, from a folder; checked, pickles only if pinned."""

import re
from pathlib import Path

from skills import InputError
from skills.checkpoint import PICKLES, Checkpoint, check_sha256, hub_cache, url_path

from .sources import from_folder, from_site, has_sums
from .transfer import download, ensure_room

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What is fetched of a hub's repository where a checkpoint names nothing: configurations and the safetensors."""

IGNORED = ("*.fp16.safetensors", "*.fp16-*.safetensors", "*non_ema*.safetensors", "*.msgpack")
"""What is left out of that: the same weights once more."""

_BLOB = re.compile(r"[0-9a-f]{64}")


def fetch(checkpoint: Checkpoint, source: str = "") -> Path:
    """Fetch a checkpoint and return the file or folder it then lies in.

    `source` is a folder or a mirror that takes the place of the hub and of other people's servers. Raises InputError
    where it cannot be fetched, has another hash than the pinned one, is a pickle without one, or is a path on this
    machine.
    """
    if not checkpoint.url and not checkpoint.hub:
        raise InputError(
            f"checkpoint {checkpoint.id!r} is no hub id and no URL, and nothing lies there; correct its path"
        )
    _refuse_pickles(checkpoint)
    mirror = source.startswith(("http://", "https://"))
    if source and not mirror:
        made = from_folder(checkpoint, Path(source).expanduser())
    elif mirror and (checkpoint.url or has_sums(checkpoint, source)):
        made = from_site(checkpoint, source)
    elif checkpoint.url:
        made = download(checkpoint.url, url_path(checkpoint), checkpoint.sha256.get(checkpoint.file, ""))
    else:
        made = _from_hub(checkpoint, source)
    if checkpoint.path() is None:
        wanted = ", ".join(checkpoint.files or PATTERNS)
        raise InputError(
            f"{checkpoint.id!r} was fetched to {str(made)!r} but is not complete there (looked for {wanted}); "
            "name a checkpoint that has its weights as safetensors"
        )
    return made


def _refuse_pickles(checkpoint: Checkpoint) -> None:
    """Raise InputError for a checkpoint that names a pickle whose hash is not pinned."""
    for name in (checkpoint.file, *checkpoint.files):
        if name.endswith(PICKLES) and Path(name).name not in checkpoint.sha256:
            raise InputError(
                f"{name!r} of {checkpoint.id!r} is a pickle and no hash is pinned, so it is not fetched; "
                f'set sha256 = "..." in the profile, as its maker states it, or name a checkpoint of safetensors'
            )


def _from_hub(checkpoint: Checkpoint, endpoint: str) -> Path:
    """Fetch a snapshot from the hub, or from a mirror of it, which is told no password of the hub's."""
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    ensure_room(hub_cache(), checkpoint.size)
    where = endpoint or "the hub"
    try:
        folder = snapshot_download(
            checkpoint.id,
            revision=checkpoint.revision,
            cache_dir=hub_cache(),
            allow_patterns=list(checkpoint.files or PATTERNS),
            ignore_patterns=_ignored(checkpoint),
            endpoint=endpoint.rstrip("/") or None,
            token=False if endpoint else None,
        )
    except GatedRepoError:
        raise InputError(
            f"{checkpoint.id!r} is fetched only by those who agreed to its licence; agree at "
            f"https://huggingface.co/{checkpoint.id}, run `hf auth login`, and pull again"
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, OSError, ValueError) as error:
        told = " ".join(str(error).split())[:300]
        raise InputError(f"{checkpoint.id!r} cannot be fetched from {where}: {told}; what came is kept") from None
    _check(checkpoint, Path(folder))
    for rest in (Path(folder).parents[1] / "blobs").glob("*.incomplete"):
        rest.unlink()  # of an earlier pull; all that was wanted is here
    return Path(folder)


def _ignored(checkpoint: Checkpoint) -> list[str]:
    """Return the patterns of a hub's files that are left alone: doubles, and kinds of pickles with none pinned."""
    unpinned = [f"*{ending}" for ending in PICKLES if not any(name.endswith(ending) for name in checkpoint.sha256)]
    return unpinned if checkpoint.files else [*IGNORED, *unpinned]


def _check(checkpoint: Checkpoint, folder: Path) -> None:
    """Compare a snapshot's files with their pinned hashes, weights also with the hash the hub named them by.

    A wrong file is deleted, so that the next pull fetches it again. Raises InputError for it.
    """
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        blob = file.resolve()
        expected = checkpoint.sha256.get(file.name) or (blob.name if _BLOB.fullmatch(blob.name) else "")
        if not expected:
            continue
        try:
            check_sha256(file, expected)
        except InputError:
            file.unlink()
            blob.unlink(missing_ok=True)
            raise
