"""The main job on real photographs, end to end. Reading is asked of the embedded planner; the edits are scripted here,
and test_acceptance_planner.py asks the embedded planner which calls it makes of the same requests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agent import Agent, ScriptedPlanner
from skills import Boxes, Line, Text
from skills.values import Picture

PHOTOS = (
    "img_misc/scikit-image__astronaut.png",
    "img_misc/test_data__grace_hopper.bmp",
    "img_coco_ccby/tests/data/coco/000000000785.jpg",
    "photos/band.jpg",
    "photos/cyclists.jpg",
    "photos/dining.jpg",
    "photos/officer.png",
    "photos/station.jpg",
    "photos/bus.jpg",
    "photos/coffee.png",
)

Shared = Callable[[str], Path]


@pytest.fixture(scope="module")
def agent() -> Agent:
    return Agent()


FIND_AND_BLUR = (
    {"name": "find_faces"},
    {"name": "blur", "args": {"regions": "boxes_1"}},
    "I blurred [boxes_1.count] face(s): [img_2]",
)


def scripted(*lines: object) -> Agent:
    return Agent(ScriptedPlanner(list(lines)))


def errors(said: str, truth: str) -> float:
    """Return the character error rate: edits / characters of the truth, white space counted as one space."""
    said, truth = " ".join(said.split()), " ".join(truth.split())
    row = list(range(len(truth) + 1))
    for i, a in enumerate(said, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(truth, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1] / len(truth)


@pytest.mark.slow
@pytest.mark.parametrize("request_", ["what does it say?", "¿qué dice el texto?"])
def test_reading_a_page_gives_its_text_and_nothing_else(agent, shared: Shared, request_):
    page = shared("ocr/tesseract/phototest.tif")
    truth = shared("ocr/tesseract/phototest.gold.txt").read_text(encoding="utf-8")
    turn = agent.ask(request_, images=[page])
    assert turn.turn.stop_reason == "answered"
    assert errors(turn.answer, truth) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("photo", PHOTOS)
def test_blurring_every_face_changes_the_faces_alone(shared: Shared, photo):
    turn = scripted(*FIND_AND_BLUR).ask("blur every face", images=[shared(photo)])
    boxes = turn.values["boxes_1"]
    assert isinstance(boxes, Boxes)
    if not len(boxes):
        assert turn.observations[1].error.message == "'boxes_1' is empty: nothing was found"
        return
    assert turn.answer == f"I blurred {len(boxes)} face(s): img_2"
    before, after = turn.artifacts.picture("img_1").array, turn.artifacts.picture("img_2").array
    inside = np.zeros(before.shape[:2], dtype=bool)
    for x1, y1, x2, y2 in boxes.array:
        face = slice(int(np.floor(y1)), int(np.ceil(y2))), slice(int(np.floor(x1)), int(np.ceil(x2)))
        inside[face] = True
        assert (before[face] != after[face]).any()
    assert (before[~inside] == after[~inside]).all()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["ocr/tesseract/phototest.tif", "ocr/tesseract/eurotext.tif"])
def test_removed_text_is_not_read_again(shared: Shared, page):
    erase = {"name": "erase", "args": {"regions": "text_1"}}
    turn = scripted({"name": "read_text"}, erase, {"name": "read_text"}, "[img_2]").ask("remove", images=[shared(page)])
    first, found = turn.values["text_1"], turn.values["text_2"]
    assert isinstance(first, Text)
    assert isinstance(found, Text)
    assert len(first) > 5
    assert found.lines == ()


def test_cutting_out_a_box_gives_a_transparent_picture(shared: Shared):
    cut = {"name": "cut_out", "args": {"regions": "boxes_1"}}
    turn = scripted(cut, "[img_2]").ask(
        "cut out what is in this box", images=[shared(PHOTOS[0])], region=[0.2, 0.1, 0.7, 0.9]
    )
    picture = turn.values["img_2"]
    assert isinstance(picture, Picture)
    assert picture.mode == "RGBA"
    assert picture.array[0, 0, 3] == 0
    assert picture.array[256, 230, 3] == 255


def test_each_edit_of_a_chat_builds_on_the_one_before(shared: Shared):
    crop = {"name": "crop", "args": {"region": "boxes_1[0]"}}
    grey = {"name": "adjust", "args": {"grayscale": True}}
    chat = scripted(*FIND_AND_BLUR, crop, "[img_3]", grey, "[img_4]").chat()
    chat.ask("blur the faces", images=[shared(PHOTOS[0])])
    assert chat.artifacts.record("img_2").frame == "img_1"
    chat.ask("crop to the first one")
    cropped = chat.artifacts.picture("img_3")
    x1, y1, x2, _ = (int(n) for n in chat.artifacts.value("boxes_1").xyxy[0])
    blurred = chat.artifacts.picture("img_2").array
    assert chat.artifacts.record("img_3").frame == "img_3"
    assert abs(cropped.size[0] - (x2 - x1)) <= 2
    assert (
        cropped.array[5:-5, 5:-5] == blurred[y1 + 5 : y1 + cropped.size[1] - 5, x1 + 5 : x1 + cropped.size[0] - 5]
    ).mean() > 0.9
    chat.ask("make it black and white")
    last = chat.artifacts.picture("img_4")
    assert last.size == cropped.size
    assert (last.array[:, :, 0] == last.array[:, :, 1]).all()


def test_recorded_results_replay_a_chain_that_cannot_run_here(plain: Picture):
    found = Boxes(xyxy=((20, 10, 60, 50),), scores=(0.9,), labels=("red car",))
    detect = {"name": "detect", "args": {"objects": ["red car"]}}
    chat = scripted(detect, FIND_AND_BLUR[1], "[img_2]").chat(results={"detect": [found]})
    turn = chat.ask("blur the red car", images=[plain])
    assert [call.name for step in turn.turn.steps for call in step.output.calls] == ["detect", "blur"]
    assert chat.trace.meta.replayed == ("detect",)
    before, after = plain.array, turn.artifacts.picture("img_2").array
    outside = np.ones(before.shape[:2], dtype=bool)
    outside[10:50, 20:60] = False
    assert (before[outside] == after[outside]).all()


def test_a_chain_of_three_skills_replays(plain: Picture):
    results = {
        "detect": [Boxes(xyxy=((20, 10, 60, 50),), scores=(0.9,), labels=("sign",))],
        "read_text": [Text(lines=(Line(text="OPEN DAILY"),), untrusted=True)],
    }
    detect = {"name": "detect", "args": {"objects": ["sign"]}}
    crop = {"name": "crop", "args": {"region": "boxes_1"}}
    turn = (
        scripted(detect, crop, {"name": "read_text"}, "[text_1]").chat(results=results).ask("read it", images=[plain])
    )
    assert turn.artifacts.record("img_2").size == (40, 40)
    assert turn.answer == "OPEN DAILY"
