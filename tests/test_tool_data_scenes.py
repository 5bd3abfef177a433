"""Drawn scenes: what is said to stand in them stands there, in its colour; pictograms by noun, style and language."""

import random

import numpy as np
import pytest
from PIL import Image

from skills import InputError, Picture
from skills.builtin.read_code import read_code
from tool_data.boards import COLOURS, FORMS, Shape
from tool_data.pictograms import FONTS, Pictograms, in_language, names
from tool_data.scene_truth import ink, is_called, told
from tool_data.scenes import COVERED, code, grid, page, scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A style of two nouns as PNGs: a dog's face in blue, an umbrella in red."""
    made = tmp_path_factory.mktemp("style")
    for point, colour in (("1f436", (20, 40, 220, 255)), ("2602", (220, 30, 30, 255))):
        drawn = Image.new("RGBA", (40, 40))
        drawn.paste(colour, (5, 10, 35, 30))
        drawn.save(made / f"{point}.png")
    return made


def test_names_are_those_of_unicode_in_both_languages():
    assert names()["🐶"] == {"en": "dog face", "es": "cara de perro"}
    assert in_language("umbrella", "es") == "paraguas"
    assert in_language("no pictogram", "es") == "no pictogram"
    assert not any("flag" in told["en"] for told in names().values())


def test_a_folder_is_a_style(folder):
    known = Pictograms.load([folder])
    assert (known.styles, known.nouns) == ((folder.stem,), ("dog face", "umbrella"))
    drawn = known.draw("dog face", folder.stem, 30)
    assert (drawn.mode, drawn.size) == ("RGBA", (30, 20))
    assert drawn.getpixel((15, 10)) == (20, 40, 220, 255)


def test_what_holds_no_pictogram_is_told(tmp_path):
    with pytest.raises(InputError, match=r"it holds none; expected emoji, or PNGs such as '1f436\.png'"):
        Pictograms.load([tmp_path])
    with pytest.raises(InputError, match="expected a font file or a folder of PNGs"):
        Pictograms.load([tmp_path / "nothing"])
    (tmp_path / "a.ttf").write_bytes(b"no font")
    with pytest.raises(InputError, match=r"cannot be read as a font: .*; give a \.ttf"):
        Pictograms.load([tmp_path / "a.ttf"])


@pytest.mark.parametrize("path", FONTS, ids=lambda path: path.stem)
def test_an_installed_font_is_a_style(path):
    if not path.is_file():
        pytest.skip(f"{path.name} is not installed")
    known = Pictograms.load([path])
    assert len(known.nouns) > 500
    drawn = np.asarray(known.draw("umbrella", path.stem, 64, (200, 0, 0)))
    assert max(drawn.shape[:2]) == 64
    assert (drawn[..., 3] > 0).mean() > 0.05
    if not known.coloured(path.stem):
        assert (np.median(drawn[drawn[..., 3] > 200][:, :3], axis=0) == (200, 0, 0)).all()


def test_things_stand_where_the_truth_says(folder):
    known, rng = Pictograms.load([folder]), random.Random(4)
    for _ in range(30):
        made = scene(rng, known, side=160, forms=0.5)
        pixels = np.asarray(made.picture, dtype=int)
        top = made.things[-1]
        inside = pixels[ink(top, made.picture.size)]
        meant = COLOURS.get(top.colour) or {"dog face": (20, 40, 220), "umbrella": (220, 30, 30)}[top.noun]
        assert np.abs(np.median(inside, axis=0) - meant).max() <= 20
        for x0, y0, x1, y1 in made.boxes:
            assert 0 <= x0 < x1 <= 160
            assert 0 <= y0 < y1 <= 160


def test_equal_generators_draw_equal_scenes(folder):
    known = Pictograms.load([folder])
    one, other = (scene(random.Random(9), known) for _ in range(2))
    assert one.picture.tobytes() == other.picture.tobytes()
    assert one.things == other.things


def test_little_of_a_thing_is_covered():
    rng = random.Random(2)
    for _ in range(40):
        boxes = scene(rng, Pictograms(), most=5).boxes
        for one in boxes:
            for other in boxes:
                wide = min(one[2], other[2]) - max(one[0], other[0])
                high = min(one[3], other[3]) - max(one[1], other[1])
                area = (other[2] - other[0]) * (other[3] - other[1])
                assert one is other or max(0, wide) * max(0, high) / area <= COVERED + 1e-9


def test_a_thing_of_its_grounds_colour_has_a_rim():
    from tool_data.scenes import _halo

    canvas = Image.new("RGB", (60, 60), (10, 10, 10))
    _halo(canvas, Image.new("RGBA", (20, 20), (12, 12, 12, 255)), (20, 20))
    assert canvas.getpixel((18, 30)) == (255, 255, 255)
    bright = Image.new("RGB", (60, 60), (10, 10, 10))
    _halo(bright, Image.new("RGBA", (20, 20), (240, 240, 240, 255)), (20, 20))
    assert bright.getpixel((18, 30)) == (10, 10, 10)


def test_lines_of_a_page_fit_and_a_code_is_read():
    rng = random.Random(3)
    for _ in range(20):
        made = page(rng, lambda: "a line of several words that is too long for small pages", side=200)
        assert made.lines
        assert all(0 <= line.box[0] < line.box[2] <= 200 for line in made.lines)
    read = 0
    for number in range(10):
        made = code(rng, f"https://example.org/{number}")
        found = read_code(Picture.from_image(made.picture))
        read += found.text == f"https://example.org/{number}"
    assert read >= 8


def test_the_truth_answers_as_skills_do():
    made = grid(random.Random(1), (Shape("red", "circle", (0, 0)), Shape("blue", "circle", (2, 2))))
    image = Picture.from_image(made.picture, frame="img_1")
    found = told("detect", {"image": image, "objects": ["círculo", "red circle", "dog"]}, made)
    (boxes,) = found.values
    assert boxes.labels == ("círculo", "círculo", "red circle")
    assert boxes.xyxy == (*made.boxes, made.boxes[0])
    assert (boxes.frame, found.note) == ("img_1", "nothing found for 'dog'")
    masks, view = told("segment_scene", {"image": image, "classes": ["circulos azules"]}, made).values
    assert (masks.labels, view.view) == ((), True)
    assert told("tag", {"image": image}, made).values[0].text == "circle"
    assert told("caption", {"image": image}, made).values[0].text == "a red circle and a blue circle"
    depth = told("estimate_depth", {"image": image}, made).values[0].array
    assert depth[ink(made.things[1], made.picture.size)].min() == 255
    assert told("generate", {"prompt": "a dog"}, made) is None


def test_words_name_a_thing_with_its_colour_or_without():
    (thing,) = grid(random.Random(1), (Shape("yellow", "star", (1, 1)),)).things
    for words in ("star", "Stars", "yellow star", "ESTRELLA", "estrella amarilla"):
        assert is_called(thing, words)
    for words in ("red star", "circle", "sta", ""):
        assert not is_called(thing, words)
    assert set(FORMS) == {"circle", "square", "triangle", "star", "cross"}
