"""What transformers' loss for Grounding DINO gets wrong, and that ours does not."""

import pytest

from tests import tiny_models
from training.detect_loss import assigned, criterion, decoder_loss, encoder_loss

PROMPTS = ("cat. red car.", "dog. cup. tree.", "road.")


@pytest.fixture(scope="module")
def truth():  # type: ignore[no-untyped-def]
    """Logits and boxes of three pictures with different prompts, and what is there."""
    import torch
    from transformers.models.grounding_dino.modeling_grounding_dino import build_label_maps

    torch.manual_seed(0)
    text = tiny_models.bert_tokenizer()(list(PROMPTS), padding=True, return_tensors="pt")
    logits = torch.randn(3, 6, text.input_ids.shape[1]).masked_fill(~text.attention_mask[:, None].bool(), -torch.inf)
    boxes = torch.rand(3, 6, 4) * 0.3 + 0.2
    labels = [
        {"class_labels": torch.tensor(chosen), "boxes": torch.rand(len(chosen), 4) * 0.3 + 0.2}
        for chosen in ([1, 0], [2, 1], [0])
    ]
    maps = build_label_maps(logits, text.input_ids)
    mask = text.attention_mask[:, None].bool().expand_as(logits)
    return logits, boxes, labels, maps, mask


def _focal(made, truth, pictures) -> float:  # type: ignore[no-untyped-def]
    """Return the class loss of some of the pictures, summed over what is there."""
    logits, boxes, labels, maps, mask = truth
    told = {
        "logits": logits[pictures],
        "pred_boxes": boxes[pictures],
        "label_maps": [maps[n] for n in pictures],
        "text_mask": mask[pictures],
    }
    own = [labels[n] for n in pictures]
    return float(made(told, own)["loss_ce"]) * sum(len(label["class_labels"]) for label in own)


def _config():  # type: ignore[no-untyped-def]
    from transformers import GroundingDinoConfig

    return GroundingDinoConfig(decoder_layers=2, auxiliary_loss=True)


def test_class_targets_are_those_of_the_picture_itself(truth) -> None:  # type: ignore[no-untyped-def]
    made = criterion(_config())
    alone = sum(_focal(made, truth, [n]) for n in range(3))
    assert _focal(made, truth, [0, 1, 2]) == pytest.approx(alone, rel=1e-5)


def test_those_of_transformers_are_not(truth) -> None:  # type: ignore[no-untyped-def]
    """Once this fails, transformers has mended its class targets: take `criterion` out and use theirs."""
    from transformers.loss.loss_grounding_dino import GroundingDinoHungarianMatcher, GroundingDinoImageLoss

    theirs = GroundingDinoImageLoss(GroundingDinoHungarianMatcher(1, 5, 2), 0.25, ["labels"])
    assert _focal(theirs, truth, [0]) == pytest.approx(_focal(criterion(_config()), truth, [0]))
    with pytest.raises((IndexError, AssertionError)):
        assert _focal(theirs, truth, [0, 1, 2]) == pytest.approx(sum(_focal(theirs, truth, [n]) for n in range(3)))


def _model():  # type: ignore[no-untyped-def]
    import torch
    from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    torch.manual_seed(0)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=2, out_indices=[3, 4]
        ),
        text_config=BertConfig(
            vocab_size=1200, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
        ),
        num_queries=4, num_feature_levels=2, d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, encoder_attention_heads=2, decoder_attention_heads=2, auxiliary_loss=True,
    )  # fmt: skip
    return GroundingDinoForObjectDetection(config)


def _made(model):  # type: ignore[no-untyped-def]
    import torch

    text = tiny_models.bert_tokenizer()(["cat. dog."] * 2, return_tensors="pt")
    labels = [
        {"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.6, 0.4]])},
        {"class_labels": torch.tensor([], dtype=torch.long), "boxes": torch.zeros(0, 4)},
    ]
    return text, labels, model(pixel_values=torch.randn(2, 3, 64, 64), labels=labels, **text)


def test_only_ours_reaches_the_heads_of_the_encoder() -> None:
    """Once the first half fails, transformers trains its first stage: see whether `encoder_loss` is still needed."""
    from transformers.models.grounding_dino.modeling_grounding_dino import build_label_maps

    model = _model()
    heads = [model.model.enc_output.weight, model.model.encoder_output_bbox_embed.layers[-1].weight]
    _made(model)[2].loss.backward()
    assert all(parameter.grad is None for parameter in heads)
    model.loss_function = decoder_loss
    text, labels, outputs = _made(model)
    maps = build_label_maps(outputs.logits, text.input_ids)
    mask = outputs.logits[:, 0].isfinite()
    loss = encoder_loss(outputs, labels, maps, mask, [(4, 4), (2, 2)], model.config)
    (outputs.loss + loss).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in heads)


def test_cells_are_told_of_the_smallest_thing_they_lie_in() -> None:
    import torch

    boxes = torch.tensor([[0.5, 0.5, 0.9, 0.9], [0.125, 0.125, 0.1, 0.1], [0.6, 0.6, 0.3, 0.3]])
    told = assigned(boxes, [(4, 4), (2, 2)])
    assert told[:16].reshape(4, 4).tolist() == [[1, -1, -1, -1], [-1, 0, 0, -1], [-1, 0, 2, -1], [-1, -1, -1, -1]]
    assert told[16:].reshape(2, 2).tolist() == [[0, 0], [0, 0]]
