"""What a run says while it works: a bar, a log of one JSON line a step, a picture of the loss."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from agent.home import human
from tool_data.whole import whole

LOG, PLOT = "log.jsonl", "loss.svg"
"""The files' names."""

_WIDTH, _HEIGHT, _EDGE = 720, 300, 48


@dataclass(frozen=True)
class Cost:
    """How much a token costs, to tell how much of the device is used."""

    parameters: int
    """Parameters of the language model, its table of embeddings left out."""
    passes: int
    """Floating-point operations a parameter and token: 6, or 4 where the weights themselves do not move."""
    peak: float | None
    """Operations a second the device can do; None where nobody said."""

    def share(self, rate: float) -> float | None:
        """Return the share of the peak (MFU) at `rate` tokens a second, None where the peak is not known."""
        return None if self.peak is None else rate * self.parameters * self.passes / self.peak


class Progress:
    """The progress of a run, seen from its first process."""

    def __init__(self, out: Path, steps: int, first: int, cost: Cost, *, quiet: bool = False) -> None:
        """Go on at step `first` of `steps`; the log is cut there. `quiet` shows and writes nothing."""
        from tqdm import tqdm

        self._out, self._cost, self._quiet = out, cost, quiet
        self._rows = [] if quiet else _kept(out / LOG, first)
        self._bar = tqdm(total=steps, initial=first, unit="step", disable=True if quiet else None)
        self._began = time.perf_counter()
        if not quiet:
            with whole(out / LOG) as part:
                part.write_text("".join(f"{json.dumps(row)}\n" for row in self._rows), encoding="utf-8")

    def step(self, number: int, loss: float, rate: float, norm: float, tokens: int, supervised: int) -> None:
        """Tell that a step is done: its loss a trained token, learning rate, gradient norm and tokens."""
        if self._quiet:
            return
        now = time.perf_counter()
        seconds, self._began = now - self._began, now
        row: dict[str, Any] = {"step": number, "loss": loss, "rate": rate, "norm": norm, "tokens": tokens}
        row |= {"supervised": supervised, "seconds": round(seconds, 4), "memory": memory()}
        share = self._cost.share(tokens / seconds)
        row |= {} if share is None else {"mfu": round(share, 4)}
        self._rows.append(row)
        with (self._out / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(row)}\n")
        used = {} if share is None else {"MFU": f"{share:.1%}"}
        self._bar.set_postfix(
            loss=f"{loss:.3f}",
            tok=f"{tokens / seconds:.0f}/s",
            trained=f"{supervised / seconds:.0f}/s",
            **used,
            memory=human(row["memory"]),
        )
        self._bar.update()

    def end(self) -> None:
        """Close the bar and draw the losses."""
        self._bar.close()
        if not self._quiet:
            with whole(self._out / PLOT) as part:
                part.write_text(plot([(row["step"], row["loss"]) for row in self._rows]), encoding="utf-8")


def _kept(log: Path, first: int) -> list[dict[str, Any]]:
    if not log.is_file():
        return []
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines if line.endswith("\n")]  # a killed run may leave half a line
    return [row for row in rows if row["step"] <= first]


def memory() -> int:
    """Return the most bytes used so far: of the GPU where there is one, else of this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def plot(losses: Sequence[tuple[int, float]]) -> str:
    """Return the losses of the steps as an SVG."""
    lowest, highest = min((loss for _, loss in losses), default=0.0), max((loss for _, loss in losses), default=1.0)
    first, last = (losses[0][0], losses[-1][0]) if losses else (0, 1)

    def place(step: int, loss: float) -> str:
        x = _EDGE + (_WIDTH - 2 * _EDGE) * (step - first) / max(1, last - first)
        y = _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * (loss - lowest) / ((highest - lowest) or 1.0)
        return f"{x:.1f},{y:.1f}"

    line = " ".join(place(*point) for point in losses)
    told = f"loss a trained token, steps {first} to {last}: {losses[-1][1]:.3f} in the end" if losses else "no step yet"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/><text x="{_EDGE}" y="24">{escape(told)}</text>'
        f'<text x="6" y="{_EDGE + 4}">{highest:.2f}</text><text x="6" y="{_HEIGHT - _EDGE + 4}">{lowest:.2f}</text>'
        f'<polyline points="{line}" fill="none" stroke="#3b7dd8" stroke-width="1.5"/></svg>\n'
    )
