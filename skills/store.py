"""Artifacts: stored values with ids. Payloads are content-addressed, ids are counted per trace."""

import hashlib
import io
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from .values import PREFIXES, Frozen, Picture, Value, value_bytes, value_from_json

KEEP = 48
"""Decoded values kept in memory."""

HASH = re.compile(r"[0-9a-f]{64}")
"""What a SHA-256 looks like; nothing else may become a file name."""


class Artifact(Frozen):
    """The record of one stored value."""

    kind: str
    """"picture", "boxes", "masks", "points", "text" or "number"."""
    sha256: str
    """Hash of the payload bytes (PNG for pictures, else UTF-8 JSON of the value)."""
    media_type: str
    """"image/png" or "application/json"."""
    size: tuple[int, int] | None = None
    """(width, height) in pixels, for pictures."""
    frame: str = ""
    """Id of the picture whose pixel grid is used."""
    view: bool = False
    """True for a drawing of results, which edits do not take as their input."""
    source: str = "user"
    """"user" or the id of the call that made it."""
    untrusted: bool = False
    """True where a stranger's words are inside."""
    path: str = ""
    """For a picture of an imported data set: its name there. Its `sha256` is empty until its bytes were read."""


class Store:
    """Payloads by hash, in memory or in a folder (one file a payload, written once)."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open a store; `folder` is made on the first write, None keeps everything in memory."""
        self.folder = folder
        self._bytes: dict[str, bytes] = {}
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._guard = threading.Lock()

    def put(self, value: Value) -> str:
        """Keep a value and return its payload's SHA-256."""
        payload = value_bytes(value)
        digest = hashlib.sha256(payload).hexdigest()
        self.keep(digest, payload)
        return digest

    def keep(self, digest: str, payload: bytes) -> None:
        """Keep a payload whose SHA-256 is `digest`. The file appears whole or not at all."""
        with self._guard:
            if self.folder is None:
                self._bytes[digest] = payload
            elif not (path := self.path(digest)).exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.partial")
                partial.write_bytes(payload)
                partial.replace(path)

    def path(self, digest: str) -> Path:
        """Return where a payload lies; only for a store with a folder."""
        assert self.folder is not None
        return self.folder / digest

    def payload(self, digest: str) -> bytes:
        """Return a payload; raises KeyError where it is missing or its hash does not match."""
        if self.folder is None:
            return self._bytes[digest]
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise KeyError(f"payload {digest} is missing from {str(self.folder)!r}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise KeyError(f"payload {digest} in {str(self.folder)!r} is damaged")
        return data

    def value(self, artifact: Artifact) -> Value:
        """Return the value behind a record; raises KeyError where its payload is missing."""
        key = f"{artifact.sha256}:{artifact.frame}:{artifact.view}"
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = _decode(artifact, self.payload(artifact.sha256))
        self.remember(artifact, value)
        return value

    def remember(self, artifact: Artifact, value: Value) -> None:
        """Keep the decoded value at hand."""
        with self._guard:
            self._values[f"{artifact.sha256}:{artifact.frame}:{artifact.view}"] = value
            while len(self._values) > KEEP:
                self._values.popitem(last=False)


def _decode(artifact: Artifact, payload: bytes) -> Value:
    if artifact.kind != "picture":
        return value_from_json(json.loads(payload))
    from PIL import Image

    image = Image.open(io.BytesIO(payload), formats=("PNG",))
    made = str(image.info.get("Comment", ""))
    return Picture.from_image(image, frame=artifact.frame, view=artifact.view).model_copy(update={"made": made})


class Artifacts:
    """The artifacts of one trace: records by id in order of making, values in a store."""

    def __init__(self, store: Store, records: Mapping[str, Artifact] | None = None) -> None:
        """Open the table over a store; `records` is a trace's own table."""
        self.store = store
        self._records: dict[str, Artifact] = dict(records or {})

    @property
    def records(self) -> dict[str, Artifact]:
        """A copy of the table: id -> record."""
        return dict(self._records)

    def ids(self) -> tuple[str, ...]:
        """Return every id, oldest first."""
        return tuple(self._records)

    def __contains__(self, artifact_id: object) -> bool:
        return artifact_id in self._records

    def record(self, artifact_id: str) -> Artifact:
        """Return the record of an id; raises KeyError where there is none."""
        return self._records[artifact_id]

    def value(self, artifact_id: str) -> Value:
        """Return the value behind an id; raises KeyError where there is none."""
        return self.store.value(self._records[artifact_id])

    def picture(self, artifact_id: str) -> Picture:
        """Return the picture behind an id; raises KeyError where the id is no picture's."""
        value = self.value(artifact_id)
        if not isinstance(value, Picture):
            raise KeyError(f"{artifact_id!r} is no picture")
        return value

    def add(self, value: Value, source: str = "user") -> str:
        """Store a value, mint its id and return it; a picture without a frame is its own."""
        prefix = PREFIXES[value.kind]
        taken = [int(name.rpartition("_")[2]) for name in self._records if name.rpartition("_")[0] == prefix]
        artifact_id = f"{prefix}_{max(taken, default=0) + 1}"
        frame = getattr(value, "frame", "")
        if isinstance(value, Picture) and not frame:
            frame = artifact_id
            value = value.model_copy(update={"frame": frame})
        record = Artifact(
            kind=value.kind,
            sha256=self.store.put(value),
            media_type="image/png" if isinstance(value, Picture) else "application/json",
            size=value.size if isinstance(value, Picture) else None,
            frame=frame,
            view=getattr(value, "view", False),
            source=source,
            untrusted=getattr(value, "untrusted", False),
        )
        self._records[artifact_id] = record
        self.store.remember(record, value)
        return artifact_id

    def newest_picture(self, frame: str | None = None) -> str | None:
        """Return the id of the newest picture that is not a view, in `frame` where one is named."""
        for artifact_id in reversed(self._records):
            record = self._records[artifact_id]
            fits = frame is None or record.frame == frame
            if record.kind == "picture" and not record.view and fits:
                return artifact_id
        return None
