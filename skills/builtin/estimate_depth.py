"""The skill `estimate_depth`: a picture of how near everything is.

Yang et al., "Depth Anything V2" (2024), in transformers; other checkpoints of AutoModelForDepthEstimation as well.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation, Weights
from ..spec import SkillResult, skill
from ..values import Picture
from ._pretrained import pretrained, processor
from ._shapes import check_shape

METRIC = ("glpn", "zoedepth")
"""Model types that give metres; others do where their configuration says so."""

LEAST_SIDE, THIN = 64, 6
"""A picture with no pixel left at this longer side is too thin; one of more than this ratio of sides is stretched."""


@dataclass(frozen=True)
class _Depth:
    """A loaded checkpoint."""

    model: Any
    processor: Any

    @property
    def metric(self) -> bool:
        """True where the model gives distances in metres, False where it gives nearness without a unit."""
        config = self.model.config
        return config.model_type in METRIC or getattr(config, "depth_estimation_type", "") == "metric"


def _load(weights: Weights) -> _Depth:
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    model = pretrained(AutoModelForDepthEstimation, weights)
    if getattr(model.config, "max_depth", 1) is None and hasattr(model, "head"):
        model.head.max_depth = 1  # a relative checkpoint may say null, which transformers 5.24 multiplies with
    return _Depth(model, processor(AutoImageProcessor, weights))


def _measure(image: Picture, ctx: Context) -> tuple[np.ndarray, bool]:
    """Return (H, W) float32 and whether it is distance in metres (else nearness without a unit)."""
    return ctx.infer(lambda depth: (_map(depth, image, ctx), depth.metric))


def _map(depth: _Depth, image: Picture, ctx: Context) -> np.ndarray:
    import torch
    from torch.nn.functional import interpolate

    ctx.cancel.check()
    check_shape(image, LEAST_SIDE)
    how: dict[str, Any] = {"input_data_format": "channels_last", "return_tensors": "pt"}
    if max(image.size) > THIN * min(image.size) and hasattr(depth.processor, "keep_aspect_ratio"):
        how["keep_aspect_ratio"] = False
    made = depth.processor(images=np.array(image.rgb), **how)
    with torch.inference_mode():
        seen = depth.model(pixel_values=made["pixel_values"].to(depth.model.device, depth.model.dtype))
        ctx.cancel.check()
        full = interpolate(seen.predicted_depth[None].float(), image.size[::-1], mode="bilinear", align_corners=False)
    found: np.ndarray = full[0, 0].cpu().numpy()
    return found


DEPTH_ANYTHING = Implementation(
    name="depth_anything",
    run=_measure,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("depth-anything/Depth-Anything-V2-Small-hf", licence="Apache-2.0", size=99_000_000),
)
"""Depth Anything 1 and 2, relative or metric; the small one is Apache-2.0, the larger ones are CC-BY-NC-4.0."""


@skill(examples=["how far away are things?"], implementations=[DEPTH_ANYTHING])
def estimate_depth(image: Picture, *, ctx: Context) -> SkillResult:
    """Estimate depth: how near or far things are.

    Returns a grey RGB Picture in the frame of `image`, a view: the nearest is white (255), the farthest black (0), and
    between them nearness in the model's own measure. The note says the range in metres where the model gives metres.
    """
    depth, metric = ctx.run(image)
    near = -depth if metric else depth
    low, high = float(near.min()), float(near.max())
    grey = np.zeros(near.shape) if high <= low else (near - low) / (high - low)
    levels = np.repeat((grey * 255).round().astype(np.uint8)[..., None], 3, axis=2)
    note = "white is near, black is far"
    note += f": {-high:.1f} m to {-low:.1f} m" if metric else "; distances have no unit"
    return SkillResult(values=(Picture.from_array(levels, frame=image.frame, view=True),), note=note)
