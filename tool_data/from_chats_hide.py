"""Payloads of chats on their way into a data set: faces and text blurred where asked, by our own skills."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.trace import Trace
from skills import Boxes, Context, InputError, Picture, Region, Regions
from skills.builtin.blur import blur
from skills.builtin.find_faces import find_faces
from skills.builtin.read_text import read_text
from skills.store import HASH, Artifact, Store
from skills.values import Box

HIDEABLE = ("faces", "text")
"""What can be blurred."""

MARGIN = 0.15
"""How far beyond a face or a line is blurred, as a share of its shorter side."""


class Shelf:
    """The store of a data set, which chats' payloads are put into."""

    def __init__(self, folder: Path, hide: Sequence[str] = ()) -> None:
        """Fill the store in `folder`; `hide` names what is blurred in pictures. Raises InputError for another name."""
        for name in hide:
            if name not in HIDEABLE:
                raise InputError(f"--blur {name!r} is nothing that is found; expected some of {', '.join(HIDEABLE)}")
        self.folder, self.hide = folder, tuple(hide)
        self.blurred = set[str]()
        self._store, self._context = Store(folder), Context()
        self._boxes: dict[str, list[Box]] = {}
        self._used = set[str]()

    def claim(self, force: bool) -> None:
        """Raise InputError where the folder holds payloads already and not `force`; see `prune`."""
        if not force and self.folder.is_dir() and any(self.folder.iterdir()):
            raise InputError(
                f"{str(self.folder)!r} holds payloads of another run, perhaps not blurred; remove it, name another "
                "output, or add --force to replace them"
            )

    def prune(self) -> None:
        """Remove payloads that were not put in by this run: what is blurred now may lie there as it was."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if HASH.fullmatch(path.name) and path.name not in self._used:
                path.unlink()

    def put(self, trace: Trace, source: Store) -> Trace:
        """Put in the payloads of a chat and return it with the records of those; raises KeyError for one missing."""
        records = {name: record for name, record in trace.artifacts.items() if record.sha256}
        pictures = {name: record for name, record in records.items() if record.kind == "picture"}
        hidden = self._hidden(pictures, source) if self.hide else {}
        payloads = {name: source.payload(record.sha256) for name, record in records.items() if name not in hidden}
        for name, payload in payloads.items():
            self._store.keep(records[name].sha256, payload)
        for name, picture in hidden.items():
            records[name] = records[name].model_copy(update={"sha256": self._store.put(picture)})
            self.blurred.add(records[name].sha256)
        self._used.update(record.sha256 for record in records.values())
        return trace.model_copy(update={"artifacts": {**trace.artifacts, **records}})

    def _hidden(self, records: Mapping[str, Artifact], source: Store) -> dict[str, Picture]:
        """Return the pictures in which something was blurred, what is found in one also in those of its frame."""
        loaded = {name: _picture(record, source) for name, record in records.items()}
        made = {}
        for name, picture in loaded.items():
            same = [other for other in records if records[other].frame == records[name].frame]
            alike = [other for other in same if loaded[other].size == picture.size]
            if boxes := [box for other in alike for box in self._found(records[other].sha256, loaded[other])]:
                made[name] = _blurred(picture, boxes)
        return made

    def _found(self, digest: str, picture: Picture) -> list[Box]:
        """Return what is to be hidden in a picture, looked for once."""
        if digest not in self._boxes:
            boxes: list[Box] = []
            if "faces" in self.hide:
                found = find_faces(picture, ctx=self._context).values
                boxes += [box for value in found if isinstance(value, Boxes) for box in value.xyxy]
            if "text" in self.hide:
                boxes += [line.box for line in read_text(picture, ctx=self._context).lines if line.box is not None]
            self._boxes[digest] = boxes
        return self._boxes[digest]


def _picture(record: Artifact, source: Store) -> Picture:
    value = source.value(record)
    if not isinstance(value, Picture):
        raise KeyError(f"payload {record.sha256} is no picture")
    return value


def _blurred(picture: Picture, boxes: Sequence[Box]) -> Picture:
    width, height = picture.size
    items = []
    for x1, y1, x2, y2 in boxes:
        more = MARGIN * min(x2 - x1, y2 - y1)
        box = (max(0.0, x1 - more), max(0.0, y1 - more), min(float(width), x2 + more), min(float(height), y2 + more))
        items.append(Region(box=box))
    made = blur(picture, Regions(items=tuple(items)), strength=1.0)
    return made.model_copy(update={"view": picture.view})


def first_turns(trace: Trace, count: int) -> Trace:
    """Return a chat's first turns, and of its artifacts those alone that these turns hold."""
    turns = trace.turns[:count]
    held = {name for turn in turns for name in (*turn.images, *turn.marks)}
    held |= {name for turn in turns for step in turn.steps for seen in step.observations for name in seen.artifacts}
    records = {name: record for name, record in trace.artifacts.items() if name in held}
    return trace.model_copy(update={"turns": turns, "artifacts": records})
