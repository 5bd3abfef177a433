"""Small random checkpoints of the classes the skills load, saved to a folder as `save_pretrained` lays them out.

One function a model family: `name(folder, seed=0) -> folder`. Keep each under a second and a megabyte or two; sizes
are the smallest that run through every layer. Weights are random, so tests look at shapes, frames, labels, seeds and
errors, never at what is in the picture.
"""

from pathlib import Path

import torch

WORDS = [
    "a", "the", "of", "and", "red", "blue", "cat", "dog", "car", "cup", "person", "sky", "road", "tree", "face",
    "photo", "wall", "ground", "two", "three",
]  # fmt: skip
"""What the tiny tokenizers know as whole words; other words fall apart into letters."""


def bert_tokenizer(words: list[str] = WORDS):  # type: ignore[no-untyped-def]
    """A WordPiece tokenizer whose marks have BERT's own ids, which Grounding DINO hard-codes.

    [PAD] 0, [UNK] 100, [CLS] 101, [SEP] 102, "." 1012, "?" 1029; whole words from 1100.
    """
    from transformers import BertTokenizerFast

    vocabulary = [f"[unused{i}]" for i in range(1100)] + words
    for index, token in {
        0: "[PAD]",
        100: "[UNK]",
        101: "[CLS]",
        102: "[SEP]",
        103: "[MASK]",
        1012: ".",
        1029: "?",
    }.items():
        vocabulary[index] = token
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    vocabulary += [*letters, *(f"##{letter}" for letter in letters)]
    return BertTokenizerFast(vocab={token: i for i, token in enumerate(dict.fromkeys(vocabulary))})


def grounding_dino(folder: Path, seed: int = 0, *, queries: int = 20, side: int = 64) -> Path:
    """Save a GroundingDinoForObjectDetection with its processor; pictures are seen at about `side` pixels."""
    from transformers import (
        BertConfig,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessorPil,
        GroundingDinoProcessor,
        SwinConfig,
    )

    tokenizer = bert_tokenizer()
    torch.manual_seed(seed)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=side,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
        ),
        num_queries=queries,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,  # with one, transformers finds nothing to tie its box heads to
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
    )
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    images = GroundingDinoImageProcessorPil(size={"shortest_edge": side, "longest_edge": 2 * side})
    GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def clip_tokenizer(words: list[str] = WORDS, length: int = 16):  # type: ignore[no-untyped-def]
    """A CLIP tokenizer that knows letters, both inside a word and at its end; a prompt holds `length` tokens."""
    from transformers import CLIPTokenizer

    letters = sorted({letter for word in words for letter in word} | set("abcdefghijklmnopqrstuvwxyz,."))
    marks = ["<|startoftext|>", "<|endoftext|>"]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *marks]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=length)


def diffusion(folder: Path, seed: int = 0, *, made_for: str = "generate", checker: str = "passes") -> Path:
    """Save a Stable Diffusion pipeline of a few channels, its VAE eight times smaller than the picture.

    `made_for` "generate", "inpaint" (9 input channels) or "edit" (8) chooses UNet and pipeline class; the safety
    `checker` "passes" or "stops" every picture, or is "absent".
    """
    import diffusers
    from transformers import CLIPImageProcessor, CLIPTextConfig, CLIPTextModel

    kinds = {
        "generate": (4, diffusers.StableDiffusionPipeline),
        "inpaint": (9, diffusers.StableDiffusionInpaintPipeline),
        "edit": (8, diffusers.StableDiffusionInstructPix2PixPipeline),
    }
    channels, kind = kinds[made_for]
    tokenizer = clip_tokenizer()
    torch.manual_seed(seed)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vae = diffusers.AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[4, 4, 4, 4],
        norm_num_groups=2,
        sample_size=32,
    )
    kind(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet(channels),
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None if checker == "absent" else _safety_checker(checker == "stops"),
        feature_extractor=CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        requires_safety_checker=checker != "absent",
    ).save_pretrained(folder)
    return folder


def unet(channels: int, width: int = 16):  # type: ignore[no-untyped-def]
    """The UNet of `diffusion`: `channels` come in, text of `width` numbers a token; seeded by the caller."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        in_channels=channels,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
        up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        block_out_channels=[8, 8],
        layers_per_block=1,
        norm_num_groups=2,
        cross_attention_dim=width,
        attention_head_dim=4,
        sample_size=4,
    )


def controlnet(folder: Path, seed: int = 0, *, width: int = 16) -> Path:
    """Save a ControlNetModel that fits the UNet of `diffusion` of that `width`; no layer of it is zero."""
    from diffusers import ControlNetModel

    torch.manual_seed(seed)
    model = ControlNetModel.from_unet(unet(4, width), conditioning_embedding_out_channels=(4, 4, 4, 4))
    for layer in [*model.controlnet_down_blocks, model.controlnet_mid_block, model.controlnet_cond_embedding.conv_out]:
        torch.nn.init.normal_(layer.weight, std=0.5)
    model.save_pretrained(folder)
    return folder


def _safety_checker(stops: bool):  # type: ignore[no-untyped-def]
    """A StableDiffusionSafetyChecker that lets every picture pass, or stops every one."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    tower = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    marks = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    vision = {**tower, "image_size": 16, "patch_size": 8}
    config = CLIPConfig(text_config={**tower, **marks, "vocab_size": 8}, vision_config=vision, projection_dim=8)
    model = StableDiffusionSafetyChecker(config)
    model.concept_embeds_weights.data.fill_(-2.0 if stops else 2.0)
    return model
