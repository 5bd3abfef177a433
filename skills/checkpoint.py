"""Checkpoints: which weights an implementation needs, and where they lie on this machine. Nothing here downloads."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import InputError

WEIGHTS = (".safetensors", ".onnx", ".pth", ".pt", ".bin")
"""Endings of files that hold weights."""

PICKLES = (".pth", ".pt", ".bin", ".ckpt")
"""Endings of files that may run code when they are loaded carelessly: fetched and loaded only with a pinned hash."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """The weights of one model: on the hub, at a URL, or a file or folder on this machine."""

    id: str
    """A hub id ("IDEA-Research/grounding-dino-tiny"), an https URL of one file, or a path."""
    revision: str = "main"
    """Commit, tag or branch on the hub; only a commit is pinned."""
    licence: str = "unknown"
    """Licence of the weights, as their maker names it."""
    size: int = 0
    """Bytes to fetch, about; 0 where that is not known."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """File name -> SHA-256 (hex) of those files whose hash is known."""
    files: tuple[str, ...] = ()
    """Patterns of the hub's files to fetch; empty means configurations and the safetensors."""

    @property
    def url(self) -> str:
        """The URL it is fetched from, or "" where it is no URL."""
        return self.id if urlsplit(self.id).scheme in ("http", "https") else ""

    @property
    def hub(self) -> str:
        """Its hub id, or "" where it is a URL or a path."""
        return self.id if _HUB_ID.fullmatch(self.id) and not self.url and not Path(self.id).exists() else ""

    @property
    def file(self) -> str:
        """The file name of a URL, or ""."""
        return Path(urlsplit(self.id).path).name if self.url else ""

    @property
    def pinned(self) -> bool:
        """True where what is fetched cannot change: a commit, or a URL with its SHA-256."""
        return bool(self.sha256.get(self.file)) if self.url else bool(re.fullmatch(r"[0-9a-f]{40}", self.revision))

    def path(self) -> Path | None:
        """Return the file or folder it lies in on this machine, complete, or None; never downloads."""
        if self.url:
            kept = url_path(self)
            return kept if kept.is_file() else None
        if self.hub:
            places = [*snapshots(hub_cache(), self.hub, self.revision), hub_path(self)]
            return next((folder for folder in places if is_complete(folder, self.files)), None)
        local = Path(self.id).expanduser()
        return local if local.is_file() or (local.is_dir() and is_complete(local, self.files)) else None


def home() -> Path:
    """Return the folder that state lives in: $HANDEYE_HOME, else the platform's data folder."""
    if named := os.environ.get("HANDEYE_HOME"):
        return Path(named).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("handeye", appauthor=False))


def hub_cache() -> Path:
    """Return the folder in which huggingface_hub keeps what it fetched, as its own variables name it."""
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return Path(os.environ.get("HF_HOME", cache / "huggingface")).expanduser() / "hub"


def url_path(checkpoint: Checkpoint) -> Path:
    """Return where a file fetched from a URL is kept; another pinned hash is another file."""
    mark = checkpoint.sha256.get(checkpoint.file) or hashlib.sha256(checkpoint.id.encode()).hexdigest()
    return home() / "checkpoints" / mark[:12] / checkpoint.file


def hub_path(checkpoint: Checkpoint) -> Path:
    """Return where a hub's checkpoint is kept that did not come from a hub but from a folder or a plain server."""
    return home() / "checkpoints" / checkpoint.id.replace("/", "--") / checkpoint.revision.replace("/", "--")


def snapshots(cache: Path, hub_id: str, revision: str) -> list[Path]:
    """Return the folders in a hub's cache that a revision names: its ref's commit, or the commit itself.

    None while a file of the repository is half fetched.
    """
    repo = cache / f"models--{hub_id.replace('/', '--')}"
    if any((repo / "blobs").glob("*.incomplete")):
        return []
    ref = repo / "refs" / revision
    commits = [ref.read_text(encoding="utf-8").strip()] if ref.is_file() else []
    return [repo / "snapshots" / commit for commit in (*commits, revision)]


def is_complete(folder: Path, files: Sequence[str] = ()) -> bool:
    """Return whether a folder holds weights, every shard its indexes name and every part its pipeline names.

    Where `files` names nothing that holds weights (a tokenizer), every pattern of it must name a file instead.
    """
    if files and not any(pattern.endswith((*WEIGHTS, "*")) for pattern in files):
        return folder.is_dir() and all(any(folder.glob(pattern)) for pattern in files)
    if not any(path.is_file() for ending in WEIGHTS for path in folder.rglob(f"*{ending}")):
        return False
    for index in folder.rglob("*.safetensors.index.json"):
        shards = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}).values()
        if not all((index.parent / shard).is_file() for shard in shards):
            return False
    pipeline = folder / "model_index.json"
    if not pipeline.is_file():
        return True
    parts = json.loads(pipeline.read_text(encoding="utf-8"))
    named = [name for name, part in parts.items() if isinstance(part, list) and part and part[0] is not None]
    return all((folder / name).is_dir() for name in named)


def disk_bytes(path: Path) -> int:
    """Return the bytes of the weights in a file or below a folder; of two formats only the safetensors count."""
    if path.is_file():
        return path.stat().st_size
    sizes = {ending: sum(file.stat().st_size for file in path.rglob(f"*{ending}")) for ending in WEIGHTS}
    return sizes[".safetensors"] or sum(sizes.values())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Compare a file with its pinned hash; raises InputError where they differ."""
    found = file_sha256(path)
    if found != expected:
        raise InputError(
            f"{path.name!r} has the SHA-256 {found}, expected {expected}; "
            "fetch it again, or correct the hash if you trust the file"
        )
