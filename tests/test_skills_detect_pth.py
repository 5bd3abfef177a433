"""`detect` from an original Grounding DINO `.pth`, and what it has in common with transformers' Grounding DINO."""

from pathlib import Path

import pytest
import torch

from skills import Boxes, Context, Picture, SkillError
from skills.builtin._detect_dino_pth import GROUNDING_DINO_PTH, _load
from skills.builtin.detect import detect
from skills.checkpoint import file_sha256
from skills.implementation import Weights
from tests import tiny_models
from tests.dino_names import converted

pytest.importorskip("groundingdino")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_models.grounding_dino_pth(tmp_path_factory.mktemp("dino"))


def _skill(saved: tuple[Path, Path], **settings):
    file, text = saved
    pinned = {"sha256": file_sha256(file), "side": 64, **settings}
    parts = {"text": str(text)}
    return detect.using(implementation="grounding_dino_pth", checkpoint=str(file), parts=parts, **pinned)


def test_boxes_lie_in_the_picture_and_the_backbone_sees_it_once(plain: Picture, saved: tuple[Path, Path]) -> None:
    ctx, tiny = Context(), _skill(saved)
    (found,) = tiny(plain, ["Red  Car", "cat"], 0.0, ctx=ctx).values
    assert isinstance(found, Boxes)
    assert found.frame == "img_1"
    assert set(found.labels) <= {"Red Car", "cat"}
    assert (found.array.min() >= 0, found.array[:, 2].max() <= 120, found.array[:, 3].max() <= 80) == (True,) * 3
    assert tiny(plain, ["Red  Car", "cat"], 0.0, ctx=ctx).values == (found,)
    assert len(ctx.runtime.embeddings) == 1
    assert ctx.runtime.embeddings.size > 10_000


def test_a_file_that_is_not_pinned_or_another_model_is_refused(
    plain: Picture, saved: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(SkillError, match=r"^grounding_dino_pth cannot be loaded: 'dino\.pth' has the SHA-256"):
        _skill(saved, sha256="0" * 64)(plain, ["cat"], ctx=Context())
    other = tmp_path / "other.pth"
    torch.save({"weight": torch.ones(2)}, other)
    with pytest.raises(SkillError) as caught:
        _skill((other, saved[1]))(plain, ["cat"], ctx=Context())
    assert str(caught.value) == (
        "grounding_dino_pth cannot be loaded: these are no weights of the original Grounding DINO: "
        "they have no 'transformer.tgt_embed.weight'"
    )


def test_what_is_missing_is_named_one_after_the_other(saved: tuple[Path, Path], tmp_path: Path) -> None:
    one = detect.using(implementation="grounding_dino_pth", checkpoint=str(saved[0]))
    assert one.unavailable() == "checkpoint 'google-bert/bert-base-uncased' is not on this machine; handeye pull detect"
    assert GROUNDING_DINO_PTH.checkpoint is not None
    assert GROUNDING_DINO_PTH.checkpoint.pinned
    assert all(part.pinned for part in GROUNDING_DINO_PTH.parts.values())
    assert _skill(saved).unavailable() == ""


def test_transformers_with_the_same_weights_says_the_same(saved: tuple[Path, Path], plain: Picture) -> None:
    """Logits and boxes of the original package and of transformers, from one state dict, agree to 1e-4."""
    from safetensors.torch import save_file
    from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    file, text = saved
    weights = Weights(file, "cpu", "float32", {"side": 64}, {file.name: file_sha256(file)}, {"text": text})
    original = _load(weights)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(out_indices=[2, 3, 4]),
        text_config=BertConfig.from_pretrained(text),
        num_queries=20,
        d_model=256,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
    )
    state = {
        name.removeprefix("module."): value for name, value in torch.load(file, weights_only=True)["model"].items()
    }
    folder = file.parent / "converted"
    config.save_pretrained(folder)
    save_file(converted(state), folder / "model.safetensors", {"format": "pt"})
    made, info = GroundingDinoForObjectDetection.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    pixels = torch.randn(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    prompt = "cat. red car."
    told = original.tokenizer(prompt, return_tensors="pt")
    with torch.inference_mode():
        first = original.model(pixels, captions=[prompt])
        second = made.eval()(pixel_values=pixels, **told)
    known = first["pred_logits"].isfinite()
    assert known.sum() == 20 * told["input_ids"].shape[1]
    assert torch.equal(known, second.logits.isfinite())
    torch.testing.assert_close(first["pred_logits"][known], second.logits[known], atol=1e-4, rtol=0)
    torch.testing.assert_close(first["pred_boxes"], second.pred_boxes, atol=1e-4, rtol=0)
    assert first["pred_boxes"].std() > 0.01
    assert first["pred_logits"][known].std() > 0.01
