"""Arguments: which picture a call means, and which regions fit it."""

import numpy as np
import pytest

from agent import Answer
from agent.arguments import bind
from skills import BadArguments, BadRegion, Boxes, Line, Masks, Picture, Points, Regions, Text, skill
from skills.store import Artifacts
from tests.probes import find_two, paint, picture, scripted, table


def boxes(*xyxy: tuple[float, float, float, float], frame: str = "img_1") -> Boxes:
    return Boxes(xyxy=xyxy, frame=frame)


def image_of(skill_: object, written: dict[str, object], artifacts: Artifacts) -> object:
    return bind(skill_, written, artifacts).args["image"]  # type: ignore[arg-type]


def test_without_a_region_the_newest_picture_that_is_no_view_is_meant() -> None:
    artifacts = table(picture(grey=1), picture(grey=2))
    artifacts.add(picture(grey=3).model_copy(update={"view": True, "frame": "img_2"}))
    assert image_of(find_two, {}, artifacts) == "img_2"


def test_with_a_region_the_newest_picture_of_its_frame_is_meant() -> None:
    artifacts = table(picture(grey=1), boxes((0, 0, 5, 5)))
    artifacts.add(picture(grey=2).model_copy(update={"frame": "img_1"}))
    artifacts.add(picture(grey=3))
    artifacts.add(picture(grey=4).model_copy(update={"frame": "img_1", "view": True}))
    assert image_of(paint, {"regions": "boxes_1"}, artifacts) == "img_2"
    assert image_of(paint, {"regions": [0.1, 0.1, 0.9, 0.9]}, artifacts) == "img_3"


def test_a_view_may_be_named() -> None:
    artifacts = table(picture())
    artifacts.add(picture(grey=9).model_copy(update={"view": True, "frame": "img_1"}))
    assert image_of(find_two, {"image": "img_2"}, artifacts) == "img_2"


def test_a_region_of_another_frame_names_both_frames() -> None:
    artifacts = table(picture(), boxes((0, 0, 5, 5)), picture(grey=2))
    with pytest.raises(BadRegion) as caught:
        bind(paint, {"image": "img_2", "regions": "boxes_1"}, artifacts)
    assert str(caught.value) == (
        "'boxes_1' lies in the frame of img_1, the picture is in the frame of img_2; find it again there"
    )


def test_regions_of_two_frames_fit_no_picture() -> None:
    artifacts = table(picture(), boxes((0, 0, 5, 5)), picture(), boxes((0, 0, 5, 5), frame="img_2"))
    with pytest.raises(BadRegion, match=r"the regions lie in different frames \(img_1, img_2\); use those of one"):
        bind(paint, {"regions": ["boxes_1", "boxes_2"]}, artifacts)


def test_text_of_no_picture_is_no_region_of_one() -> None:
    """Broke when its empty frame was taken for the id of a picture: "there is no picture ''"."""
    artifacts = table(picture(), Text.of("hello"))
    with pytest.raises(
        BadRegion, match="'text_1' lies in the frame of no picture, the picture is in the frame of img_1"
    ):
        bind(paint, {"regions": "text_1"}, artifacts)


def test_every_way_to_name_a_region() -> None:
    mask = np.zeros((20, 40), dtype=bool)
    mask[2:4, 6:8] = True
    words = Text(lines=(Line(text="a", box=(0, 0, 4, 4)), Line(text="b")), frame="img_1")
    artifacts = table(picture(), boxes((0, 0, 4, 2), (8, 8, 99, 99)), Masks.from_arrays([mask], frame="img_1"), words)
    artifacts.add(Points(xy=((3.0, 4.0),), include=(False,), frame="img_1"))
    written = ["boxes_1", "boxes_1[1]", "mask_1", "text_1", "points_1[0]", [0.5, 0.5], [1.0, 1.0, 0.5, 0.0]]
    found = bind(paint, {"regions": written}, artifacts).values["regions"]
    assert isinstance(found, Regions)
    assert [region.box for region in found] == [
        (0, 0, 4, 2), (8, 8, 40, 20), (8, 8, 40, 20), (6, 2, 8, 4), (0, 0, 4, 4), (3, 4, 3, 4),
        (20, 10, 20, 10), (20, 0, 40, 20),
    ]  # fmt: skip
    assert [region.include for region in found].count(False) == 1


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("boxes_1[2]", r"'boxes_1\[2\]' does not exist; boxes_1 has \[0\] to \[1\]"),
        ("boxes_1[99999999999]", r"'boxes_1\[99999999999\]' names no region; there is boxes_1, boxes_2"),
        ("boxes_2", "'boxes_2' is empty: nothing was found"),
        ([0.5, 0.5, 0.5001, 0.9], "is smaller than one pixel of the picture"),
        ([], "no region was given; name one, e.g. 'boxes_1'"),
    ],
)
def test_a_region_that_names_nothing_is_told(written: object, text: str) -> None:
    artifacts = table(picture(), boxes((0, 0, 5, 5), (1, 1, 2, 2)), boxes())
    with pytest.raises(BadRegion, match=text):
        bind(paint, {"regions": written}, artifacts)  # type: ignore[dict-item]


def test_one_region_is_asked_for_where_one_is_taken() -> None:
    from skills.registry import Registry

    artifacts = table(picture(), boxes((0, 0, 5, 5), (1, 1, 2, 2)))
    with pytest.raises(BadRegion, match=r"crop takes one region, 'boxes_1' holds 2; name one, e.g. 'boxes_1\[0\]'"):
        bind(Registry.load().get("crop"), {"region": "boxes_1"}, artifacts)


def test_regions_lie_in_the_first_picture_of_a_skill_with_two() -> None:
    """Broke when the last picture of a call decided: a reference picture shifted the regions of the edited one."""

    @skill
    def match(image: Picture, regions: Regions, reference: Picture | None = None) -> Picture:
        """Match the look of a reference."""
        return image

    artifacts = table(picture(), boxes((0, 0, 5, 5)), picture(grey=2))
    bound = bind(match, {"regions": "boxes_1", "reference": "img_2"}, artifacts)
    assert bound.args == {"image": "img_1", "reference": "img_2", "regions": "boxes_1"}


def test_an_id_of_no_picture_names_those_that_exist() -> None:
    with pytest.raises(BadArguments, match="there is no picture 'img_4'; there is img_1"):
        bind(find_two, {"image": "img_4"}, table(picture()))


def test_blur_crop_and_grey_build_on_each_other() -> None:
    """The user's chain: each edit takes the one before as its input, to the pixel."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    answer = scripted(
        {"name": "find_two"},
        {"name": "blur", "args": {"regions": "boxes_1"}},
        {"name": "crop", "args": {"region": "boxes_1[0]"}},
        {"name": "adjust", "args": {"grayscale": True}},
        {"name": "blur", "args": {"regions": "boxes_1"}},
        {"name": "blur", "args": {"image": "img_4", "regions": "boxes_1"}},
        "Here it is: [img_4]",
    ).ask("blur the faces, crop to the first one, make it black and white", [Picture.from_array(noise)])
    blurred, cropped, grey = (_array(answer, name) for name in ("img_2", "img_3", "img_4"))
    assert not np.array_equal(blurred[:16, :24], noise[:16, :24])
    assert np.array_equal(blurred[:32, 48:], noise[:32, 48:])
    assert np.array_equal(cropped, blurred[:16, :24])
    assert np.array_equal(grey[..., 0], grey[..., 2])
    luma = cropped @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey[..., 0] - luma).max() <= 1
    frames = {name: record.frame for name, record in answer.trace.artifacts.items()}
    assert frames == {
        "img_1": "img_1", "boxes_1": "img_1", "img_2": "img_1", "img_3": "img_3", "img_4": "img_3", "img_5": "img_1",
    }  # fmt: skip
    assert answer.observations[4].args["image"] == "img_2"
    assert answer.observations[5].content == (
        "bad_region: 'boxes_1' lies in the frame of img_1, the picture is in the frame of img_3; find it again there"
    )


def _array(answer: Answer, name: str) -> np.ndarray:
    return answer.artifacts.picture(name).array.astype(int)
