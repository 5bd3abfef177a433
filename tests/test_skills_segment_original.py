"""SAM through its own package: equal to transformers on the same weights, and no `.pth` without its pinned hash."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skills import Context, Picture, Region, Regions, Rle, SkillError
from skills.builtin import _segment_prompts as prompts
from skills.builtin.segment import segment
from skills.checkpoint import file_sha256
from tests import tiny_models


def _box(x1: float, y1: float, x2: float, y2: float) -> Region:
    return Region(box=(x1, y1, x2, y2))


def _point(x: float, y: float) -> Region:
    return Region(box=(x, y, x, y), point=(x, y))


def _of(*regions: Region) -> Regions:
    return Regions(items=regions)


def _load(**settings: str) -> Any:
    """The model behind the skill, on the CPU in float32."""
    chosen = segment.using(**settings).chosen
    assert chosen is not None
    return chosen.recipe().load("cpu", "float32")


def test_the_original_and_transformers_are_equal(tmp_path: Path) -> None:
    import torch

    path = tiny_models.segment_anything(tmp_path / "sam.pth")
    theirs = _load(implementation="segment_anything", checkpoint=str(path), sha256=file_sha256(path))
    ours = _load(implementation="sam", checkpoint=str(tiny_models.sam(tmp_path / "sam")))
    lacking, unknown = ours.model.load_state_dict(_renamed(theirs.model.state_dict()), strict=False)
    assert (lacking, unknown) == ([], [])
    picture = Picture.from_array(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    mask = Region(box=(8, 8, 40, 30), rle=Rle.encode(np.pad(np.ones((22, 32), bool), ((8, 34), (8, 24)))))
    with torch.inference_mode():
        seen = [model.encode(picture) for model in (ours, theirs)]
        assert torch.allclose(seen[0].maps[0], seen[1].maps[0], atol=1e-4)
        for objects, away in (
            ([[_box(5, 6, 40, 50)], [mask]], [_point(50, 50)]),
            ([[_point(20, 30), _point(30, 20)]], []),
        ):
            asked = prompts._prompts(ours, seen[0], picture.size, objects, away)
            (logits, fits), (low, iou) = ours.decode(seen[0], asked), theirs.decode(seen[1], asked)
            assert logits.shape == low.shape == (len(objects), 3, 16, 16)
            assert float((logits - low).abs().max()) < 1e-4
            assert float((fits - iou).abs().max()) < 1e-4


_NAMES = [
    ("image_encoder.", "vision_encoder."), (".blocks.", ".layers."), (".norm1.", ".layer_norm1."),
    (".norm2.", ".layer_norm2."), (".norm3.", ".layer_norm3."), (".norm4.", ".layer_norm4."),
    ("patch_embed.proj.", "patch_embed.projection."), ("neck.0.", "neck.conv1."), ("neck.1.", "neck.layer_norm1."),
    ("neck.2.", "neck.conv2."), ("neck.3.", "neck.layer_norm2."), ("point_embeddings.", "point_embed."),
    ("mask_downscaling.0.", "mask_embed.conv1."), ("mask_downscaling.1.", "mask_embed.layer_norm1."),
    ("mask_downscaling.3.", "mask_embed.conv2."), ("mask_downscaling.4.", "mask_embed.layer_norm2."),
    ("mask_downscaling.6.", "mask_embed.conv3."), ("output_upscaling.0.", "upscale_conv1."),
    ("output_upscaling.1.", "upscale_layer_norm."), ("output_upscaling.3.", "upscale_conv2."),
    ("norm_final_attn.", "layer_norm_final_attn."),
    ("pe_layer.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
]  # fmt: skip
"""What segment-anything calls its weights, and what transformers does."""


def _renamed(state: dict[str, Any]) -> dict[str, Any]:
    """The weights of the package under the names of transformers."""
    made = {}
    for name, weight in state.items():
        for old, new in _NAMES:
            name = name.replace(old, new)
        if ".output_hypernetworks_mlps." in name or ".iou_prediction_head." in name:
            name = name.replace("layers.0.", "proj_in.").replace("layers.1.", "layers.0.")
            name = name.replace("layers.2.", "proj_out.")
        made[name] = weight
    shared = "prompt_encoder.shared_embedding.positional_embedding"
    return {**made, "shared_image_embedding.positional_embedding": made[shared]}


def test_a_pth_needs_its_pinned_hash_and_must_be_a_sam(plain: Picture, tmp_path: Path) -> None:
    import torch

    path = tiny_models.segment_anything(tmp_path / "sam.pth")
    original = segment.using(implementation="segment_anything", checkpoint=str(path))
    with pytest.raises(SkillError) as caught:
        original(plain, _of(_box(0, 0, 50, 50)), ctx=Context())
    assert str(caught.value) == (
        "segment_anything cannot be loaded: 'sam.pth' has no pinned hash; if you trust it, "
        f'set sha256 = "{file_sha256(path)}" in the profile'
    )
    with pytest.raises(SkillError, match=r"cannot be loaded: 'sam.pth' has the SHA-256 \w+, expected 00"):
        original.using(sha256="00")(plain, _of(_box(0, 0, 50, 50)), ctx=Context())
    torch.save({"weight": torch.zeros(3)}, other := tmp_path / "other.pth")
    with pytest.raises(SkillError) as caught:
        original.using(checkpoint=str(other), sha256=file_sha256(other))(plain, _of(_box(0, 0, 9, 9)), ctx=Context())
    assert str(caught.value) == (
        "segment_anything cannot be loaded: 'other.pth' lacks the weight 'prompt_encoder.no_mask_embed.weight'; "
        "it is no checkpoint of SAM"
    )
