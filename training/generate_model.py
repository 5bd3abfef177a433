"""The embedded `generate`: a Stable Diffusion pipeline of a few million weights, built, saved and loaded.

Rombach et al., "High-resolution image synthesis with latent diffusion models" (2022): an autoencoder eight times
smaller than the picture, a UNet on its latents, a text encoder; here the text encoder is trained with the UNet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .folder import replaced
from .generate_data import SIDE

FACTOR = 8
"""Pixels of the picture along a side of one latent."""

SHARD = "16MB"
"""Largest file of weights."""

MARKS = ("<|startoftext|>", "<|endoftext|>")
"""CLIP's first and last token; the last one pads too."""


@dataclass(frozen=True)
class Size:
    """How large the parts are."""

    side: int = SIDE
    """Side of a picture in pixels."""
    latents: int = 4
    """Channels of a latent."""
    vae: tuple[int, ...] = (16, 32, 64, 64)
    """Channels of the autoencoder from the picture's grid to the latents'."""
    unet: tuple[int, ...] = (32, 96, 160)
    """Channels of the UNet from the latents' grid to four times coarser."""
    head: int = 32
    """Width of one head of the UNet's attention."""
    groups: int = 8
    """Groups of every group norm."""
    text: int = 128
    """Width of the text encoder."""
    layers: int = 2
    """Its layers."""
    vocabulary: int = 1024
    """Tokens of its tokeniser."""
    length: int = 24
    """Tokens it reads."""


@dataclass
class Parts:
    """The parts of a pipeline."""

    tokenizer: Any
    """CLIPTokenizer."""
    text: Any
    """CLIPTextModel."""
    vae: Any
    """AutoencoderKL whose latents have mean 0 and variance 1 (`generate_vae.whiten`)."""
    unet: Any
    """UNet2DConditionModel."""
    scheduler: Any
    """What samples: its betas and what the UNet predicts are the training's too."""


def train_tokenizer(texts: Iterable[str], size: Size) -> Any:
    """Return a CLIPTokenizer, byte-level BPE in lower case, trained on texts; it can spell anything."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = [*letters, *(f"{letter}</w>" for letter in letters), *MARKS]
    blank = CLIPTokenizer(vocab={token: i for i, token in enumerate(known)}, merges=[])
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=MARKS[1]))
    learner.normalizer = blank.backend_tokenizer.normalizer
    learner.pre_tokenizer = blank.backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=size.vocabulary - len(letters),
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        show_progress=False,
        min_frequency=2,
    )
    learner.train_from_iterator(texts, trainer)
    merges: Any = _merges(learner)
    tokens = list(dict.fromkeys([*known[:-2], *("".join(pair) for pair in merges), *MARKS]))
    return CLIPTokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, merges=merges, model_max_length=size.length
    )


def _merges(learner: Any) -> list[tuple[str, str]]:
    import json

    return [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]


def build(tokenizer: Any, size: Size) -> Parts:
    """Build random parts; seeded by the caller."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    library: Any = diffusers
    levels = len(size.vae)
    vae = library.AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels,
        block_out_channels=list(size.vae),
        layers_per_block=1,
        latent_channels=size.latents,
        norm_num_groups=size.groups,
        sample_size=size.side,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )
    coarser = len(size.unet) - 1
    unet = library.UNet2DConditionModel(
        sample_size=size.side // FACTOR,
        in_channels=size.latents,
        out_channels=size.latents,
        down_block_types=["DownBlock2D"] + ["SimpleCrossAttnDownBlock2D"] * coarser,
        up_block_types=["SimpleCrossAttnUpBlock2D"] * coarser + ["UpBlock2D"],
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        block_out_channels=list(size.unet),
        layers_per_block=1,
        norm_num_groups=size.groups,
        cross_attention_dim=size.text,
        attention_head_dim=size.head,
        encoder_hid_dim=size.text,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )
    return Parts(tokenizer, CLIPTextModel(_text(tokenizer, size, CLIPTextConfig)), vae, unet, scheduler())


def _text(tokenizer: Any, size: Size, kind: Any) -> Any:
    return kind(
        vocab_size=len(tokenizer),
        hidden_size=size.text,
        intermediate_size=4 * size.text,
        num_hidden_layers=size.layers,
        num_attention_heads=size.text // 32,
        max_position_embeddings=size.length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def scheduler() -> Any:
    """Return the sampler: DPM-Solver++ (Lu et al. 2022) over the cosine schedule (Nichol and Dhariwal 2021).

    The UNet predicts v (Salimans and Ho, "Progressive distillation", 2022).
    """
    import diffusers

    library: Any = diffusers
    return library.DPMSolverMultistepScheduler(
        beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", lambda_min_clipped=-5.1, steps_offset=1
    )


def save(parts: Parts, out: Path) -> None:
    """Write a StableDiffusionPipeline, weights in float16, without a safety checker; it takes the place of a folder."""
    import copy

    import diffusers

    library: Any = diffusers
    halves = {name: copy.deepcopy(getattr(parts, name)).half() for name in ("text", "vae", "unet")}
    for name in ("vae", "unet"):
        halves[name].register_to_config(_name_or_path="")  # else the folder the run went on from
    pipeline = library.StableDiffusionPipeline(
        tokenizer=parts.tokenizer,
        text_encoder=halves["text"],
        vae=halves["vae"],
        unet=halves["unet"],
        scheduler=parts.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    _quiet()
    with replaced(out) as part:
        pipeline.save_pretrained(part, max_shard_size=SHARD)


def load(folder: Path) -> Parts:
    """Return the parts of a saved pipeline, weights in float32."""
    import diffusers
    import torch

    library: Any = diffusers
    _quiet()
    made = library.StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return Parts(made.tokenizer, made.text_encoder, made.vae, made.unet, made.scheduler)


def _quiet() -> None:
    """Keep the libraries' bars from the log."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
