"""`handeye data make --run`: skills run over pictures that are there, each call once; truth is marked."""

import json
import random
from pathlib import Path

import pytest
from PIL import Image

from agent.cli import main
from agent.trace import ToolCall, Trace
from skills import Boxes, Picture, SkillResult, Text
from skills.registry import Registry
from skills.runtime import Runtime
from skills.store import Store
from tool_data.gallery import DRAWN, REAL, gallery
from tool_data.pictograms import Pictograms
from tool_data.requests import Words
from tool_data.results import Results, key_of
from tool_data.run_world import RunWorld, Stage

SKILLS = {skill.name: skill for skill in Registry.load().offer()}


@pytest.fixture(scope="module")
def drawn():
    return gallery("7", Pictograms(), Words())


@pytest.fixture
def stage(drawn, tmp_path):
    return Stage(drawn, Store(tmp_path / "store"), Results(tmp_path / "kept"), Runtime(), Path("docs"))


def world(stage, shows="board", seed=1):
    made = RunWorld(random.Random(seed), Words(), stage)
    made.picture(shows=shows)
    return made


def run(made, name, **args):
    return made.run(ToolCall(id=made.next_call(), name=name, args=args), SKILLS[name], name)


def test_a_gallery_is_drawn_from_its_seed(drawn, tmp_path):
    again = gallery("7", Pictograms(), Words())
    assert list(again.pictures) == list(drawn.pictures)
    assert {kind: len(found) for kind, found in drawn.kinds.items()} == DRAWN
    assert list(gallery("8", Pictograms(), Words()).pictures) != list(drawn.pictures)
    paths = [tmp_path / f"{n}.png" for n in range(5)]
    for number, path in enumerate(paths):
        Image.new("RGB", (30, 20), (number, 0, 0)).save(path)
    real = gallery("7", Pictograms(), Words(), paths)
    assert len(real.kinds["photo"]) == REAL
    assert not set(real.kinds["photo"]) & set(real.scenes)


def test_a_call_runs_once_for_all_chats(stage):
    first = run(world(stage), "rotate", degrees=90)
    assert (first.status, first.cached, first.simulated) == ("success", False, False)
    made = world(stage)
    run(made, "calculate", expression="2+3")
    again = run(made, "rotate", degrees=90)
    assert (again.status, again.cached, again.artifacts) == ("success", True, ("img_2",))
    assert made.artifacts["img_2"].frame == "img_2"
    assert run(made, "rotate", degrees=91).cached is False


def test_a_kept_result_lies_in_the_new_chats_frame(stage):
    held = Results(stage.results.folder)
    held.put("k", SkillResult(values=(Boxes(xyxy=((0, 0, 2, 2),), frame="img_1"),), note="n"), "img_1")
    assert held.get("k", "img_4") == SkillResult(values=(Boxes(xyxy=((0, 0, 2, 2),), frame="img_4"),), note="n")
    picture = Picture.from_image(Image.new("RGB", (4, 3)), frame="img_1", view=True)
    held.put("p", SkillResult(values=(picture, Text.of("a"))), "img_1")
    back, text = held.get("p", "img_2").values
    assert (back.pixels, back.frame, back.view, text) == (picture.pixels, "img_2", True, Text.of("a"))
    assert held.get("nothing", "img_1") is None


def test_equal_calls_have_equal_keys_whatever_their_ids_are():
    one, other = (Picture.from_image(Image.new("RGB", (4, 3)), frame=f"img_{n}") for n in (1, 2))
    assert key_of("blur", {"image": one, "strength": 2}) == key_of("blur", {"strength": 2, "image": other})
    assert key_of("blur", {"image": one, "strength": 2}) != key_of("blur", {"image": one, "strength": 3})
    assert key_of("blur", {"image": one}) != key_of("erase", {"image": one})


def test_truth_stands_in_for_a_missing_checkpoint_on_a_drawn_picture_alone(stage):
    made = world(stage)
    scene = stage.gallery.scenes[made.artifacts["img_1"].sha256]
    seen = run(made, "detect", objects=[scene.things[0].noun])
    assert (seen.status, seen.simulated, seen.cached) == ("success", True, False)
    assert scene.things[0].box in made.values["boxes_1"].xyxy
    assert run(made, "adjust", brightness=1.5).simulated is False
    derived = run(made, "detect", objects=["circle"])
    assert (derived.error.type, derived.simulated) == ("unavailable", False)
    assert run(made, "generate", prompt="a dog").error.type == "unavailable"


def test_what_the_executor_refuses_is_its_own_word(stage):
    made = world(stage)
    seen = run(made, "blur", regions="boxes_9")
    assert (seen.error.type, seen.simulated) == ("bad_region", False)
    assert made.outcome(seen) == "skill_error"
    assert made.outcome(run(made, "read_code")) == "empty"


def test_a_mark_lies_round_something_and_words_name_what_is_there(stage):
    made = world(stage)
    scene = stage.gallery.scenes[made.artifacts["img_1"].sha256]
    assert made.values[made.mark(point=False)].xyxy[0] in scene.boxes
    x, y = made.values[made.mark(point=True)].xy[0]
    assert any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in scene.boxes)
    known = [made.words_of(Words()).lists.get("object") for _ in range(40)]
    named = next(lists for lists in known if lists)
    assert scene.things[0].noun in named["en"]
    assert 20 < sum(lists is not None for lists in known) < 40


@pytest.mark.slow
def test_rows_depend_on_seed_and_number_and_have_no_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "make", "few.jsonl", "--run", "--rows", "2", "--seed", "5", "--cache", "kept"]) == 0
    assert main(["data", "make", "more.jsonl", "--run", "--rows", "8", "--seed", "5", "--cache", "kept"]) == 0
    few, more = (Path(name).read_text(encoding="utf-8").splitlines() for name in ("few.jsonl", "more.jsonl"))
    assert [_timeless(row) for row in more[:2]] == [_timeless(row) for row in few]
    assert main(["data", "validate", "more.jsonl"]) == 0
    traces = [Trace.from_json(row) for row in more]
    assert {trace.meta.planner for trace in traces} == {"authored"}
    seen = [seen for t in traces for turn in t.turns for step in turn.steps for seen in step.observations]
    assert any(not one.simulated and one.status == "success" for one in seen)
    assert "[img_" not in "".join(turn.answer for trace in traces for turn in trace.turns)
    for trace in traces:
        simulated = [
            call.name
            for turn in trace.turns
            for step in turn.steps
            for call, one in zip(step.output.calls, step.observations, strict=True)
            if one.simulated
        ]
        assert set(trace.meta.replayed) == set(simulated)
    assert not list(Path().glob("tmp*"))


def _timeless(row):
    """A row without what differs between runs: seconds, and whether an equal call had run."""
    data = json.loads(row)
    for turn in data["turns"]:
        for step in turn["steps"]:
            for seen in step["observations"]:
                seen["seconds"] = seen["cached"] = 0
    return data


def test_options_of_a_run_need_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "make", "made.jsonl", "--pictures", "photos"]) == 2
    assert "are for rows whose skills run; add --run" in capsys.readouterr().err
    assert main(["data", "make", "made.jsonl", "--run", "--pictures", "photos"]) == 2
    assert "no picture in 'photos'; name a folder of .png" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
