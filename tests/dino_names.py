"""Names of the original Grounding DINO's weights -> those of transformers' checkpoints on the hub."""

import re
from collections.abc import Mapping

import torch

_SWIN = "model.backbone.conv_encoder.model."
_BLOCK = [
    ("norm1.", "layernorm_before."),
    ("norm2.", "layernorm_after."),
    ("attn.proj.", "attention.output.dense."),
    ("attn.qkv.", "attention.self.{query,key,value}."),
    ("attn.relative_position_bias_table", "attention.self.relative_position_bias_table"),
    ("mlp.fc1.", "intermediate.dense."),
    ("mlp.fc2.", "output.dense."),
]
_FEED = [("linear1.", "fc1."), ("linear2.", "fc2.")]
_SELF = [("self_attn.in_proj_", "self_attn.{query,key,value}."), ("self_attn.", "self_attn.")]
_DEFORMABLE = [("norm1.", "self_attn_layer_norm."), ("norm2.", "final_layer_norm."), ("self_attn.", "self_attn.")]
_ENHANCER = [("norm1.", "layer_norm_before."), ("norm2.", "layer_norm_after."), *_SELF]
_FUSION = [
    ("layer_norm_v.", "layer_norm_vision."),
    ("layer_norm_l.", "layer_norm_text."),
    ("attn.v_proj.", "attn.vision_proj."),
    ("attn.l_proj.", "attn.text_proj."),
    ("attn.values_v_proj.", "attn.values_vision_proj."),
    ("attn.values_l_proj.", "attn.values_text_proj."),
    ("attn.out_v_proj.", "attn.out_vision_proj."),
    ("attn.out_l_proj.", "attn.out_text_proj."),
    ("gamma_v", "vision_param"),
    ("gamma_l", "text_param"),
]
_DECODER = [
    ("norm1.", "encoder_attn_layer_norm."),
    ("norm2.", "self_attn_layer_norm."),
    ("norm3.", "final_layer_norm."),
    ("cross_attn.", "encoder_attn."),
    ("ca_text.in_proj_", "encoder_attn_text.{query,key,value}."),
    ("ca_text.", "encoder_attn_text."),
    ("catext_norm.", "encoder_attn_text_layer_norm."),
    *_SELF,
]
_SAME = [("", "")]
_RULES = [
    (
        r"backbone\.0\.patch_embed\.",
        _SWIN + "embeddings.",
        [("proj.", "patch_embeddings.projection."), ("norm.", "norm.")],
    ),
    (r"backbone\.0\.norm(\d)\.", _SWIN + "hidden_states_norms.stage{next}.", _SAME),
    (r"backbone\.0\.layers\.(\d+)\.downsample\.", _SWIN + "encoder.layers.{}.downsample.", _SAME),
    (r"backbone\.0\.layers\.(\d+)\.blocks\.(\d+)\.", _SWIN + "encoder.layers.{}.blocks.{}.", _BLOCK),
    (r"bert\.", "model.text_backbone.", _SAME),
    (r"feat_map\.", "model.text_projection.", _SAME),
    (r"input_proj\.", "model.input_proj_vision.", _SAME),
    (r"bbox_embed\.", "bbox_embed.", _SAME),
    (r"transformer\.tgt_embed\.", "model.query_position_embeddings.", _SAME),
    (r"transformer\.enc_out_bbox_embed\.", "model.encoder_output_bbox_embed.", _SAME),
    (r"transformer\.decoder\.norm\.", "model.decoder.layer_norm.", _SAME),
    (r"transformer\.decoder\.ref_point_head\.", "model.decoder.reference_points_head.", _SAME),
    (r"transformer\.decoder\.layers\.(\d+)\.", "model.decoder.layers.{}.", [*_FEED, *_DECODER]),
    (r"transformer\.encoder\.layers\.(\d+)\.", "model.encoder.layers.{}.deformable_layer.", [*_FEED, *_DEFORMABLE]),
    (
        r"transformer\.encoder\.text_layers\.(\d+)\.",
        "model.encoder.layers.{}.text_enhancer_layer.",
        [*_FEED, *_ENHANCER],
    ),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.", "model.encoder.layers.{}.fusion_layer.", _FUSION),
    (r"transformer\.(?=level_embed|enc_output)", "model.", _SAME),
]
_DROPPED = re.compile(r".*relative_position_index|.*position_ids|bert\.pooler\.|transformer\.decoder\.bbox_embed\.")


def converted(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return an original state dict under transformers' names; raises KeyError for a name it does not know."""
    found: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if _DROPPED.match(name):
            continue
        new = _renamed(name)
        if "{query,key,value}" not in new:
            found[new] = value
            continue
        for part, chunk in zip(("query", "key", "value"), value.chunk(3), strict=True):
            found[new.replace("{query,key,value}", part)] = chunk
    return {name: value.clone().contiguous() for name, value in found.items()}


def _renamed(name: str) -> str:
    for pattern, place, table in _RULES:
        match = re.match(pattern, name)
        if match is None:
            continue
        head = place.replace("{next}", str(int(match[1]) + 1)) if "{next}" in place else place.format(*match.groups())
        rest = name[match.end() :]
        old, new = next((pair for pair in table if rest.startswith(pair[0])), (None, ""))
        if old is not None:
            return head + new + rest[len(old) :]
    raise KeyError(name)
