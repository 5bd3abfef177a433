"""A small LLaVA as the original code builds it: its module names, its forward, its files."""

import json
from pathlib import Path

import torch
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaModel

from tests import tiny

VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
SPECIALS = ["<pad>", "<s>", "<end>", "<unk>"]


class Tower(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.vision_tower = CLIPVisionModel(CLIPVisionConfig(**VISION, image_size=48, patch_size=16))

    def forward(self, pixels):
        """Features of the patches from the layer before the last: (B, 9, 32)."""
        return self.vision_tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]


class Original(torch.nn.Module):
    """LlavaLlamaForCausalLM: model.embed_tokens, model.mm_projector, model.vision_tower, lm_head."""

    def __init__(self, rows: int, projector: str):
        super().__init__()
        self.model = LlamaModel(LlamaConfig(**TEXT, vocab_size=rows))
        one, two = torch.nn.Linear(32, 32), torch.nn.Linear(32, 32)
        self.model.mm_projector = one if projector == "linear" else torch.nn.Sequential(one, torch.nn.GELU(), two)
        self.model.vision_tower = Tower()
        self.lm_head = torch.nn.Linear(32, rows, bias=False)

    def forward(self, ids: list[int], at: int, pixels: torch.Tensor) -> torch.Tensor:
        """Logits (T + 9, rows) of a text with a picture spliced in before token `at`."""
        words = self.model.embed_tokens(torch.tensor([ids]))
        picture = self.model.mm_projector(self.model.vision_tower(pixels))
        spliced = torch.cat([words[:, :at], picture, words[:, at:]], dim=1)
        return self.lm_head(self.model(inputs_embeds=spliced).last_hidden_state)[0]


def original_names(model: Original) -> dict[str, torch.Tensor]:
    """Return the state dict as the original code names it: its CLIP keeps a `vision_model` in between."""
    between = "model.vision_tower.vision_tower."
    named = {}
    for name, value in model.state_dict().items():
        inner = name.removeprefix(between)
        bare = name.startswith(between) and not inner.startswith("vision_model.")
        named[f"{between}vision_model.{inner}" if bare else name] = value.clone()
    named["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    return named


def save(folder: Path, projector: str, *, tower: bool = True, pickled: bool = False) -> tuple[Original, Path, Path]:
    """Save a checkpoint of the original code and the CLIP it names; return the model and both folders."""
    from safetensors.torch import save_file

    original, vision = folder / "original", folder / "clip"
    tokenizer = tiny.tokenizer(SPECIALS)
    tokenizer.save_pretrained(original)
    torch.manual_seed(0)
    model = Original(len(tokenizer), projector).eval()
    told = {"mm_vision_tower": "clip", "mm_hidden_size": 32, "mm_projector_type": projector}
    config = {**TEXT, **told, "model_type": "llava", "vocab_size": len(tokenizer), "max_position_embeddings": 2048}
    (original / "config.json").write_text(json.dumps(config))
    state = original_names(model)
    kept = {name: value for name, value in state.items() if tower or "vision_tower" not in name}
    if pickled:
        torch.save(kept, original / "pytorch_model-00001-of-00001.bin")
    else:
        save_file(kept, original / "model.safetensors")
    model.model.vision_tower.vision_tower.save_pretrained(vision)
    side = {"height": 48, "width": 48}
    CLIPImageProcessorPil(size=side, do_center_crop=False, crop_size=side).save_pretrained(vision)
    return model, original, vision
