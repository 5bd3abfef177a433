"""Several processes train one planner: each draws its own chats, and what they learnt is averaged before each step.

On a CPU two such processes do nearly twice the work of one; two threads of one process hardly more than one, its
tables being small.
"""

import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

PATIENCE = timedelta(minutes=10)
"""How long a process waits for the others, one of which may be writing a checkpoint."""


@dataclass(frozen=True)
class Workers:
    """The processes of a run, seen from one of them."""

    rank: int = 0
    """Which of them this is; the first one logs and saves."""
    count: int = 1
    """How many there are."""

    def average(self, parameters: Iterable[Any], numbers: Sequence[float]) -> list[float]:
        """Replace every parameter's gradient by the mean over all processes and return the means of `numbers`.

        Every process must call it with as many parameters and numbers.
        """
        import torch

        if self.count == 1:
            return list(numbers)
        trained = [p for p in parameters if p.requires_grad]
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in trained]
        flat = torch.cat([*(g.flatten() for g in gradients), torch.tensor(numbers, dtype=torch.float32)])
        torch.distributed.all_reduce(flat)
        flat /= self.count
        sizes = [g.numel() for g in gradients]
        *means, told = torch.split(flat, [*sizes, len(numbers)])
        for parameter, mean in zip(trained, means, strict=True):
            parameter.grad = mean.view_as(parameter)
        return [float(value) for value in told]


def together(count: int, work: Callable[..., None], *arguments: Any, deaf: bool = False) -> None:
    """Call `work(workers, *arguments)` in `count` processes at once; `work` is a function of a module.

    Processes that are `deaf` do not hear Ctrl-C, which is for this one, and are ended where it ends before them.
    """
    if count == 1:
        work(Workers(), *arguments)
        return
    from torch.multiprocessing.spawn import start_processes

    spawn: Any = start_processes
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{Path(folder) / 'meeting'}"
        with _ignored() if deaf else nullcontext():
            context = spawn(_join, (count, meeting, work, arguments), count, False, deaf, start_method="spawn")
        while not context.join():
            pass


@contextmanager
def _ignored() -> Iterator[None]:
    """Ignore Ctrl-C; processes started meanwhile ignore it for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _join(rank: int, count: int, meeting: str, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    import torch

    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=count, timeout=PATIENCE)
    try:
        work(Workers(rank, count), *arguments)
    finally:
        torch.distributed.destroy_process_group()
