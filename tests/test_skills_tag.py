"""`tag` on a small random SigLIP, and its vocabulary."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from skills import Context, Picture, SkillError
from skills.builtin.tag import tag, vocabulary
from skills.context import Cancel, Record
from skills.errors import Cancelled
from tests import tiny_models

WORDS = ["cat", "red car", "dog", "Blue cup!", "tree"]


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture
def words(tmp_path: Path) -> str:
    path = tmp_path / "words.txt"
    path.write_text("# things\n" + "\n".join([*WORDS, "", "cat"]))
    return str(path)


def test_it_is_unavailable_until_it_is_pulled() -> None:
    expected = "checkpoint 'google/siglip-base-patch16-224' is not on this machine; handeye pull tag"
    assert tag.unavailable() == expected


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_tags_are_lines_in_the_pictures_frame_best_first(mode: str, plain: Picture, siglip: Path, words: str) -> None:
    picture = Picture.from_image(plain.image.convert(mode), frame="img_7")
    made = tag.using(checkpoint=str(siglip), vocabulary=words, threshold=0.0)(picture, ctx=Context())
    (found,) = made.values
    assert (found.frame, found.untrusted, made.note) == ("img_7", False, "")
    assert sorted(line.text for line in found.lines) == sorted(WORDS)
    scores = [line.score for line in found.lines]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert all(line.box is None for line in found.lines)


def test_the_scores_are_the_models_own(plain: Picture, siglip: Path, words: str) -> None:
    """What SiglipModel says of the same prompts, sigmoid of its logits."""
    import torch
    from transformers import PreTrainedTokenizerFast, SiglipImageProcessorPil, SiglipModel

    model = SiglipModel.from_pretrained(siglip).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(siglip)
    prompts = [f"this is a photo of {word}" for word in ["cat", "red car", "dog", "blue cup", "tree"]]
    ids = tokenizer(prompts, padding="max_length", max_length=16, return_tensors="pt")["input_ids"]
    assert ids.shape == (5, 16)
    pixels = SiglipImageProcessorPil.from_pretrained(siglip)(images=plain.image, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        expected = model(input_ids=ids, pixel_values=pixels).logits_per_image[0].sigmoid().tolist()
    made = tag.using(checkpoint=str(siglip), vocabulary=words, threshold=0.0)(plain, ctx=Context())
    found = {line.text: line.score for line in made.values[0].lines}
    assert [found[word] for word in WORDS] == pytest.approx(expected, abs=2e-3)


def test_nothing_found_is_said_with_the_best_there_was(plain: Picture, siglip: Path, words: str) -> None:
    made = tag.using(checkpoint=str(siglip), vocabulary=words, threshold=1.0)(plain, ctx=Context())
    assert made.values[0].lines == ()
    assert re.fullmatch(r"nothing found at 1; best [\d.e-]+ '(cat|red car|dog|Blue cup!|tree)'", made.note)


@dataclass
class _Told:
    """Collects what a context reports."""

    lines: list[tuple[int, int, str]] = field(default_factory=list)

    def __call__(self, done: int, total: int, text: str) -> None:
        self.lines.append((done, total, text))


def test_the_vocabulary_is_read_once_for_several_pictures(plain: Picture, siglip: Path, words: str) -> None:
    told = _Told()
    ctx = Context(progress=told)
    tagger = tag.using(checkpoint=str(siglip), vocabulary=words, threshold=0.0)
    first = tagger(plain, ctx=ctx)
    other = Picture.from_array(np.zeros((30, 20, 3), np.uint8), frame="img_2")
    second = tagger(other, ctx=ctx)
    assert told.lines == [(0, 5, "reading the vocabulary")]
    assert second.values[0].frame == "img_2"
    assert tagger(plain, ctx=ctx) == first
    assert tagger(other, ctx=Context()) == second


def test_at_most_so_many(plain: Picture, siglip: Path) -> None:
    made = tag.using(checkpoint=str(siglip), threshold=0.0, most=4)(plain, ctx=Context())
    assert len(made.values[0]) == 4


def test_half_precision_runs_and_is_noted(plain: Picture, siglip: Path, words: str) -> None:
    record = Record()
    made = tag.using(checkpoint=str(siglip), vocabulary=words, threshold=0.0, dtype="bfloat16")(
        plain, ctx=Context(record=record)
    )
    assert len(made.values[0]) == 5
    assert record.place.endswith("@cpu:bfloat16")


def test_stop_stops(plain: Picture, siglip: Path) -> None:
    cancel = Cancel()
    with pytest.raises(Cancelled):
        tag.using(checkpoint=str(siglip))(plain, ctx=Context(cancel=cancel, progress=lambda *_: cancel.set()))


def test_the_packages_vocabulary_is_plain_words() -> None:
    words = vocabulary()
    assert len(words) > 500
    assert len({word.lower() for word in words}) == len(words)
    assert [word for word in words if not re.fullmatch(r"[a-z0-9]+([ -][a-z0-9]+)*", word)] == []


def test_vocabularies_that_cannot_be_used(tmp_path: Path, plain: Picture, siglip: Path) -> None:
    mend = "; expected a text file with one tag a line; correct `vocabulary` in the profile's [skills.tag]"
    empty, binary = tmp_path / "empty.txt", tmp_path / "binary.txt"
    empty.write_text("# nothing\n\n")
    binary.write_bytes(b"\xff\xfe")
    for path, reason in (
        (tmp_path / "gone.txt", "cannot be read: No such file or directory"),
        (binary, "cannot be read: it is no UTF-8 text"),
        (empty, "names no tag"),
    ):
        with pytest.raises(SkillError) as caught:
            tag.using(checkpoint=str(siglip), vocabulary=str(path))(plain, ctx=Context())
        assert str(caught.value) == f"the vocabulary {str(path)!r} {reason}{mend}"


def test_a_template_needs_a_place_for_the_tag(plain: Picture, siglip: Path) -> None:
    with pytest.raises(SkillError) as caught:
        tag.using(checkpoint=str(siglip), template="a photo")(plain, ctx=Context())
    expected = "the template 'a photo' has no place for a tag; write {} there in the profile's [skills.tag]"
    assert str(caught.value) == expected


def test_a_checkpoint_without_tokenizer_json_says_what_it_needs(
    plain: Picture, siglip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in siglip.iterdir():
        if file.name != "tokenizer.json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr("skills.builtin._tag_siglip.importable", lambda _: False)
    with pytest.raises(SkillError) as caught:
        tag.using(checkpoint=str(tmp_path))(plain, ctx=Context())
    assert str(caught.value) == (
        f"siglip cannot be loaded: {str(tmp_path)!r} holds no tokenizer.json, and without it the package "
        "'sentencepiece' is needed; pip install sentencepiece protobuf"
    )
