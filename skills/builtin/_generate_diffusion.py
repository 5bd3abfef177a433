"""Text to picture through whatever pipeline of diffusers a checkpoint names: Stable Diffusion and its family."""

from typing import Any

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation, Weights
from ._diffusion import SETTINGS, Asked, Painted, paint
from ._pipelines import FILES, load_pipeline


def _load(weights: Weights) -> Any:
    from diffusers import AutoPipelineForText2Image

    return load_pipeline(AutoPipelineForText2Image, weights)


def _run(wanted: Asked, ctx: Context) -> Painted:
    """Paint a picture of the size asked for."""
    return ctx.infer(lambda pipeline: paint(pipeline, wanted, ctx, lambda size: {"width": size[0], "height": size[1]}))


DIFFUSION = Implementation(
    name="diffusion",
    run=_run,
    load=_load,
    needs=("torch", "diffusers"),
    checkpoint=Checkpoint(
        "stable-diffusion-v1-5/stable-diffusion-v1-5", licence="CreativeML OpenRAIL-M", size=5_480_000_000, files=FILES
    ),
    settings={**SETTINGS, "largest": 1024},
)
"""Settings as in `_diffusion.SETTINGS`; `side` is the width and height where none is asked for, `largest` the longest
side in pixels that may be asked for."""
