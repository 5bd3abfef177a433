"""`estimate_depth` on small random Depth Anything models, relative and metric."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skills import Cancel, Cancelled, Context, Picture, SkillError
from skills.builtin.estimate_depth import estimate_depth
from skills.spec import Skill
from tests import tiny_models


@pytest.fixture(scope="module")
def relative(tmp_path_factory: pytest.TempPathFactory) -> Skill[..., Any]:
    return estimate_depth.using(checkpoint=str(tiny_models.depth_anything(tmp_path_factory.mktemp("depth"))))


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> Skill[..., Any]:
    folder = tiny_models.depth_anything(tmp_path_factory.mktemp("metres"), metric=True)
    return estimate_depth.using(checkpoint=str(folder))


def _view(result: Any) -> Picture:
    (view,) = result.values
    assert isinstance(view, Picture)
    return view


def _noise(size: tuple[int, int] = (120, 80), mode: str = "RGB") -> Picture:
    shape = (size[1], size[0], len(mode))
    return Picture.from_array(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), frame="img_7")


def test_it_is_unavailable_until_it_is_pulled() -> None:
    expected = "checkpoint 'depth-anything/Depth-Anything-V2-Small-hf' is not on this machine; handeye pull "
    assert estimate_depth.unavailable() == expected + "estimate_depth"


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_view_is_grey_spans_black_to_white_and_lies_in_the_frame(mode: str, relative: Skill[..., Any]) -> None:
    ctx = Context()
    made = relative(_noise(mode=mode), ctx=ctx)
    view = _view(made)
    assert (view.frame, view.view, view.size, view.mode) == ("img_7", True, (120, 80), "RGB")
    assert (view.array == view.array[..., :1]).all()
    assert (view.array.min(), view.array.max()) == (0, 255)
    assert made.note == "white is near, black is far; distances have no unit"
    assert ctx.record.device == "cpu"


def test_metres_are_turned_round_and_their_range_is_said(metric: Skill[..., Any], monkeypatch: Any) -> None:
    made = metric(_noise(), ctx=Context())
    found = re.fullmatch(r"white is near, black is far: ([\d.]+) m to ([\d.]+) m", made.note)
    assert found is not None
    assert 0 <= float(found[1]) <= float(found[2]) <= 20
    metres = np.array([[1.0, 5.0], [3.0, 2.0]], dtype=np.float32)
    monkeypatch.setattr(Context, "run", lambda *_: (metres, True))
    made = metric(_noise((2, 2)), ctx=Context())
    assert _view(made).array[..., 0].tolist() == [[255, 0], [128, 191]]
    assert made.note == "white is near, black is far: 1.0 m to 5.0 m"


def test_a_flat_map_is_black(relative: Skill[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Context, "run", lambda *_: (np.full((80, 120), 7.0, np.float32), False))
    assert not _view(relative(_noise(), ctx=Context())).array.any()


def test_the_same_twice(relative: Skill[..., Any]) -> None:
    assert relative(_noise(), ctx=Context()) == relative(_noise(), ctx=Context())


@pytest.mark.parametrize("size", [(1, 1), (300, 3), (400, 600)])
def test_other_sizes(size: tuple[int, int], relative: Skill[..., Any]) -> None:
    assert _view(relative(_noise(size), ctx=Context())).size == size


def test_half_precision(relative: Skill[..., Any]) -> None:
    ctx = Context()
    half = _view(relative.using(dtype="bfloat16")(_noise(), ctx=ctx)).array.astype(float)
    full = _view(relative(_noise(), ctx=Context())).array
    assert ctx.record.place.endswith("@cpu:bfloat16")
    assert np.abs(half - full).mean() < 40


def test_a_cancelled_call_stops(relative: Skill[..., Any]) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        relative(_noise(), ctx=Context(cancel=cancel))


def test_a_checkpoint_without_its_weights_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    expected = f"no checkpoint lies at {str(tmp_path)!r}; correct the profile"
    assert estimate_depth.using(checkpoint=str(tmp_path)).unavailable() == expected


def test_a_picture_may_be_too_thin(relative: Skill[..., Any]) -> None:
    with pytest.raises(SkillError) as caught:
        relative(_noise((900, 1)), ctx=Context())
    assert str(caught.value) == "a picture of 900x1 is too thin for this model; crop it first"
