"""ControlNet (Zhang, Rao and Agrawala, 2023) in diffusers: words paint the picture, another picture guides it."""

from dataclasses import replace
from typing import Any

from ..checkpoint import Checkpoint
from ..context import Context
from ..errors import InputError
from ..implementation import Implementation, Weights
from ..values import Picture
from ._diffusion import SETTINGS, Asked, Painted, Size, paint
from ._generate_from_control import Control, guide
from ._pipelines import FILES, load_pipeline
from ._pretrained import pretrained

NET_FILES = ("config.json", "diffusion_pytorch_model.safetensors")
"""What a ControlNet needs of its repository."""


def _load(weights: Weights) -> Any:
    """Load the pipeline with the ControlNet of the control that is `weights.part`."""
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    folder = weights.parts[weights.part]
    net = pretrained(ControlNetModel, replace(weights, path=folder))
    pipeline = load_pipeline(StableDiffusionControlNetPipeline, weights, controlnet=net)
    own, expected = net.config.cross_attention_dim, pipeline.unet.config.cross_attention_dim
    if own != expected:
        raise InputError(
            f"the ControlNet {str(folder)!r} reads text of width {own}, {str(weights.path)!r} of width {expected}; "
            "name two that were made for each other"
        )
    return pipeline


def _run(image: Picture, control: Control, wanted: Asked, ctx: Context) -> Painted:
    """Paint a picture guided by what `control` takes from `image`."""
    guided = guide(control, image, ctx)

    def inputs(size: Size) -> dict[str, Any]:
        return {
            "image": guided.draw(size),
            "width": size[0],
            "height": size[1],
            "controlnet_conditioning_scale": ctx.setting("control_strength"),
        }

    made: Painted = ctx.infer(lambda pipeline: paint(pipeline, wanted, ctx, inputs), part=control)
    return made._replace(note="; ".join(line for line in (made.note, f"guided by {control}", guided.note) if line))


def _net(name: str) -> Checkpoint:
    return Checkpoint(f"lllyasviel/{name}", licence="OpenRAIL", size=1_450_000_000, files=NET_FILES)


CONTROLNET = Implementation(
    name="controlnet",
    run=_run,
    load=_load,
    needs=("torch", "diffusers", "cv2"),
    checkpoint=Checkpoint(
        "stable-diffusion-v1-5/stable-diffusion-v1-5", licence="CreativeML OpenRAIL-M", size=5_480_000_000, files=FILES
    ),
    parts={
        "canny": _net("control_v11p_sd15_canny"),
        "depth": _net("control_v11f1p_sd15_depth"),
        "seg": _net("control_v11p_sd15_seg"),
    },
    settings={**SETTINGS, "control_strength": 1.0, "canny_low": 100, "canny_high": 200},
)
"""Settings as in `_diffusion.SETTINGS`; `control_strength` is how closely the guide is followed, 1 as it was trained;
`canny_low` and `canny_high` (0-255) are the thresholds of the edge detector. Each control is a model of its own."""
