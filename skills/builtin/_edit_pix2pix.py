"""InstructPix2Pix (Brooks, Holynski and Efros, 2023) in diffusers: the whole picture changed as an instruction says."""

from typing import Any

from ..checkpoint import Checkpoint
from ..context import Context
from ..errors import InputError
from ..implementation import Implementation, Weights
from ..values import Picture
from ._diffusion import SETTINGS, Asked, Painted, Size, paint, scaled
from ._pipelines import FILES, load_pipeline


def _load(weights: Weights) -> Any:
    from diffusers import StableDiffusionInstructPix2PixPipeline

    pipeline = load_pipeline(StableDiffusionInstructPix2PixPipeline, weights)
    takes, expected = pipeline.unet.config.in_channels, 2 * pipeline.vae.config.latent_channels
    if takes != expected:
        raise InputError(
            f"the UNet of {str(weights.path)!r} takes {takes} channels, expected {expected}; "
            "name a checkpoint of InstructPix2Pix"
        )
    return pipeline


def _edit(image: Picture, wanted: Asked, ctx: Context) -> Painted:
    """Return the edited picture at the size of `image`; it is worked on at the profile's `side`."""
    from PIL import Image

    def inputs(size: Size) -> dict[str, Any]:
        return {
            "image": Image.fromarray(image.rgb).resize(size, Image.Resampling.LANCZOS),
            "image_guidance_scale": ctx.setting("image_guidance"),
        }

    work = wanted._replace(size=scaled(image.size, ctx.setting("side")))
    made: Painted = ctx.infer(lambda pipeline: paint(pipeline, work, ctx, inputs))
    return made._replace(image=made.image.resize(image.size, Image.Resampling.LANCZOS))


INSTRUCT_PIX2PIX = Implementation(
    name="instruct_pix2pix",
    run=_edit,
    load=_load,
    needs=("torch", "diffusers"),
    checkpoint=Checkpoint("timbrooks/instruct-pix2pix", licence="MIT", size=5_480_000_000, files=FILES),
    settings={**SETTINGS, "image_guidance": 1.5},
)
"""Settings as in `_diffusion.SETTINGS`; `image_guidance` is how closely the picture itself is kept, from 1."""
