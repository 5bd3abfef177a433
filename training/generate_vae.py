"""Trains the autoencoder of the embedded `generate` on crops, and makes its latents' mean 0 and their variance 1."""

import random
from typing import Any

import numpy as np

CROP = 64
"""Side in pixels of the crops; the autoencoder is convolutional, so that it works at any size."""

BATCH = 16
"""Crops of a step."""

RATE = 2e-3
"""AdamW's learning rate."""

PRIOR = 1e-3
"""Weight of the divergence from the normal distribution, in nats of one latent."""

EDGES = 1.0
"""Weight of the error in differences between neighbouring pixels."""


def to_model(pictures: Any) -> Any:
    """Return pictures (N, 3, H, W) uint8 as the autoencoder reads them: float32, -1 to 1, channels last."""
    import torch

    made = torch.from_numpy(np.ascontiguousarray(pictures)).float() / 127.5 - 1
    return made.contiguous(memory_format=torch.channels_last)


def crops(pool: np.ndarray, rng: random.Random, count: int = BATCH, side: int = CROP) -> np.ndarray:
    """Draw crops (count, 3, side, side) of pictures (N, 3, H, W)."""
    found = []
    for _ in range(count):
        picture = pool[rng.randrange(len(pool))]
        y, x = (rng.randint(0, length - side) for length in picture.shape[1:])
        found.append(picture[:, y : y + side, x : x + side])
    return np.stack(found)


class VaeTrainer:
    """Trains an AutoencoderKL: absolute error of pixels and of edges, and the divergence (Kingma and Welling 2014)."""

    def __init__(self, vae: Any, dtype: Any, *, decoder: bool = False) -> None:
        """Take the model, changed in place, and the dtype of its products; `decoder` keeps the latents as they are."""
        import torch

        self.vae, self.dtype = vae.to(memory_format=torch.channels_last), dtype
        vae.encoder.requires_grad_(not decoder)
        vae.quant_conv.requires_grad_(not decoder)
        trained = [parameter for parameter in vae.parameters() if parameter.requires_grad]
        self.adam = torch.optim.AdamW(trained, lr=RATE, betas=(0.9, 0.95), weight_decay=1e-4)

    def step(self, pictures: Any, scale: float = 1.0) -> dict[str, float]:
        """Take one step on pictures (N, 3, H, W), -1 to 1, at `scale` times the learning rate; return the losses."""
        import torch

        for group in self.adam.param_groups:
            group["lr"] = RATE * scale
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            latents = self.vae.encode(pictures).latent_dist
            made = self.vae.decode(latents.sample()).sample
        error = made.float() - pictures
        losses = {
            "pixels": error.abs().mean(),
            "edges": error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean(),
            "prior": latents.kl().mean() / latents.mean[0].numel(),
        }
        total = losses["pixels"] + EDGES * losses["edges"] + PRIOR * losses["prior"]
        self.adam.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.vae.parameters(), 1.0)
        self.adam.step()
        return {name: round(float(loss.detach()), 4) for name, loss in losses.items()}


def encode(vae: Any, pictures: np.ndarray, dtype: Any, at_once: int = 32) -> Any:
    """Return the means of the latents (N, C, H / 8, W / 8) float32 of pictures (N, 3, H, W) uint8."""
    import torch

    found = []
    for start in range(0, len(pictures), at_once):
        with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            found.append(vae.encode(to_model(pictures[start : start + at_once])).latent_dist.mean.float())
    return torch.cat(found)


def whiten(vae: Any, pictures: np.ndarray, dtype: Any) -> None:
    """Change the autoencoder so that each channel of the latents of `pictures` has mean 0 and variance 1.

    The change is folded into its 1 x 1 convolutions about the latents; what is decoded stays the same.
    """
    import torch

    latents = encode(vae, pictures, dtype)
    mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    channels = len(mean)
    into, back = vae.quant_conv, vae.post_quant_conv
    with torch.no_grad():
        into.weight[:channels] /= spread[:, None, None, None]
        into.bias[:channels] = (into.bias[:channels] - mean) / spread
        into.bias[channels:] -= 2 * spread.log()
        back.bias += back.weight[:, :, 0, 0] @ mean
        back.weight *= spread[None, :, None, None]


def peak_ratio(vae: Any, pictures: np.ndarray, dtype: Any) -> float:
    """Return the peak signal-to-noise ratio in dB of pictures (N, 3, H, W) uint8 through the autoencoder."""
    import torch

    latents = encode(vae, pictures, dtype)
    with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        made = torch.cat([vae.decode(part).sample.float().clamp(-1, 1) for part in latents.split(32)])
    error = (made - to_model(pictures)).square().mean()
    return float(10 * torch.log10(4 / error))
