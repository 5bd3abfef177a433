"""`detect` on small random checkpoints of both detectors, and on FastestDet's own where it lies beside the checkout."""

import json
from pathlib import Path

import numpy as np
import pytest

from skills import Boxes, Context, InputError, Picture, SkillError
from skills.builtin._detect_fastest import NAMES, known_as
from skills.builtin._detections import Candidates, chosen
from skills.builtin.detect import detect
from tests import tiny_models
from tests.conftest import ROOT

FASTEST = ROOT.parent / "shared" / "checkpoints" / "FastestDet.onnx"


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.grounding_dino(tmp_path_factory.mktemp("dino"))


def test_it_is_unavailable_until_it_is_pulled() -> None:
    expected = "checkpoint 'IDEA-Research/grounding-dino-tiny' is not on this machine; handeye pull detect"
    assert detect.unavailable() == expected


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_boxes_lie_in_the_picture_and_carry_the_words_asked_for(mode: str, plain: Picture, dino: Path) -> None:
    picture = Picture.from_image(plain.image.convert(mode), frame="img_7")
    ctx = Context()
    (found,) = detect.using(checkpoint=str(dino))(picture, ["Red  Car", "cat"], 0.0, ctx=ctx).values
    assert isinstance(found, Boxes)
    assert found.frame == "img_7"
    assert set(found.labels) == {"Red Car", "cat"}
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert (found.array.min() >= 0, found.array[:, 2].max() <= 120, found.array[:, 3].max() <= 80) == (True,) * 3
    assert ctx.record.device == "cpu"


def test_nothing_found_is_said_with_the_best_there_was(plain: Picture, dino: Path) -> None:
    made = detect.using(checkpoint=str(dino), threshold=1.0)(plain, ["cat"], ctx=Context())
    assert made.values == (Boxes(frame="img_1"),)
    assert made.note.startswith("nothing found at 1; best ")
    assert made.note.endswith(" 'cat'")


def test_the_same_twice_and_what_the_backbone_saw_is_kept(plain: Picture, dino: Path) -> None:
    tiny, ctx = detect.using(checkpoint=str(dino)), Context()
    alone = tiny(plain, ["dog"], 0.1, ctx=Context())
    first = tiny(plain, ["cat"], 0.1, ctx=ctx)
    assert len(ctx.runtime.embeddings) == 1
    assert tiny(plain, ["cat"], 0.1, ctx=ctx) == first
    assert tiny(plain, ["dog"], 0.1, ctx=ctx) == alone
    assert len(ctx.runtime.embeddings) == 1


def test_more_objects_than_one_prompt_holds(plain: Picture, dino: Path, tmp_path: Path) -> None:
    for file in dino.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "max_text_len": 8}))
    objects = ["cat", "red car", "dog", "blue cup", "tree"]
    (found,) = detect.using(checkpoint=str(tmp_path), overlap=1.0)(plain, objects, 0.0, ctx=Context()).values
    assert set(found.labels) == set(objects)
    assert len(found) == 20 * 3


def test_a_checkpoint_of_another_model_is_refused(plain: Picture, dino: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in dino.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop(name := next(key for key in weights if "decoder.layers.0" in key))
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(SkillError) as caught:
        detect.using(checkpoint=str(tmp_path))(plain, ["cat"], ctx=Context())
    assert f"lacks 1 weights of GroundingDinoForObjectDetection (first {name!r})" in str(caught.value)


def test_a_damaged_checkpoint_is_one_line(plain: Picture, dino: Path, tmp_path: Path) -> None:
    for file in dino.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:1000])
    with pytest.raises(SkillError) as caught:
        detect.using(checkpoint=str(tmp_path))(plain, ["cat"], ctx=Context())
    assert str(caught.value).startswith(f"{str(tmp_path)!r} cannot be loaded as 'grounding_dino': ")
    assert str(caught.value).endswith("fetch the checkpoint again or name one of this kind in the profile")


@pytest.mark.parametrize(
    ("objects", "threshold", "expected"),
    [
        (["cat"], 1.5, "threshold 1.5 is no score; expected a number from 0 to 1"),
        ([" "], None, "no object is named; say what to look for, e.g. objects=['cat']"),
    ],
)
def test_wrong_arguments(objects: list[str], threshold: float | None, expected: str, plain: Picture) -> None:
    with pytest.raises(SkillError) as caught:
        detect(plain, objects, threshold, ctx=Context())
    assert str(caught.value) == expected


def test_of_two_boxes_of_one_label_the_better_stays_and_what_is_missing_is_said(plain: Picture) -> None:
    xyxy = np.array([[10, 10, 50, 50], [11, 10, 50, 50], [12, 10, 50, 50], [-9, -9, 20, 20], [130, 0, 140, 9]])
    scores = np.array([[0.6, 0.1, -1], [0.7, 0.1, -1], [0.1, 0.5, -1], [0.9, 0.0, -1], [0.9, 0.0, -1]])
    made = chosen(Candidates(xyxy, scores, "a note"), ["cat", "dog", "ufo"], plain, 0.55, 0.8)
    boxes = Boxes(
        xyxy=((0.0, 0.0, 20.0, 20.0), (11.0, 10.0, 50.0, 50.0)), scores=(0.9, 0.7), labels=("cat", "cat"), frame="img_1"
    )
    assert made.values == (boxes,)
    assert made.note == "a note; not found at 0.55: 'dog' (best 0.50)"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("cat", "cat"),
        ("Dogs", "dog"),
        ("the red car", "car"),
        ("buses", "bus"),
        ("traffic lights", "traffic light"),
        ("woman", "person"),
        ("TV", "tvmonitor"),
        ("wizard", None),
        ("car wash", None),
    ],
)
def test_words_for_the_eighty_things(words: str, name: str | None) -> None:
    assert known_as(words) == name


def test_there_are_eighty_things() -> None:
    assert (len(NAMES), len(set(NAMES))) == (80, 80)


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        detect.using(implementation="fastest_det", thresold=0.1)
    expected = (
        "the profile's [skills.detect] sets 'thresold', which 'fastest_det' does not have; did you mean 'threshold'?"
    )
    assert str(caught.value) == expected


@pytest.mark.skipif(not FASTEST.exists(), reason="FastestDet.onnx is not beside the checkout")
def test_fastest_det_finds_a_dog_and_says_what_it_cannot_tell(shared) -> None:  # type: ignore[no-untyped-def]
    from skills.pictures import read_picture

    picture, _ = read_picture(shared("img_misc/agentlego__dog2.jpg"))
    fast = detect.using(implementation="fastest_det", checkpoint=str(FASTEST))
    made = fast(picture, ["brown dog", "wizard", "cat"], ctx=Context())
    assert made.values[0].labels == ("brown dog",)
    assert made.note == (
        "'brown dog' was looked for as 'dog'; 'wizard' is nothing this detector knows; "
        "not found at 0.5: 'cat' (best 0.00)"
    )
    with pytest.raises(SkillError, match=r"^this detector does not know 'wizard'; it knows person, bicycle, "):
        fast(picture, ["wizard"], ctx=Context())
