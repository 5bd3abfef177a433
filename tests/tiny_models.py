"""Small random checkpoints of the classes the skills load, saved to a folder as `save_pretrained` lays them out.

One function a model family: `name(folder, seed=0) -> folder`. Keep each under a second and a megabyte or two; sizes
are the smallest that run through every layer. Weights are random, so tests look at shapes, frames, labels, seeds and
errors, never at what is in the picture.
"""

import json
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


def word_tokenizer(  # type: ignore[no-untyped-def]
    marks: dict[str, str], words: list[str] = WORDS, *, start: str = "", end: str = "", image: bool = False
):
    """A tokenizer of whole words and letters; `marks` are its special tokens, which have the first ids.

    Text is led by `start` and followed by `end` where they are named; with `image` it knows `<image>`.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    tokens = list(dict.fromkeys([*marks.values(), *words, *letters]))
    ids = {token: i for i, token in enumerate(tokens)}
    made = Tokenizer(models.WordLevel(ids, unk_token=marks["unk_token"]))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s+"), "removed")
    if end or start:
        made.post_processor = processors.TemplateProcessing(
            single=f"{start} $A {end}".strip(), special_tokens=[(mark, ids[mark]) for mark in (start, end) if mark]
        )
    extra = {"extra_special_tokens": {"image_token": "<image>"}} if image else {}
    names = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=made, model_input_names=names, **marks, **extra)


def siglip(folder: Path, seed: int = 0, *, side: int = 32) -> Path:
    """Save a SiglipModel with its image processor and a tokenizer that is filed under the class of the hub's."""
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    marks = {"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "</s>"}
    tokenizer = word_tokenizer(marks, [*WORDS, "this", "is"], end="</s>")
    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(seed)
    config = SiglipConfig(
        text_config={**tower, "vocab_size": len(tokenizer), "max_position_embeddings": 16},
        vision_config={**tower, "image_size": side, "patch_size": 16},
    )
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    written = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**written, "tokenizer_class": "SiglipTokenizer"}))
    return folder


def blip2(folder: Path, seed: int = 0, *, side: int = 32) -> Path:
    """Save a Blip2ForConditionalGeneration over OPT with its processor."""
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        BlipImageProcessorPil,
        OPTConfig,
    )

    marks = {"unk_token": "<unk>", "bos_token": "</s>", "eos_token": "</s>", "pad_token": "<pad>"}
    tokenizer = word_tokenizer(marks, start="</s>")
    made = Blip2Processor(
        image_processor=BlipImageProcessorPil(size={"height": side, "width": side}),
        tokenizer=tokenizer,
        num_query_tokens=4,
    )
    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(seed)
    config = Blip2Config(
        vision_config={**tower, "image_size": side, "patch_size": 16, "initializer_range": 0.2},
        qformer_config={**tower, "vocab_size": 10, "encoder_hidden_size": 32, "max_position_embeddings": 16},
        text_config=OPTConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            word_embed_proj_dim=32,
            ffn_dim=48,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=64,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            init_std=0.3,
        ),
        num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    Blip2ForConditionalGeneration(config).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


def florence2(folder: Path, seed: int = 0, *, side: int = 32) -> Path:
    """Save a Florence2ForConditionalGeneration over BART with its processor; a picture is 17 tokens."""
    from transformers import (
        BartConfig,
        CLIPImageProcessorPil,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
    )

    marks = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    tokenizer = word_tokenizer(marks, image=True)
    square = {"height": side, "width": side}
    images = CLIPImageProcessorPil(size=square, crop_size=square, image_seq_length=(side // 8) ** 2 + 1)
    torch.manual_seed(seed)
    config = Florence2Config(
        vision_config={
            "depths": [1, 1],
            "patch_size": [7, 3],
            "patch_stride": [4, 2],
            "patch_padding": [3, 1],
            "patch_prenorm": [False, True],
            "embed_dim": [16, 32],
            "num_heads": [2, 2],
            "num_groups": [2, 2],
            "window_size": 4,
            "projection_dim": 32,
        },
        text_config=BartConfig(
            vocab_size=len(tokenizer),
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=48,
            decoder_ffn_dim=48,
            max_position_embeddings=320,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.eos_token_id,
            init_std=0.3,
        ),
        image_token_id=tokenizer.image_token_id,
    )
    Florence2ForConditionalGeneration(config).save_pretrained(folder)
    Florence2Processor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def classifier(
    folder: Path, seed: int = 0, *, labels: tuple[str, ...] = ("normal", "nsfw"), several: bool = False
) -> Path:
    """Save a ViTForImageClassification with these labels, of which `several` may hold at once."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        problem_type="multi_label_classification" if several else None,
    )
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def clip(folder: Path, seed: int = 0, *, side: int = 32) -> Path:
    """Save a CLIPModel with its processor."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    marks = {"unk_token": "<unk>", "bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>"}
    tokenizer = word_tokenizer(marks, start="<s>", end="</s>")
    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(seed)
    config = CLIPConfig(
        text_config={
            **tower,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 16,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={**tower, "image_size": side, "patch_size": 16},
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    square = {"height": side, "width": side}
    CLIPProcessor(CLIPImageProcessorPil(size=square, crop_size=square), tokenizer).save_pretrained(folder)
    return folder


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


def sam(folder: Path, seed: int = 0, *, side: int = 64) -> Path:
    """Save a SamModel with its processor; pictures are seen at `side` pixels."""
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    torch.manual_seed(seed)
    config = SamConfig(
        vision_config={
            "hidden_size": 32,
            "output_channels": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": side,
            "window_size": 2,
            "global_attn_indexes": [1],
            "mlp_dim": 64,
            "num_pos_feats": 16,
            "initializer_range": 0.2,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": side, "image_embedding_size": side // 16},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "iou_head_hidden_dim": 32},
        initializer_range=0.2,
    )
    SamModel(config).save_pretrained(folder)
    size = {"height": side, "width": side}
    SamProcessor(SamImageProcessorPil(size={"longest_edge": side}, pad_size=size)).save_pretrained(folder)
    return folder


def sam2(folder: Path, seed: int = 0, *, side: int = 64) -> Path:
    """Save a Sam2Model with its processor; pictures are stretched to `side` pixels."""
    from transformers import Sam2Config, Sam2ImageProcessor, Sam2Model, Sam2Processor

    torch.manual_seed(seed)
    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "image_size": [side, side],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 1, 2, 2],
                "window_size_per_stage": [4, 4, 4, 2],
                "global_attention_blocks": [3],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
            "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": side, "patch_size": 16},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "iou_head_hidden_dim": 32},
        initializer_range=0.2,
    )
    Sam2Model(config).save_pretrained(folder)
    Sam2Processor(Sam2ImageProcessor(size={"height": side, "width": side})).save_pretrained(folder)
    return folder


def segment_anything(path: Path, seed: int = 0, *, side: int = 64) -> Path:
    """Save the weights of a segment_anything.modeling.Sam as one `.pth`, of the layout of `sam`."""
    from functools import partial

    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    torch.manual_seed(seed)
    model = Sam(
        image_encoder=ImageEncoderViT(
            img_size=side,
            embed_dim=32,
            depth=2,
            num_heads=2,
            mlp_ratio=2,
            out_chans=32,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=2,
            global_attn_indexes=(1,),
        ),
        prompt_encoder=PromptEncoder(32, (side // 16, side // 16), (side, side), 16),
        mask_decoder=MaskDecoder(
            transformer_dim=32, transformer=TwoWayTransformer(2, 32, 8, 64), iou_head_hidden_dim=32
        ),
    )
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    torch.save(model.state_dict(), path)
    return path


def mask2former(folder: Path, seed: int = 0, *, names: tuple[str, ...] = ("sky", "road", "wall-brick", "tree")) -> Path:
    """Save a Mask2FormerForUniversalSegmentation of the classes `names` with its image processor."""
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessorPil,
        SwinConfig,
    )

    torch.manual_seed(seed)
    config = Mask2FormerConfig(
        backbone_config=SwinConfig(
            image_size=64,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            window_size=4,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        num_queries=8,
        init_std=0.5,
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
    )
    model = Mask2FormerForUniversalSegmentation(config)
    torch.nn.init.normal_(model.class_predictor.weight, std=3.0)
    for name, weight in model.named_parameters():
        if "mask_embedder" in name:
            torch.nn.init.normal_(weight, std=0.5)  # masks that differ
    model.save_pretrained(folder)
    Mask2FormerImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 128}).save_pretrained(folder)
    return folder


def depth_anything(folder: Path, seed: int = 0, *, metric: bool = False) -> Path:
    """Save a DepthAnythingForDepthEstimation with its image processor; a metric one gives 0 to 20 metres."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessorPil

    torch.manual_seed(seed)
    config = DepthAnythingConfig(
        backbone_config=Dinov2Config(
            image_size=56,
            patch_size=14,
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=2,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
            initializer_range=0.2,
        ),
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=4,
        initializer_range=0.2,
        depth_estimation_type="metric" if metric else "relative",
        max_depth=20 if metric else None,
    )
    DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    size = {"height": 56, "width": 56}
    DPTImageProcessorPil(size=size, ensure_multiple_of=14, keep_aspect_ratio=True).save_pretrained(folder)
    return folder


def sam3(folder: Path, seed: int = 0) -> Path:
    """Save a Sam3Model with its processor; pictures are stretched to 56 pixels."""
    from transformers import CLIPTextConfig, Sam3Config, Sam3ImageProcessor, Sam3Model, Sam3Processor

    tokenizer = clip_tokenizer()
    torch.manual_seed(seed)
    part = {"hidden_size": 32, "num_attention_heads": 2}
    layers = {**part, "num_layers": 1, "intermediate_size": 64}
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                **part,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "image_size": 56,
                "window_size": 2,
                "global_attn_indexes": [1],
                "pretrain_image_size": 28,
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        text_config=CLIPTextConfig(
            **part,
            vocab_size=len(tokenizer),
            intermediate_size=64,
            projection_dim=32,
            num_hidden_layers=1,
            max_position_embeddings=32,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_queries": 10},
        mask_decoder_config=part,
        initializer_range=0.2,
    )
    Sam3Model(config).save_pretrained(folder)
    images = Sam3ImageProcessor(size={"height": 56, "width": 56})
    Sam3Processor(images, tokenizer).save_pretrained(folder)
    return folder


def grounding_dino_pth(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """Save an original Grounding DINO as `dino.pth`, and the folder `bert` with its tokenizer and configuration.

    Its backbone and width have the published size (Swin-T, 28 M weights): the package knows no smaller ones.
    """
    from groundingdino.config import GroundingDINO_SwinT_OGC as published
    from transformers import BertConfig, BertModel

    from skills.builtin._detect_dino_pth import build

    tokenizer = bert_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    torch.manual_seed(seed)
    small = {"nheads": 4, "num_queries": 20, "dim_feedforward": 64, "enc_layers": 1, "dec_layers": 2}
    plain = {name: value for name, value in vars(published).items() if not name.startswith("_")}
    model = build(plain | small, tokenizer, BertModel(config))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)  # many begin as zeros
    torch.save({"model": {f"module.{name}": value for name, value in model.state_dict().items()}}, folder / "dino.pth")
    tokenizer.save_pretrained(folder / "bert")
    config.save_pretrained(folder / "bert")
    return folder / "dino.pth", folder / "bert"


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
