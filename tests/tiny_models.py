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
