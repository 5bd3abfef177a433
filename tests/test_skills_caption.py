"""`caption` on small random checkpoints of BLIP-2 and Florence-2."""

import json
from pathlib import Path

import pytest

from skills import Context, Picture, SkillError
from skills.builtin.caption import caption
from skills.context import Cancel, Record
from skills.errors import Cancelled
from skills.regions import Region
from tests import tiny_models


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "blip2": tiny_models.blip2(tmp_path_factory.mktemp("blip2")),
        "florence2": tiny_models.florence2(tmp_path_factory.mktemp("florence2")),
    }


@pytest.fixture(params=["blip2", "florence2"])
def tiny(request, folders):  # type: ignore[no-untyped-def]
    name = request.param
    return caption.using(implementation=name, checkpoint=str(folders[name]), longest=12)


def test_it_is_unavailable_until_it_is_pulled() -> None:
    expected = "checkpoint 'Salesforce/blip2-opt-2.7b' is not on this machine; handeye pull caption"
    assert caption.unavailable() == expected
    florence = caption.using(implementation="florence2").unavailable()
    assert florence == "checkpoint 'florence-community/Florence-2-base' is not on this machine; handeye pull caption"


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_one_untrusted_line_in_the_pictures_frame_the_same_twice(mode, plain, tiny) -> None:  # type: ignore[no-untyped-def]
    picture = Picture.from_image(plain.image.convert(mode), frame="img_7")
    ctx = Context()
    made = tiny(picture, ctx=ctx)
    (found,) = made.values
    assert (len(found), found.frame, found.untrusted, made.note) == (1, "img_7", True, "")
    assert found.lines[0].text == " ".join(found.lines[0].text.split()) != ""
    assert found.lines[0].box is None
    assert "<" not in found.text, "no special token is left"
    assert tiny(picture, ctx=Context()) == made
    assert ctx.record.device == "cpu"


def test_of_a_region_the_crop_is_described_and_its_box_kept(plain, tiny) -> None:  # type: ignore[no-untyped-def]
    region = Region(box=(20.0, 10.0, 60.0, 50.0))
    (found,) = tiny(plain, region, ctx=Context()).values
    assert (found.frame, found.lines[0].box) == ("img_1", (20.0, 10.0, 60.0, 50.0))
    alone = Picture.from_array(plain.array[10:50, 20:60], frame="img_9")
    (expected,) = tiny(alone, ctx=Context()).values
    assert found.text == expected.text


def test_the_words_are_the_models_own(plain, folders) -> None:  # type: ignore[no-untyped-def]
    """What `generate` itself writes about the picture's pixels and the prompt or task, its prompt cut off."""
    from transformers import AutoProcessor, Blip2ForConditionalGeneration, Florence2ForConditionalGeneration

    for name, kind, prompt in (
        ("blip2", Blip2ForConditionalGeneration, "a photo of"),
        ("florence2", Florence2ForConditionalGeneration, "<DETAILED_CAPTION>"),
    ):
        model, processor = kind.from_pretrained(folders[name]).eval(), AutoProcessor.from_pretrained(folders[name])
        made = processor(images=plain.image, text=prompt, return_tensors="pt")
        written = model.generate(**made, max_new_tokens=9, num_beams=2, do_sample=False)[0]
        start = made["input_ids"].shape[1] if name == "blip2" else 0
        expected = processor.tokenizer.decode(written[start:], skip_special_tokens=True)
        own = {} if name == "blip2" else {"length": "detailed"}
        ours = caption.using(implementation=name, checkpoint=str(folders[name]), longest=9, beams=2, **own)
        assert ours(plain, ctx=Context()).values[0].text == " ".join(expected.split()) != "", name


def test_half_precision(plain, tiny) -> None:  # type: ignore[no-untyped-def]
    record = Record()
    (found,) = tiny.using(dtype="bfloat16")(plain, ctx=Context(record=record)).values
    assert len(found) == 1
    assert record.place.endswith("@cpu:bfloat16")


def test_a_model_that_writes_nothing_is_said(plain, folders, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Its output layer can say nothing but the end token."""
    from transformers import AutoTokenizer, Florence2ForConditionalGeneration

    for file in folders["florence2"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    model = Florence2ForConditionalGeneration.from_pretrained(tmp_path)
    end = AutoTokenizer.from_pretrained(tmp_path).eos_token_id
    config = json.loads((tmp_path / "generation_config.json").read_text())
    (tmp_path / "generation_config.json").write_text(
        json.dumps({**config, "suppress_tokens": [i for i in range(model.config.text_config.vocab_size) if i != end]})
    )
    silent = caption.using(implementation="florence2", checkpoint=str(tmp_path))
    made = silent(plain, ctx=Context())
    assert made.values[0].lines == ()
    assert made.values[0].frame == "img_1"
    assert made.note == "the model wrote no word about it"


def test_stop_stops_between_tokens(plain, tiny) -> None:  # type: ignore[no-untyped-def]
    class Later(Cancel):
        """Stops at the third look: after the model was waited for, while it decodes."""

        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks == 3:
                raise Cancelled

    cancel = Later()
    with pytest.raises(Cancelled):
        tiny(plain, ctx=Context(cancel=cancel))
    assert cancel.looks == 3


def test_wrong_arguments(plain, tiny, folders) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SkillError, match=r"^a point has no area to crop; give a box"):
        tiny(plain, Region(box=(5.0, 5.0, 5.0, 5.0), point=(5.0, 5.0)), ctx=Context())
    with pytest.raises(SkillError, match=r"holds no pixel of the 120x80 picture"):
        tiny(plain, Region(box=(200.0, 10.0, 210.0, 20.0)), ctx=Context())
    wordy = caption.using(implementation="florence2", checkpoint=str(folders["florence2"]), length="endless")
    with pytest.raises(SkillError) as caught:
        wordy(plain, ctx=Context())
    expected = "length 'endless' is none; expected short, detailed, long in the profile's [skills.caption]"
    assert str(caught.value) == expected


def test_a_blip2_of_an_old_revision_is_refused(plain, folders, tmp_path) -> None:  # type: ignore[no-untyped-def]
    for file in folders["blip2"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "image_token_index": None}))
    with pytest.raises(SkillError) as caught:
        caption.using(checkpoint=str(tmp_path))(plain, ctx=Context())
    assert str(caught.value) == (
        f"blip2 cannot be loaded: {str(tmp_path)!r} names no image_token_index in its config.json, as old revisions "
        "do; fetch a newer revision"
    )
