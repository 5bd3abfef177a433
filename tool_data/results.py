"""Results of calls by skill, arguments and picture, in a folder that processes share: none is run twice."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skills import Picture, SkillResult, Value
from skills.store import Artifact, Store
from skills.values import value_from_json

from .whole import whole

HERE = "@"
"""Stands for the frame of the picture a call worked on, whose id differs from trace to trace."""


class Results:
    """Results in a folder, a file each."""

    def __init__(self, folder: Path) -> None:
        """Open the folder; it is made on the first write."""
        self.folder = folder
        self.store = Store(folder / "payloads")

    def get(self, key: str, frame: str) -> SkillResult | None:
        """Return a kept result, its values in `frame` where they lay in the frame of the call's picture."""
        try:
            kept = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return SkillResult(values=tuple(self._value(item, frame) for item in kept["values"]), note=kept["note"])

    def put(self, key: str, made: SkillResult, frame: str) -> None:
        """Keep a result; the file appears whole or not at all."""
        kept = {"values": [self._item(value, frame) for value in made.values], "note": made.note}
        path = self.folder / f"{key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")

    def _item(self, value: Value, frame: str) -> dict[str, Any]:
        if frame and getattr(value, "frame", "") == frame:
            value = value.model_copy(update={"frame": HERE})
        if not isinstance(value, Picture):
            return value.model_dump(mode="json")
        return {"kind": "picture", "sha256": self.store.put(value), "frame": value.frame, "view": value.view}

    def _value(self, item: Mapping[str, Any], frame: str) -> Value:
        value = value_from_json(item) if item["kind"] != "picture" else self._picture(item)
        return value.model_copy(update={"frame": frame}) if getattr(value, "frame", "") == HERE else value

    def _picture(self, item: Mapping[str, Any]) -> Value:
        record = Artifact(
            kind="picture", sha256=item["sha256"], media_type="image/png", frame=item["frame"], view=item["view"]
        )
        return self.store.value(record)


def key_of(skill: str, arguments: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return what equal calls share: a hash of the skill, its settings, and its arguments as it receives them.

    Ids are left out; settings are those of its profile, its implementation and checkpoint among them.
    """
    digest = hashlib.sha256(f"{skill} {sorted(settings.items())!r}".encode())
    for name, value in sorted(arguments.items()):
        digest.update(f"\0{name}=".encode())
        if isinstance(value, Picture):
            digest.update(f"{value.size}{value.mode}".encode() + value.pixels)
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()
