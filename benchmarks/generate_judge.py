"""The judge of `generate_pairs`: a small CNN, trained on drawn scenes, that names a picture's noun and colour."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.generate_data import Draughtsman, Example, numbered, pixels
from training.generate_words import colours, held_out, nouns, trained_on
from training.optimiser import fast_dtype, schedule

SIDE = 64
"""Side in pixels at which the judge looks."""

POOL = 16_000
"""Scenes it is trained on."""

BATCH = 64
"""Scenes of a step."""

RATE = 2e-3
"""AdamW's learning rate."""

PAIRS = tuple(sorted({*trained_on(), *held_out()}))
"""The judge is trained on every pair."""


@dataclass(frozen=True)
class Verdict:
    """What the judge says of pictures."""

    nouns: np.ndarray
    """(N, nouns) indexes into `nouns()`, the likeliest first."""
    colours: np.ndarray
    """(N,) indexes into the colours."""
    features: np.ndarray
    """(N, width) float32 of length 1, what both are read from."""


class Judge:
    """A CNN with one head for nouns and one for colours."""

    def __init__(self, seed: int = 0) -> None:
        """Make a random one."""
        import torch

        torch.manual_seed(seed)
        widths = ((3, 32, 2), (32, 64, 1), (64, 96, 2), (96, 128, 1), (128, 192, 2), (192, 192, 1))
        layers = [layer for into, out, stride in widths for layer in _layer(into, out, stride)]
        self.body = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)
        self.noun, self.colour = torch.nn.Linear(384, len(nouns())), torch.nn.Linear(384, len(colours()))
        self.parts = torch.nn.ModuleList([self.body, self.noun, self.colour])
        self.dtype = fast_dtype()

    def features(self, pictures: Any) -> Any:
        """Return what both heads read, (N, 384): means and maxima over the picture."""
        import torch

        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            seen = self.body(pictures).float()
        return torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], dim=1)

    def train(self, draughtsman: Draughtsman, minutes: float, seed: int, pool: int = POOL) -> int:
        """Train on `pool` scenes of every pair for some minutes; return the steps taken."""
        import torch

        examples = [numbered(draughtsman, seed, number, PAIRS) for number in range(pool)]
        pictures, (noun, colour) = pixels(examples), (torch.tensor(told) for told in truth(examples))
        adam = torch.optim.AdamW(self.parts.parameters(), lr=RATE, weight_decay=0.02)
        generator = torch.Generator().manual_seed(seed)
        begun, steps = time.monotonic(), 0
        self.parts.train()
        while (done := (time.monotonic() - begun) / 60 / minutes) < 1:
            chosen = torch.randint(0, pool, (BATCH,), generator=generator)
            seen = self.features(_blemished(_looked_at(pictures[chosen.numpy()]), generator))
            told = torch.nn.functional.cross_entropy
            loss = told(self.noun(seen), noun[chosen]) + told(self.colour(seen), colour[chosen])
            adam.param_groups[0]["lr"] = RATE * schedule(done, 0.03)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            steps += 1
        self.parts.eval()
        return steps

    def save(self, file: Path) -> None:
        """Write its weights as safetensors."""
        from safetensors.torch import save_file

        save_file({name: value.contiguous() for name, value in self.parts.state_dict().items()}, file)

    @classmethod
    def load(cls, file: Path) -> "Judge":
        """Return the judge of a file of weights."""
        from safetensors.torch import load_file

        made = cls()
        made.parts.load_state_dict(load_file(file))
        made.parts.eval()
        return made

    def judge(self, pictures: np.ndarray) -> Verdict:
        """Judge pictures (N, 3, H, W) uint8."""
        import torch

        with torch.no_grad():
            seen = torch.cat([self.features(_looked_at(part)) for part in _split(pictures)])
            named = self.noun(seen).argsort(1, descending=True).numpy()
            coloured = self.colour(seen).argmax(1).numpy()
        return Verdict(named, coloured, torch.nn.functional.normalize(seen).numpy())


def truth(examples: Sequence[Example]) -> tuple[list[int], list[int]]:
    """Return the indexes of nouns and colours."""
    named, coloured = list(nouns()), list(colours())
    return [named.index(e.shown.noun) for e in examples], [coloured.index(e.shown.colour) for e in examples]


def _layer(into: int, out: int, stride: int) -> list[Any]:
    import torch

    return [torch.nn.Conv2d(into, out, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(out), torch.nn.ReLU()]


def _split(pictures: np.ndarray, at_once: int = 256) -> list[np.ndarray]:
    return [pictures[start : start + at_once] for start in range(0, len(pictures), at_once)]


def _looked_at(pictures: np.ndarray) -> Any:
    """Return pictures (N, 3, H, W) uint8 as the judge sees them: (N, 3, SIDE, SIDE) float32, -1 to 1."""
    import torch

    whole = torch.from_numpy(np.ascontiguousarray(pictures)).float() / 127.5 - 1
    small = torch.nn.functional.interpolate(whole, (SIDE, SIDE), mode="area")
    return small.contiguous(memory_format=torch.channels_last)


def _blemished(pictures: Any, generator: Any) -> Any:
    """Return pictures of which some are blurred and some noisy, as generated ones are."""
    import torch

    blurred = torch.nn.functional.avg_pool2d(pictures, 3, 1, 1)
    some = torch.rand(len(pictures), 1, 1, 1, generator=generator)
    noise = torch.randn(pictures.shape, generator=generator) * 0.1 * (some < 0.3)
    return (torch.where(some > 0.6, blurred, pictures) + noise).contiguous(memory_format=torch.channels_last)
