"""The detector and the generator of checkpoints/, as the profile `drawn` names them, do what their cards say."""

import json
import random

import numpy as np
import pytest

from agent.profile import read_profile
from skills import Context, Picture
from skills.builtin._detections import iou
from skills.builtin.detect import detect
from skills.builtin.generate import generate
from tests.conftest import ROOT
from tool_data.boards import FORMS
from tool_data.pictograms import Pictograms
from tool_data.scenes import scene

SHARD, ALL = 16_000_000, 64_000_000
"""Most bytes of one file of weights, and of all."""


@pytest.fixture(scope="module")
def tables():
    return read_profile("drawn").tables


def test_weights_are_small_and_every_checkpoint_has_a_card():
    weights = [path.stat().st_size for path in (ROOT / "checkpoints").rglob("*.safetensors")]
    assert max(weights) <= SHARD
    assert sum(weights) <= ALL
    for folder in (ROOT / "checkpoints").iterdir():
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert "## Measured" in card
        assert not any("/tmp" in path.read_text(encoding="utf-8") for path in folder.rglob("*config.json"))


@pytest.mark.parametrize(
    ("name", "most", "file", "key", "kind"),
    [
        ("detect", 16_000_000, "config.json", "architectures", ["GroundingDinoForObjectDetection"]),
        ("generate", 24_000_000, "model_index.json", "_class_name", "StableDiffusionPipeline"),
    ],
)
def test_sizes_and_classes(name, most, file, key, kind):
    folder = ROOT / "checkpoints" / name
    assert sum(path.stat().st_size for path in folder.rglob("*.safetensors")) <= most
    assert json.loads((folder / file).read_text())[key] == kind


def test_the_detectors_tokenizer_keeps_the_ids_transformers_looks_for():
    from transformers import AutoTokenizer
    from transformers.models.grounding_dino.modeling_grounding_dino import SPECIAL_TOKENS

    tokenizer = AutoTokenizer.from_pretrained(ROOT / "checkpoints" / "detect")
    assert tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]", ".", "?"]) == list(SPECIAL_TOKENS)


def test_the_detector_finds_forms_where_they_are(tables):
    skill, ctx = detect.using(**tables["detect"]), Context()
    there = found = right = 0
    for seed in range(20):
        made = scene(random.Random(seed), Pictograms(), nouns=FORMS, forms=1.0, most=2)
        told = skill(Picture.from_image(made.picture, frame="img_1"), list(FORMS), ctx=ctx).values[0]
        there, found = there + len(made.things), found + len(told)
        for thing in made.things:
            named = [xyxy for xyxy, label in zip(told.xyxy, told.labels, strict=True) if label == thing.noun]
            right += any(iou(np.array(xyxy), np.array(thing.box)) >= 0.5 for xyxy in named)
    assert right / there > 0.4
    assert right / found > 0.7


def test_the_generator_paints_the_colour_that_was_asked_for(tables):
    skill, ctx = generate.using(**tables["generate"]), Context()

    def painted(words, seed):
        image = skill(words, seed=seed, ctx=ctx).values[0].image
        assert image.size == (128, 128)
        return np.asarray(image.convert("RGB"), dtype=float)[32:96, 32:96]

    for seed in (0, 1):
        red, blue = painted("a red apple", seed).mean((0, 1)), painted("a blue apple", seed).mean((0, 1))
        assert red[0] - red[2] > 30
        assert blue[2] - blue[0] > 30
    assert np.array_equal(painted("a red apple", 0), painted("a red apple", 0))
