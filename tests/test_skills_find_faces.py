import tomllib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

from skills import Boxes, Context, InputError, Picture, SkillError
from skills.builtin.find_faces import find_faces
from skills.context import Record
from skills.pictures import read_picture
from tests.conftest import ROOT

RFB = ROOT.parent / "shared" / "checkpoints" / "RFB-320.onnx"
FACES = [
    ("img_misc/scikit-image__astronaut.png", (172, 55, 275, 172)),
    ("img_misc/test_data__grace_hopper.bmp", (150, 90, 385, 350)),
]
"""A photo and the whole face in it, x1, y1, x2, y2 in pixels."""


def _found(picture: Picture) -> Boxes:
    """What the cascades, the default, find."""
    made = find_faces(picture, ctx=Context())
    assert made.note == ""
    (boxes,) = made.values
    assert isinstance(boxes, Boxes)
    return boxes


@pytest.fixture
def small():  # type: ignore[no-untyped-def]
    """The one-megabyte network with its own weights."""
    if not RFB.exists():
        pytest.skip("RFB-320.onnx is not beside the checkout")
    return find_faces.using(implementation="rfb_320", checkpoint=str(RFB))


def _iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize(("photo", "face"), FACES)
def test_one_face_is_found_whole(photo: str, face: tuple[float, ...], shared: Callable[[str], Path]) -> None:
    picture, _ = read_picture(shared(photo))
    found = _found(picture)
    assert found.labels == ("face",)
    assert _iou(found.xyxy[0], face) > 0.7
    assert 0.5 < found.scores[0] < 1


def test_a_face_is_found_where_it_is_moved_and_in_grey(shared: Callable[[str], Path]) -> None:
    face = read_picture(shared("img_misc/scikit-image__astronaut.png"))[0].image
    paper = np.full((700, 900, 3), 90, np.uint8)
    paper[150:406, 600:856] = np.asarray(face.convert("L").convert("RGB").crop((90, 0, 346, 256)))
    found = _found(Picture.from_array(paper, frame="img_4"))
    assert found.frame == "img_4"
    assert _iou(found.xyxy[0], (682, 205, 785, 322)) > 0.6


@pytest.mark.parametrize("photo", ["scikit-image__coffee.png", "segment-anything__truck.jpg"])
def test_no_face_in_things(photo: str, shared: Callable[[str], Path]) -> None:
    found = _found(read_picture(shared(f"img_misc/{photo}"))[0])
    assert found.xyxy == ()


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (40, 40)])
@pytest.mark.parametrize("channels", [3, 4])
def test_no_face_in_plain_pictures_of_any_size(size: tuple[int, int], channels: int) -> None:
    picture = Picture.from_array(np.full((size[1], size[0], channels), 120, np.uint8))
    assert len(_found(picture)) == 0


@pytest.mark.parametrize(("photo", "face"), FACES)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_small_network_finds_a_face_in_the_pictures_frame(small, photo, face, mode, shared) -> None:  # type: ignore[no-untyped-def]
    image = read_picture(shared(photo))[0].image.convert(mode)
    record = Record()
    made = small(Picture.from_image(image, frame="img_3"), ctx=Context(record=record))
    (found,) = made.values
    assert (found.frame, found.labels, made.note) == ("img_3", ("face",), "")
    assert _iou(found.xyxy[0], face) > 0.5
    assert found.scores[0] > 0.9
    assert record.device == "cpu"


def test_the_small_network_says_how_near_it_came(small, shared) -> None:  # type: ignore[no-untyped-def]
    picture = read_picture(shared("img_misc/scikit-image__coffee.png"))[0]
    made = small(picture.model_copy(update={"frame": "img_1"}), ctx=Context())
    assert made.values == (Boxes(frame="img_1"),)
    assert made.note == "nothing found at 0.7; best 0.10 'face'"
    many = small.using(threshold=0.05, overlap=1.0)(picture, ctx=Context()).values[0]
    assert len(many) > 1
    assert (many.array.min() >= 0, many.array[:, 2].max() <= 600, many.array[:, 3].max() <= 400) == (True,) * 3


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (40, 40)])
def test_the_small_network_on_pictures_of_any_size(small, size) -> None:  # type: ignore[no-untyped-def]
    made = small(Picture.from_array(np.full((size[1], size[0], 3), 120, np.uint8)), ctx=Context())
    assert made.values == (Boxes(),)


def test_the_small_network_is_unavailable_until_it_is_pulled() -> None:
    assert find_faces.unavailable() == ""
    missing = find_faces.using(implementation="rfb_320").unavailable()
    assert missing == "checkpoint 'version-RFB-320.onnx' is not on this machine; handeye pull find_faces"


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "face.onnx").write_bytes(b"no model")
    other = find_faces.using(implementation="rfb_320", checkpoint=str(tmp_path / "face.onnx"))
    with pytest.raises(SkillError, match=r"cannot be loaded as 'rfb_320': .*; fetch the checkpoint again"):
        other(Picture.from_array(np.zeros((9, 9, 3), np.uint8)), ctx=Context())
    with pytest.raises(InputError, match="sets 'checkpoint', which 'cascades' does not have"):
        find_faces.using(checkpoint="face.onnx")


def test_both_opencv_distributions_together_still_have_cascades() -> None:
    """groundingdino-py brings opencv-python, which shares the folder cv2/ with opencv-python-headless.

    OpenCV 5 has no CascadeClassifier, so an uncapped opencv-python beside the capped headless one would take the
    faces away; both must be below 5, whichever wrote the folder last, and equal, or files of two versions mix.
    """
    import cv2

    found = {name: version(name) for name in ("opencv-python", "opencv-python-headless") if _installed(name)}
    assert "opencv-python-headless" in found
    assert {int(number.split(".")[0]) for number in found.values()} == {4}
    assert len(set(found.values())) == 1, f"two versions share the folder cv2/: {found}"
    assert hasattr(cv2, "CascadeClassifier")
    assert cv2.__version__ == ".".join(found["opencv-python-headless"].split(".")[:3])


def test_the_caps_are_written_where_pip_reads_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["originals"]]
    assert [line for line in wanted if line.startswith("opencv")] == [
        "opencv-python-headless>=4.10,<5",
        "opencv-python>=4.10,<5",
    ]


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
