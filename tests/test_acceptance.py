"""The main job on real photographs, with the embedded planner: what a user asks, end to end."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agent import Agent
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
def test_blurring_every_face_changes_the_faces_alone(agent, shared: Shared, photo):
    turn = agent.ask("blur every face", images=[shared(photo)])
    calls = [call.name for step in turn.turn.steps for call in step.output.calls]
    assert calls[0] == "find_faces"
    boxes = turn.values["boxes_1"]
    assert isinstance(boxes, Boxes)
    if not len(boxes):
        assert calls == ["find_faces"]
        assert turn.answer
        return
    assert calls == ["find_faces", "blur"]
    assert str(len(boxes)) in turn.answer
    before, after = turn.artifacts.picture("img_1").array, turn.artifacts.picture("img_2").array
    inside = np.zeros(before.shape[:2], dtype=bool)
    for x1, y1, x2, y2 in boxes.array:
        face = slice(int(np.floor(y1)), int(np.ceil(y2))), slice(int(np.floor(x1)), int(np.ceil(x2)))
        inside[face] = True
        assert (before[face] != after[face]).any()
    assert (before[~inside] == after[~inside]).all()


@pytest.mark.slow
def test_removed_text_is_not_read_again(agent, shared: Shared):
    chat = agent.chat()
    chat.ask("remove the text", images=[shared("photos/poster.jpg")])
    edited = chat.artifacts.newest_picture()
    assert edited is not None
    assert edited != "img_1"
    again = Agent(agent.planner, offer=["read_text"]).ask("read the text", images=[chat.artifacts.picture(edited)])
    found = again.values["text_1"]
    assert isinstance(found, Text)
    assert found.lines == ()


def test_cutting_out_a_box_gives_a_transparent_picture(agent, shared: Shared):
    turn = agent.ask("cut out what is in this box", images=[shared(PHOTOS[0])], region=[0.2, 0.1, 0.7, 0.9])
    picture = turn.values["img_2"]
    assert isinstance(picture, Picture)
    assert picture.mode == "RGBA"
    assert picture.array[0, 0, 3] == 0
    assert picture.array[256, 230, 3] == 255


def test_each_edit_of_a_chat_builds_on_the_one_before(agent, shared: Shared):
    chat = agent.chat()
    chat.ask("blur the faces", images=[shared(PHOTOS[0])])
    assert chat.artifacts.record("img_2").frame == "img_1"
    chat.ask("crop to the first one")
    cropped = chat.artifacts.picture("img_3")
    x1, y1, x2, _ = (round(n) for n in chat.artifacts.value("boxes_1").xyxy[0])
    blurred = chat.artifacts.picture("img_2").array
    assert chat.artifacts.record("img_3").frame == "img_3"
    assert abs(cropped.size[0] - (x2 - x1)) <= 2
    assert (
        cropped.array[5:-5, 5:-5] == blurred[y1 + 5 : y1 + cropped.size[1] - 5, x1 + 5 : x1 + cropped.size[0] - 5]
    ).mean() > 0.9
    chat.ask("make it black and white")
    grey = chat.artifacts.picture("img_4")
    assert grey.size == cropped.size
    assert (grey.array[:, :, 0] == grey.array[:, :, 1]).all()


def test_recorded_results_replay_a_chain_that_cannot_run_here(agent, plain: Picture):
    found = Boxes(xyxy=((20, 10, 60, 50),), scores=(0.9,), labels=("red car",))
    chat = agent.chat(results={"detect": [found]})
    turn = chat.ask("blur the red car", images=[plain])
    assert [call.name for step in turn.turn.steps for call in step.output.calls] == ["detect", "blur"]
    assert chat.trace.meta.replayed == ("detect",)
    before, after = plain.array, turn.artifacts.picture("img_2").array
    outside = np.ones(before.shape[:2], dtype=bool)
    outside[10:50, 20:60] = False
    assert (before[outside] == after[outside]).all()


def test_a_chain_of_three_skills_replays(agent, plain: Picture):
    results = {
        "detect": [Boxes(xyxy=((20, 10, 60, 50),), scores=(0.9,), labels=("sign",))],
        "read_text": [Text(lines=(Line(text="OPEN DAILY"),), untrusted=True)],
    }
    turn = agent.chat(results=results).ask("crop to the sign and read it", images=[plain])
    assert [call.name for step in turn.turn.steps for call in step.output.calls] == ["detect", "crop", "read_text"]
    assert turn.answer == "OPEN DAILY"
