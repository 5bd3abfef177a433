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
