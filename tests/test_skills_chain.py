"""A chain over random checkpoints, end to end: detect, segment, inpaint, generate_from; each value in its frame."""

from pathlib import Path

import numpy as np

from agent import Agent
from agent.planners.scripted import ScriptedPlanner
from agent.profile import Profile
from skills import Boxes, Context, Masks, Picture
from skills.builtin.detect import detect
from tests import tiny_models


def _discs() -> Picture:
    """A grey 120 x 80 picture with red discs of 69 pixels, where some boxes of a random detector lie."""
    y, x = np.mgrid[:80, :120]
    array = np.random.default_rng(0).integers(148, 173, (80, 120, 3)).astype(np.uint8)
    array[(x % 40 - 20) ** 2 + (y % 40 - 20) ** 2 < 25] = (220, 20, 20)
    return Picture.from_array(array, frame="img_1")


def _around_a_disc(picture: Picture, checkpoint: str) -> int:
    """Return the index, among the boxes that the chain will find, of one of 24 x 16 pixels: those hold a disc."""
    (found,) = detect.using(checkpoint=checkpoint)(picture, ["cat"], 0.0, ctx=Context()).values
    sizes = found.array[:, 2:] - found.array[:, :2]
    return int(np.argmin(np.abs(sizes - (24, 16)).sum(axis=1)))


def _profile(folder: Path, detector: str) -> Profile:
    base = str(tiny_models.diffusion(folder / "base"))
    net = str(tiny_models.controlnet(folder / "net"))
    small = {"side": 64, "steps": 2}
    return Profile(
        skills={
            "detect": {"checkpoint": detector},
            "inpaint": {"checkpoint": str(tiny_models.diffusion(folder / "fill", made_for="inpaint")), **small},
            "estimate_depth": {"checkpoint": str(tiny_models.depth_anything(folder / "depth"))},
            "generate_from": {"checkpoint": base, "parts": dict.fromkeys(("canny", "depth", "seg"), net), **small},
        }
    )


def test_detect_segment_inpaint_and_generate_from_keep_every_picture_in_its_frame(tmp_path: Path) -> None:
    detector = str(tiny_models.grounding_dino(tmp_path / "dino", queries=100))
    discs = _discs()
    planner = ScriptedPlanner(
        [
            {"name": "detect", "args": {"objects": ["cat"], "threshold": 0}},
            {"name": "segment", "args": {"regions": f"boxes_1[{_around_a_disc(discs, detector)}]"}},
            {"name": "inpaint", "args": {"regions": "mask_1", "prompt": "a dog", "seed": 5}},
            {"name": "generate_from", "args": {"prompt": "a castle", "control": "depth"}},
            "Here it is: [img_3].",
        ]
    )
    turn = Agent(planner, profile=_profile(tmp_path, detector), seed=9).ask("make a castle of it", images=[discs])
    assert [seen.error for seen in turn.observations] == [None] * 4
    assert [seen.artifacts for seen in turn.observations] == [("boxes_1",), ("mask_1",), ("img_2",), ("img_3",)]
    records = turn.trace.artifacts
    frames = {name: (record.frame, record.view) for name, record in records.items()}
    assert frames == {
        "img_1": ("img_1", False),
        "boxes_1": ("img_1", False),
        "mask_1": ("img_1", False),
        "img_2": ("img_1", False),
        "img_3": ("img_3", False),
    }
    assert [records[name].size for name in ("img_1", "img_2", "img_3")] == [(120, 80), (120, 80), (64, 43)]
    boxes, masks, filled = (turn.values[name] for name in ("boxes_1", "mask_1", "img_2"))
    assert isinstance(boxes, Boxes)
    assert isinstance(masks, Masks)
    assert isinstance(filled, Picture)
    (inside,) = masks.array
    assert inside.sum() == 69
    assert np.array_equal(filled.array[~inside], discs.array[~inside])
    assert (filled.array[inside] != discs.array[inside]).any()
    _, _, filling, guided = turn.observations
    assert (filling.args["image"], filling.args["seed"], filling.device) == ("img_1", 5, "cpu")
    assert (guided.args["image"], guided.args["seed"], guided.device) == ("img_2", 9, "cpu")
    assert guided.notes[-1].startswith("made from 'a castle': seed 9, 2 steps, guidance 7.5, 64x48 pixels, ")
    assert turn.turn.stop_reason == "answered"
