"""What the skills that paint share: settings, running a diffusion pipeline, saying how a picture was made.

Rombach et al., "High-resolution image synthesis with latent diffusion models" (2022); guidance after Ho and Salimans,
"Classifier-free diffusion guidance" (2022).
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..context import Context
from ..errors import SkillError
from ..spec import SkillResult
from ..values import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

Size = tuple[int, int]
"""(width, height) in pixels."""

SETTINGS: Mapping[str, Any] = {"steps": 30, "guidance": 7.5, "safety_checker": True, "side": 512}
"""`steps`: diffusion steps. `guidance`: how strictly the words are followed, from 1. `safety_checker`: whether the
checkpoint's own checker looks at every picture and holds back what it takes for nudity; off is said in the note.
`side`: longer side in pixels at which a picture is worked on."""

MOST_SEEDS = 2**32
"""Seeds run from 0 to one less."""

EXCERPT = 300
"""Characters of a prompt in the note; the call's arguments hold the whole."""


class Asked(NamedTuple):
    """What is to be painted."""

    prompt: str
    """What it shows, in words."""
    seed: int
    """What the noise is drawn from."""
    size: Size
    """Its size when done."""


class Painted(NamedTuple):
    """What was painted."""

    image: "Image"
    """RGB, of the size asked for."""
    note: str
    """How it was made."""


def asked(prompt: str, seed: int | None, size: Size, ctx: Context) -> Asked:
    """Return what is asked for; raises SkillError for an empty prompt or a seed that is none.

    Where no seed was given, the run's own is used.
    """
    words = " ".join(prompt.split())
    if not words:
        raise SkillError("the text is empty; say in words what is wanted, e.g. 'a red fox in the snow'")
    number = ctx.seed if seed is None else seed
    if not 0 <= number < MOST_SEEDS:
        raise SkillError(f"seed {number} cannot be used; expected a whole number from 0 to {MOST_SEEDS - 1}")
    return Asked(words, number, size)


def paint(pipeline: Any, wanted: Asked, ctx: Context, inputs: Callable[[Size], Mapping[str, Any]]) -> Painted:
    """Run a pipeline; use inside `ctx.infer`.

    `inputs` makes the pipeline's further arguments for the size it paints at: that of `wanted`, each side rounded up
    to what the pipeline needs; the result is scaled back. Noise is drawn on the CPU, so that a seed gives the same
    noise on every device. Raises Cancelled within a step of Stop, and SkillError for a picture held back.
    """
    import torch
    from PIL import Image

    def stepped(running: Any, step: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        ctx.cancel.check()
        ctx.progress(step + 1, running.num_timesteps, "diffusion steps")
        return tensors

    ctx.cancel.check()
    size = rounded(wanted.size, grid(pipeline))
    made = pipeline(
        prompt=wanted.prompt,
        num_inference_steps=ctx.setting("steps"),
        guidance_scale=ctx.setting("guidance"),
        generator=torch.Generator("cpu").manual_seed(wanted.seed),
        callback_on_step_end=stepped,
        **inputs(size),
    )
    if any(getattr(made, "nsfw_content_detected", None) or ()):
        raise SkillError("the safety checker held the picture back; ask for something else, or try another seed")
    image = made.images[0].convert("RGB")
    image = image if image.size == wanted.size else image.resize(wanted.size, Image.Resampling.LANCZOS)
    return Painted(
        image, "; ".join(line for line in (how(wanted, size, ctx), _unread(pipeline, wanted.prompt)) if line)
    )


def how(wanted: Asked, size: Size, ctx: Context) -> str:
    """Return how a picture was made, in one line that suffices to make it again."""
    assert ctx.chosen is not None
    assert ctx.chosen.checkpoint is not None
    source = ctx.chosen.checkpoint
    revision = f" ({source.revision})" if source.hub else ""
    words = wanted.prompt if len(wanted.prompt) <= EXCERPT else wanted.prompt[:EXCERPT] + " ..."
    return (
        f"made from {words!r}: seed {wanted.seed}, {ctx.setting('steps')} steps, guidance {ctx.setting('guidance'):g}, "
        f"{size[0]}x{size[1]} pixels, checkpoint {source.id}{revision}, "
        f"safety checker {'on' if ctx.setting('safety_checker') else 'off'}"
    )


def told(picture: Picture, note: str) -> SkillResult:
    """Return a painted picture with how it was made, in the note and in the picture's own metadata."""
    made = f"{picture.made}; then {note}" if picture.made else note
    return SkillResult(values=(picture.model_copy(update={"made": made}),), note=note)


def _unread(pipeline: Any, prompt: str) -> str:
    """Return the word about a prompt whose end no text encoder of the pipeline reads, or ""."""
    readers = [part for name, part in pipeline.components.items() if name.startswith("tokenizer") and part is not None]
    limits = [reader.model_max_length for reader in readers if len(reader(prompt).input_ids) > reader.model_max_length]
    if not readers or len(limits) < len(readers):
        return ""
    return f"the text is longer than the {max(limits)} tokens the model reads; its end had no effect"


def grid(pipeline: Any) -> int:
    """Return the number of pixels that both sides of what a pipeline paints must be a multiple of."""
    own = 8 if getattr(pipeline, "unet", None) is not None else 16  # transformers join 2 x 2 latents to a patch
    return math.lcm(own, getattr(pipeline, "vae_scale_factor", 8))


def rounded(size: Size, step: int) -> Size:
    """Return `size` with both sides rounded up to a multiple of `step`."""
    return math.ceil(size[0] / step) * step, math.ceil(size[1] / step) * step


def scaled(size: Size, side: int) -> Size:
    """Return `size` scaled so that its longer side has `side` pixels; no side is less than one."""
    factor = side / max(size)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
