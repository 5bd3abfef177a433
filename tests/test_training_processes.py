"""Two processes, each with a whole copy of the weights, train what one process does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from agent.cli import main
from tests import sft_rows
from tests.conftest import ROOT

LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "training.train"]
RUN = ["--set", "workers=0", "--set", "pack=300", "--set", "rate=1e-3", "--set", "save_every=1", "--set", "lora=null"]


@pytest.mark.slow
def test_two_processes_train_what_one_does(slots_checkpoint: Path, tmp_path: Path) -> None:
    """Four packs a step: of one process, and two each of two."""
    rows = sft_rows.mixed(tmp_path / "rows.jsonl", 4)
    argv = ["tool_use", str(rows), "--model", str(slots_checkpoint), *RUN]
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert main(["train", *argv, "--set", "accumulate=4", "--set", "steps=2", "--out", str(alone)]) == 0
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    command = [sys.executable, *LAUNCH, *argv, "--set", "accumulate=2", "--set", "steps=2", "--out", str(shared)]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    once, again = load_file(alone / "model.safetensors"), load_file(shared / "model.safetensors")
    for name, weight in load_file(slots_checkpoint / "model.safetensors").items():
        torch.testing.assert_close(again[name], once[name], atol=1e-6, rtol=1e-4)
        assert ("vision_tower" in name) == torch.equal(weight, again[name])
    losses = [json.loads(line)["loss"] for line in (shared / "log.jsonl").read_text().splitlines()]
    assert losses == pytest.approx(
        [json.loads(line)["loss"] for line in (alone / "log.jsonl").read_text().splitlines()], rel=1e-5
    )
