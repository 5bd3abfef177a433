"""The PNG files that show one visitor's pictures and regions, written on first need."""

import shutil
from pathlib import Path

from agent import Trace
from skills import Picture
from skills.store import Artifacts

from .overlay import overlay


class Files:
    """Name -> PNG file, in one visitor's own folder."""

    def __init__(self, folder: Path, artifacts: Artifacts) -> None:
        """Write into `folder`, which exists, what is in `artifacts`."""
        self._folder, self._artifacts = folder, artifacts
        self._paths: dict[str, Path | None] = {}
        self._sent = self._drawings = 0

    def keep(self, picture: Picture) -> str:
        """Write a picture that is being sent and return the name it is shown by until the trace names it."""
        self._sent += 1
        name = f"sent_{self._sent}"
        self._paths[name] = self._write(name, picture)
        return name

    def rename(self, sent: str, artifact_id: str) -> None:
        """Show an artifact by a copy of the file of a picture that was sent; what the page still loads stays."""
        kept = self._paths[sent]
        if artifact_id not in self._paths and kept is not None:
            self._paths[artifact_id] = Path(shutil.copyfile(kept, self._folder / f"{artifact_id}.png"))

    def drawing(self, picture: Picture) -> Path:
        """Write the picture that is being marked, in place of the one before; its name is new each time."""
        self._drawings += 1
        (self._folder / f"mark_{self._drawings - 1}.drawing.png").unlink(missing_ok=True)
        return self._write(f"mark_{self._drawings}.drawing", picture)

    def path(self, name: str, trace: Trace) -> Path | None:
        """Return the file that shows an artifact of `trace`: the picture, or a region drawn over its picture.

        None for what has no picture: a number, plain text, an empty finding.
        """
        if name not in self._paths and name in trace.artifacts:
            value = self._artifacts.value(name)
            base = worked_on(trace, trace.artifacts[name].source)
            shown = value if isinstance(value, Picture) else overlay(name, self._artifacts, base)
            self._paths[name] = None if shown is None else self._write(name, shown)
        return self._paths.get(name)

    def _write(self, name: str, picture: Picture) -> Path:
        path = self._folder / f"{name}.png"
        path.write_bytes(picture.png)
        return path


def worked_on(trace: Trace, call_id: str) -> str:
    """Return the id of the picture a call worked on, or "" where it took none."""
    for step in (step for turn in trace.turns for step in turn.steps):
        for seen in step.observations:
            if seen.tool_call_id == call_id:
                return str(seen.args.get("image") or "")
    return ""
