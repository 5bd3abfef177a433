"""`moderate` on small random classifiers."""

from pathlib import Path

import pytest

from skills import Context, Picture, SkillError
from skills.builtin.moderate import moderate
from skills.context import Record
from tests import tiny_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.classifier(tmp_path_factory.mktemp("vit"), labels=("Normal", "NSFW", "gore"))


def test_it_is_unavailable_until_it_is_pulled() -> None:
    expected = "checkpoint 'Falconsai/nsfw_image_detection' is not on this machine; handeye pull moderate"
    assert moderate.unavailable() == expected


def _model_scores(folder: Path, picture: Picture) -> dict[str, float]:
    import torch
    from transformers import ViTForImageClassification, ViTImageProcessorPil

    model = ViTForImageClassification.from_pretrained(folder).eval()
    pixels = ViTImageProcessorPil.from_pretrained(folder)(images=picture.image, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        scores = model(pixel_values=pixels).logits[0].softmax(dim=0).tolist()
    return dict(zip(("Normal", "NSFW", "gore"), scores, strict=True))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_verdict_then_the_labels_with_their_scores(mode: str, plain: Picture, folder: Path) -> None:
    picture = Picture.from_image(plain.image.convert(mode), frame="img_7")
    scores = _model_scores(folder, plain)
    bad = scores["NSFW"] + scores["gore"]
    for threshold, word, sure in ((0.0, "unsafe", bad), (1.0, "safe", 1 - bad)):
        record = Record()
        judge = moderate.using(checkpoint=str(folder), threshold=threshold)
        found = judge(picture, ctx=Context(record=record))
        assert (found.frame, found.untrusted, len(found)) == ("img_7", False, 4)
        assert found.lines[0].text == f"{word}: unsafe content {bad:.2f}, counts from {threshold:g}"
        assert found.lines[0].score == pytest.approx(sure, abs=2e-3)
        names = [line.text.rpartition(" ")[0] for line in found.lines[1:]]
        assert names == sorted(scores, key=lambda name: -scores[name])
        assert [line.score for line in found.lines[1:]] == pytest.approx(
            sorted(scores.values(), reverse=True), abs=2e-3
        )
        assert record.device == "cpu"
        assert judge(picture, ctx=Context()) == found


def test_which_labels_are_unsafe_is_the_profiles(plain: Picture, folder: Path) -> None:
    scores = _model_scores(folder, plain)
    found = moderate.using(checkpoint=str(folder), unsafe=["GORE"], threshold=1.0)(plain, ctx=Context())
    assert found.lines[0].text == f"safe: unsafe content {scores['gore']:.2f}, counts from 1"


def test_labels_that_may_hold_at_once_are_not_added_up(plain: Picture, tmp_path: Path) -> None:
    labels = ("calm", "violence", "nudity")
    several = tiny_models.classifier(tmp_path, labels=labels, several=True)
    found = moderate.using(checkpoint=str(several), threshold=1.0)(plain, ctx=Context())
    scores = {line.text.rpartition(" ")[0]: line.score for line in found.lines[1:]}
    assert found.lines[0].score == pytest.approx(1 - max(scores["violence"], scores["nudity"]), abs=2e-4)
    assert sum(scores.values()) > 1.1, "each by itself, near a half"


def test_a_classifier_that_knows_none_of_the_unsafe_labels_is_never_called_safe(plain: Picture, tmp_path: Path) -> None:
    strange = tiny_models.classifier(tmp_path, labels=("cat", "dog"))
    with pytest.raises(SkillError) as caught:
        moderate.using(checkpoint=str(strange), unsafe=["nsfw", "gore"])(plain, ctx=Context())
    assert str(caught.value) == (
        "none of 'nsfw', 'gore' is a label of this classifier, which knows 'cat', 'dog'; say which are `unsafe` in the "
        "profile's [skills.moderate]"
    )


def test_half_precision(plain: Picture, folder: Path) -> None:
    record = Record()
    found = moderate.using(checkpoint=str(folder), dtype="bfloat16")(plain, ctx=Context(record=record))
    assert len(found) == 4
    assert record.place.endswith("@cpu:bfloat16")
