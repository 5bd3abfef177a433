"""Processes that train together end with equal weights."""

import signal
from pathlib import Path

import pytest

from training.workers import Workers, together


def _work(workers: Workers, out: Path) -> None:
    import torch

    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.0)
    spare = torch.nn.Parameter(torch.zeros(1))
    layer(torch.tensor([[1.0 + workers.rank, 2.0]])).sum().backward()
    told = workers.average([*layer.parameters(), spare], [10.0 * (workers.rank + 1)])
    (out / f"{workers.rank}.txt").write_text(f"{layer.weight.grad.tolist()} {spare.grad} {told}")
    (out / f"{workers.rank}.deaf").write_text(str(signal.getsignal(signal.SIGINT) is signal.SIG_IGN))


@pytest.mark.slow
def test_two_processes_share_the_mean_of_their_gradients(tmp_path):
    together(2, _work, tmp_path, deaf=True)
    told = [(tmp_path / f"{rank}.txt").read_text() for rank in (0, 1)]
    assert told[0] == told[1] == "[[1.5, 2.0]] tensor([0.]) [15.0]"
    assert [(tmp_path / f"{rank}.deaf").read_text() for rank in (0, 1)] == ["True", "True"]
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN, "this process hears Ctrl-C again"


def test_one_process_keeps_its_own(tmp_path):
    together(1, _work, tmp_path)
    assert (tmp_path / "0.txt").read_text() == "[[1.0, 2.0]] None [10.0]"
    assert (tmp_path / "0.deaf").read_text() == "False"
