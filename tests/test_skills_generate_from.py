"""`generate_from` on small random ControlNets: what guides the picture, its frame and size, seeds, what is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skills import Cancel, Cancelled, Context, Masks, Picture, SkillError, SkillResult, Unavailable, skill
from skills.builtin._ade20k import COLOURS, colour_of
from skills.builtin._generate_from_control import guide
from skills.builtin.generate_from import generate_from
from tests import tiny_models

CONTROLS = ("canny", "depth", "seg")


@skill
def estimate_depth(image: Picture, *, ctx: Context) -> Picture:
    """Estimate depth: how near or far things are."""
    ramp = np.linspace(0, 255, image.size[0]).astype(np.uint8)
    array = np.broadcast_to(ramp[None, :, None], (image.size[1], image.size[0], 3))
    return Picture.from_array(np.ascontiguousarray(array), frame=image.frame, view=True)


@skill
def segment_scene(image: Picture, labels: list[str] | None = None, *, ctx: Context) -> SkillResult:
    """Label every region of a scene: sky, road, wall, ground."""
    shape = (image.size[1], image.size[0])
    top, all_of_it, middle = (np.zeros(shape, dtype=bool) for _ in range(3))
    top[: shape[0] // 2], all_of_it[:], middle[30:40, 50:70] = True, True, True
    names = ("Sky", "road, route", "thing") if labels is None else tuple(labels)
    masks = Masks.from_arrays([top, all_of_it, middle][: len(names)], labels=names, frame=image.frame)
    return SkillResult(values=(masks, image.model_copy(update={"view": True})))


SKILLS = {"estimate_depth": estimate_depth, "segment_scene": segment_scene}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("controlnet")
    parts = {name: str(tiny_models.controlnet(root / name, seed)) for seed, name in enumerate(CONTROLS)}
    return {"checkpoint": str(tiny_models.diffusion(root / "base")), "parts": parts, "side": 64, "steps": 2}


def _drawn(control: Any, image: Picture, **skills: Any) -> np.ndarray:
    ctx = Context(skills={**SKILLS, **skills}, chosen=generate_from.chosen)
    drawn = guide(control, image, ctx).draw(image.size)
    assert (drawn.mode, drawn.size) == ("RGB", image.size)
    return np.asarray(drawn)


def test_it_is_unavailable_until_everything_is_pulled(tables: dict[str, Any]) -> None:
    name = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert generate_from.unavailable() == f"checkpoint {name!r} is not on this machine; handeye pull generate_from"
    some = generate_from.using(**{**tables, "parts": {"canny": tables["parts"]["canny"]}})
    assert some.unavailable().startswith("checkpoint 'lllyasviel/control_v11f1p_sd15_depth' is not on this machine; ")
    assert generate_from.using(**tables).unavailable() == ""


@pytest.mark.parametrize("control", CONTROLS)
def test_a_picture_of_its_own_frame_in_the_shape_of_the_other(
    control: Any, plain: Picture, tables: dict[str, Any]
) -> None:
    ctx = Context(skills=SKILLS)
    made = generate_from.using(**tables)("a castle", plain, control, seed=2, ctx=ctx)
    (picture,) = made.values
    assert (picture.size, picture.mode, picture.frame, picture.view) == ((64, 43), "RGB", "", False)
    start = "made from 'a castle': seed 2, 2 steps, guidance 7.5, 64x48 pixels, checkpoint "
    assert made.note.startswith(start)
    assert f", safety checker on; guided by {control}" in made.note
    assert ctx.record.place.endswith(f":{control}@cpu:float32")


def test_the_seed_the_guide_and_its_strength_make_the_difference(plain: Picture, tables: dict[str, Any]) -> None:
    ctx, tiny = Context(seed=2, skills=SKILLS), generate_from.using(**tables)
    first = tiny("a castle", plain, "canny", seed=2, ctx=ctx).values[0].pixels
    assert tiny("a castle", plain, "canny", ctx=ctx).values[0].pixels == first
    assert tiny("a castle", plain, "canny", seed=3, ctx=ctx).values[0].pixels != first
    turned = plain.redrawn(plain.array[::-1].copy())
    assert tiny("a castle", turned, "canny", ctx=ctx).values[0].pixels != first
    weak = generate_from.using(**{**tables, "control_strength": 0.1})
    assert weak("a castle", plain, "canny", ctx=ctx).values[0].pixels != first


def test_canny_draws_edges_and_says_where_there_are_none(plain: Picture, tables: dict[str, Any]) -> None:
    edges = _drawn("canny", plain)
    assert set(np.unique(edges)) == {0, 255}
    ys, xs = np.nonzero(edges[:, :, 0])
    assert (abs(xs.min() - 20) <= 1, abs(xs.max() - 60) <= 1, abs(ys.min() - 10) <= 1) == (True, True, True)
    flat = Picture.from_array(np.full((40, 60, 3), 99, dtype=np.uint8), frame="img_2")
    note = generate_from.using(**tables)("a castle", flat, "canny", ctx=Context()).note
    assert note.endswith("; guided by canny; no edges were found in the picture, so nothing guides this one")


def test_depth_is_the_grey_of_estimate_depth(plain: Picture) -> None:
    grey = _drawn("depth", plain)
    assert (grey[:, 0].max(), grey[:, -1].min()) == (0, 255)


def test_parts_have_the_colours_of_ade20k_small_ones_over_large_ones(plain: Picture) -> None:
    drawn = _drawn("seg", plain)
    assert (tuple(drawn[0, 0]), tuple(drawn[-1, 0])) == (COLOURS["sky"], COLOURS["road"])
    assert tuple(drawn[35, 60]) == COLOURS["sky"]
    ctx = Context(skills=SKILLS, chosen=generate_from.chosen)
    assert guide("seg", plain, ctx).note == "no class of ADE20K, left black: 'thing'"


@pytest.mark.parametrize(
    ("label", "known_as"),
    [("Sky", "sky"), ("road, route", "road"), ("sky-other-merged", "sky"), ("window ", "windowpane"), ("gizmo", None)],
)
def test_labels_are_known_in_several_spellings(label: str, known_as: str | None) -> None:
    assert colour_of(label) == (COLOURS[known_as] if known_as else None)


def test_ade20k_has_its_150_classes() -> None:
    assert (len(COLOURS), COLOURS["wall"], COLOURS["flag"]) == (150, (120, 120, 120), (92, 0, 255))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["thing"], "none of 'thing' is a class of ADE20K, which the ControlNet was trained on; use control 'canny'"),
        ([], "no parts were found in the picture; use control 'canny' or 'depth'"),
    ],
)
def test_a_scene_without_known_parts(labels: list[str], expected: str, plain: Picture, tables: dict[str, Any]) -> None:
    @skill
    def some_parts(image: Picture, *, ctx: Context) -> SkillResult:
        """Stand in for segment_scene."""
        return segment_scene(image, labels, ctx=ctx)

    with pytest.raises(SkillError) as caught:
        generate_from.using(**tables)("a castle", plain, "seg", ctx=Context(skills={"segment_scene": some_parts}))
    assert str(caught.value).startswith(expected)


def test_a_skill_it_needs_and_that_cannot_run_is_named(plain: Picture, tables: dict[str, Any]) -> None:
    expected = r"^estimate_depth is needed for this and cannot run here: no such skill is known$"
    with pytest.raises(Unavailable, match=expected):
        generate_from.using(**tables)("a castle", plain, "depth", ctx=Context())


def test_a_cancel_ends_it_within_a_step(plain: Picture, tables: dict[str, Any]) -> None:
    cancel, done = Cancel(), []

    def progress(step: int, total: int, text: str) -> None:
        done.append((step, total))
        if step == 2:
            cancel.set()

    tiny = generate_from.using(**{**tables, "steps": 50})
    with pytest.raises(Cancelled):
        tiny("a castle", plain, "canny", ctx=Context(cancel=cancel, progress=progress))
    assert done == [(1, 50), (2, 50)]


def test_a_controlnet_of_another_model_is_refused(plain: Picture, tables: dict[str, Any], tmp_path: Path) -> None:
    other = tiny_models.controlnet(tmp_path, width=8)
    with pytest.raises(SkillError) as caught:
        generate_from.using(**{**tables, "parts": {**tables["parts"], "canny": str(other)}})(
            "a castle", plain, "canny", ctx=Context()
        )
    assert str(caught.value) == (
        f"controlnet cannot be loaded: the ControlNet {str(other)!r} reads text of width 8, "
        f"{tables['checkpoint']!r} of width 16; name two that were made for each other"
    )


def test_an_empty_prompt(plain: Picture) -> None:
    with pytest.raises(SkillError, match=r"^the text is empty; say in words what is wanted, "):
        generate_from("", plain, "canny", ctx=Context())
