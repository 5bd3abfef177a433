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
