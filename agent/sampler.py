"""Drawing tokens at a temperature, and keeping them with their log-probabilities: for rollouts, not for serving."""

import math

import numpy as np


class Sampler:
    """Draws the tokens of one sample with a generator of its own; nothing global is read or changed."""

    def __init__(self, temperature: float, seed: int) -> None:
        """Draw at `temperature` (0: the best token, as serving does) from a generator seeded with `seed`."""
        self.temperature = temperature
        self._generator = np.random.default_rng(seed)
        self._ids: list[int] = []
        self._logprobs: list[float] = []

    def begin(self) -> None:
        """Start a pass: what was kept is forgotten, the generator goes on."""
        self._ids, self._logprobs = [], []

    def pick(self, allowed: np.ndarray) -> int:
        """Return a token drawn from softmax(`allowed` / temperature), (V,) float32; -inf is never drawn."""
        if self.temperature == 0:
            return int(allowed.argmax())
        scaled = (allowed - allowed.max()).astype(np.float64) / self.temperature
        summed = np.exp(scaled).cumsum()
        return int((summed / summed[-1]).searchsorted(self._generator.random(), side="right"))

    def keep(self, token_id: int, logits: np.ndarray) -> None:
        """Keep a token with its log-probability under softmax(`logits`), (V,) float32, before any grammar."""
        wide = logits.astype(np.float64)
        top = wide.max()
        self._ids.append(token_id)
        self._logprobs.append(float(wide[token_id] - top - math.log(np.exp(wide - top).sum())))

    @property
    def kept(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Token ids of the pass so far and their natural log-probabilities."""
        return tuple(self._ids), tuple(self._logprobs)
