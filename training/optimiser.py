"""Muon, and the learning-rate schedule.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum whose matrix is made nearly orthogonal by
Newton-Schulz steps. torch.optim.Muon always takes those steps in bfloat16, which a CPU without bf16 units does
forty times slower; here the caller says in which dtype.
"""

from collections.abc import Iterable
from typing import Any

_A, _B, _C = 3.4445, -4.7750, 2.0315


class Muon:
    """Muon for a list of matrices."""

    def __init__(
        self,
        matrices: Iterable[Any],
        rate: float = 0.02,
        momentum: float = 0.95,
        decay: float = 0.02,
        steps: int = 5,
        dtype: Any = None,
    ) -> None:
        """Take (rows, columns) parameters, or kernels (rows, ...) that are read as such.

        `rate` is the learning rate, `steps` those of Newton-Schulz in `dtype`.
        """
        self.dtype = dtype
        self.matrices = list(matrices)
        self.rate, self.momentum, self.decay, self.steps = rate, momentum, decay, steps
        self._moments: list[Any] = [None] * len(self.matrices)

    def step(self, scale: float = 1.0) -> None:
        """Move every matrix once; `scale` multiplies the learning rate."""
        import torch

        with torch.no_grad():
            for i, matrix in enumerate(self.matrices):
                if matrix.grad is None:
                    continue
                if self._moments[i] is None:
                    self._moments[i] = torch.zeros_like(matrix)
                moment = self._moments[i].lerp_(matrix.grad, 1 - self.momentum)
                told = matrix.grad.lerp(moment, self.momentum).flatten(1)
                told = orthogonal(told if self.dtype is None else told.to(self.dtype), self.steps)
                update = told.to(matrix.dtype).view(matrix.shape)
                rate = self.rate * scale
                matrix.mul_(1 - rate * self.decay)
                matrix.add_(update, alpha=-rate * max(1.0, told.shape[0] / told.shape[1]) ** 0.5)


def orthogonal(matrix: Any, steps: int = 5) -> Any:
    """Return the nearly orthogonal matrix nearest to `matrix` (rows, columns), by quintic Newton-Schulz steps."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = _A * x + (_B * square + _C * square @ square) @ x
    return x if wide else x.T


FLAT = 0.25
"""Share of a run after which the learning rate falls."""


def schedule(done: float, warm: float) -> float:
    """Return the factor of the learning rate at `done` of the run (0-1): up to `warm`, flat to FLAT, down to 0.02."""
    if done < warm:
        return max(0.02, done / warm)
    if done < FLAT:
        return 1.0
    return max(0.02, 1.0 - 0.98 * (done - FLAT) / (1 - FLAT))


def fast_dtype() -> Any:
    """Return bfloat16 where this processor has units for it, else float32."""
    import torch

    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
