"""Small random checkpoints of the classes the planner loads, built once a test run and saved to disk."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from agent.slots import special_tokens

WORDS = ["find the red car", "blur every face", "lee el texto del cartel", "what does it say?", "boxes_1 img_1"] * 20

VICUNA = (
    "{% for m in messages %}{{ m.role.upper() }}: {% if m.content is string %}{{ m.content }}{% else %}"
    "{% for p in m.content %}{% if p.type == 'image' %}<image>\n{% else %}{{ p.text }}{% endif %}{% endfor %}"
    "{% endif %} {% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""Like LLaVA-1.5's own template: it reads neither tools nor tool_calls."""


def tokenizer(specials: list[str], template: str | None = None) -> PreTrainedTokenizerFast:
    """A byte BPE of 1,024 tokens, the specials first: <pad>, <s>, <end>, <unk>, <image>."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tok.train_from_iterator(WORDS, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tok,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<end>",
        unk_token="<unk>",
        additional_special_tokens=specials[4:],
    )
    fast.chat_template = template
    return fast


def save(folder: Path, *, slots: bool, seed: int = 0, markers: bool = False, chatml: bool = False) -> Path:
    """Save a random LLaVA of about 100 k parameters with its processor; `slots` chooses the dialect.

    With `markers` the tokenizer holds <tool_call> as a token of its own, added but not special, as Qwen's does; with
    `chatml` it has ChatML's marks, of which <|im_end|> ends a turn.
    """
    specials = special_tokens() if slots else ["<pad>", "<s>", "<end>", "<unk>", "<image>"]
    specials += ["<|im_start|>", "<|im_end|>"] if chatml else []
    tok = tokenizer(specials, None if slots else VICUNA)
    if chatml:
        tok.eos_token = "<|im_end|>"
    if markers:
        tok.add_tokens(["<tool_call>", "</tool_call>"])
    torch.manual_seed(seed)
    config = LlavaConfig(
        text_config=LlamaConfig(
            vocab_size=len(tok),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=8192,
            bos_token_id=1,
            eos_token_id=tok.eos_token_id,
            pad_token_id=0,
        ),
        vision_config=CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=48,
            patch_size=16,
        ),
        image_token_id=tok.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.eos_token_id = tok.eos_token_id
    images = CLIPImageProcessorPil(
        size={"height": 48, "width": 48}, do_center_crop=False, crop_size={"height": 48, "width": 48}
    )
    processor = LlavaProcessor(
        image_processor=images,
        tokenizer=tok,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=tok.chat_template,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    if slots:
        (folder / "handeye.json").write_text('{"dialect": "slots/2", "max_length": 8192}')
    return folder
