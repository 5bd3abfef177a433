"""`handeye learn` end to end: errors, the mix of chats, Ctrl-C, and a few steps of the embedded planner."""

import json
import os
import random
import shlex
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cli import main
from agent.planners.llava import EMBEDDED
from agent.score import Scored
from agent.slots import SLOTS, Slots, home_slots
from skills import InputError, Text, Words, skill
from skills.registry import CONTRACT
from tests.conftest import ROOT
from tests.test_training_planner import TOY
from tool_data.generate import Mix
from tool_data.material import Material
from tool_data.split import tokens
from training.learn import _use
from training.learn_file import Authored
from training.learn_lesson import Lesson, read_lessons
from training.learn_measure import Measured, new_rows, old_rows
from training.learn_report import read, report, told
from training.learn_run import Course, Learning, learn
from training.learn_source import Lessons
from training.learn_values import Values
from training.learn_wordings import wordings
from training.planner import Plan, Run

RED = ROOT / "examples" / "find_red.py"
PICTURES = {"page": ("a" * 64,), "code": ("b" * 64,), "face": ("c" * 64,), "scene": ("d" * 64, "e" * 64)}


@pytest.fixture(scope="module")
def material() -> Material:
    return Material.load()


@pytest.fixture(autouse=True, scope="module")
def _loaded(material):
    """Reading the material takes seconds; every run of these tests takes the one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Material, "load", lambda: material)
        yield


@pytest.fixture(scope="module")
def generator(material) -> Lessons:
    lessons = read_lessons([RED], [], material.words)
    return Lessons(material, PICTURES, content=False, lessons=lessons, share=0.4)


def test_a_share_of_the_turns_is_for_the_new_skill_and_old_ones_are_replayed(generator):
    rng = random.Random(0)
    called = Counter()
    offer = generator.offer(rng, full=1)
    for _ in range(200):
        calls = generator.chat(offer, rng, most_turns=1, mix=Mix()).turns[0].steps[0].output.calls
        called["find_red" if calls and calls[0].name == "find_red" else "other"] += 1
    assert 0.25 < called["find_red"] / 200 < 0.5  # 0.4 less the tenth that lacks a picture
    text = "".join(segment.text for segment in Slots(offer.skills, offer.slots).offer())
    assert text.count(" find_red(threshold?)") == 1


def test_a_new_skill_stands_behind_the_contracts_own_in_the_offers_of_serving(generator):
    rng = random.Random(1)
    places = Counter()
    for _ in range(100):
        offer = generator.offer(rng, full=1)
        names = [skill.name for skill in offer.skills]
        assert offer.slots == home_slots(names)
        own = sum(name in CONTRACT for name in names)
        assert names.index("find_red") >= own
        places[names.index("find_red") - own] += 1
        varied = generator.offer(rng, least=3, most=6)
        assert len(set(varied.slots)) == len(varied.skills)
        assert varied.slots[[skill.name for skill in varied.skills].index("find_red")] >= len(CONTRACT)
    assert places[0] > 60
    assert len(places) > 2


def test_requests_that_share_words_with_the_new_ones_keep_their_own_call(material, monkeypatch):
    monkeypatch.setattr("training.learn_source.NEAR", 1.0)
    near = Lessons(material, PICTURES, content=False, lessons=read_lessons([RED], [], material.words), share=0.0)
    assert "red car" in near.things["en"]
    rng = random.Random(2)
    seen = Counter()
    offer = near.offer(rng, full=1)
    while "detect" not in offer.contract:
        offer = near.offer(rng, full=1)
    for _ in range(80):
        trace = near.chat(offer, rng, most_turns=1)
        if {"find", "box", "red"} & set(tokens(trace.turns[0].request)):
            seen.update(call.name for step in trace.turns[0].steps for call in step.output.calls)
    assert seen["detect"] > 3
    assert "find_red" not in seen


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--share", "1"], "--share 1.0 leaves nothing of one kind; expected a number between 0 and 1"),
        (["--tokens", "0"], "--tokens 0 is too few; expected a number above 0"),
        (["--planner", "."], "--planner '.' is no planner of the dialect 'slots/2', which"),
        (["--planner", "{tmp}/unread"], "handeye.json' is no JSON: "),
        (["--out", str(EMBEDDED)], "is the planner to go on from; name another folder"),
        (["--out", "{tmp}"], "holds 'notes.txt' and no planner; name a folder that is not there yet"),
        (["--out", "{tmp}/notes.txt"], "is a file; name a folder"),
        (["--out", "{tmp}/there"], "is there already; name another folder, or add --force to replace it"),
        (["--examples", "{tmp}/none.toml"], "no file of requests at"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_and_exit_2(options, expected, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "unread").mkdir()
    (tmp_path / "unread" / "handeye.json").write_text("{")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "handeye.json").write_text("{}")
    told = [option.replace("{tmp}", str(tmp_path)) for option in options]
    assert main(["learn", str(RED), "--out", str(tmp_path / "new"), *told]) == 2
    said = capsys.readouterr()
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.fixture(scope="module")
def toy(material, tmp_path_factory) -> Plan:
    """A plan that goes on from a toy planner."""
    start = tmp_path_factory.mktemp("toy") / "start"
    Run(TOY, start).save()
    return replace(TOY, start=start, workers=1, tokens=10**9, minutes=30)


def test_chats_for_old_skills_are_held_to_what_the_planner_chose_before(toy, tmp_path):
    import torch

    from training.forward import Reader

    run = Learning(toy, Course((RED,), share=0.3), tmp_path / "out", tmp_path / "stop")
    (group, _) = run.groups(TOY.stages[0])
    (slot,) = run.keeper._slots(group.offer[0].tolist())
    at = group.offer[0].tolist().index(slot)
    assert run.tokenizer.decode(group.offer[0][at + 1 :]).startswith(" find_red(threshold?) find and box red things.")

    def drift(group):
        reader = Reader(run.model, torch.float32)
        offer = reader.offer(group)
        seen = [(chats, reader.chats(offer, chats, run.pixels)) for chats in group.chunks]
        return float(run.further(group, seen)["drift"])

    with torch.no_grad():
        same = drift(group)
        run.model.lm_head.weight += 0.3 * torch.randn_like(run.model.lm_head.weight)
        assert drift(group) > same > 0
        for chats in group.chunks:
            chats.ids[:, -1], chats.targets[:, -1] = slot, True
        assert drift(group) == 0, "a chat that calls the new skill is not held to what was chosen before"


def test_ctrl_c_ends_training_behind_a_step_and_keeps_a_whole_planner(toy, tmp_path, monkeypatch):
    from transformers import AutoModelForImageTextToText

    out = tmp_path / "learnt"
    began = threading.Event()
    monkeypatch.setattr("training.learn_run.Learning.groups", _noticed(began))

    def press() -> None:
        began.wait(60)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    assert learn(toy, Course((RED,)), out)
    before, after = (AutoModelForImageTextToText.from_pretrained(folder) for folder in (toy.start, out))
    assert not before.lm_head.weight.equal(after.lm_head.weight)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["learnt"]


def _noticed(began):
    groups = Run.groups

    def noticed(self, stage):
        began.set()
        return groups(self, stage)

    return noticed


@pytest.mark.slow
def test_a_few_steps_of_the_embedded_planner_leave_a_planner_and_its_report(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.learn.new_rows", lambda lesson, seed: new_rows(lesson, seed)[:2])
    monkeypatch.setattr("training.learn.old_rows", lambda count, new: old_rows(count, new)[-6:])
    monkeypatch.setattr("training.learn.PICTURES", 4)
    out = tmp_path / "learnt"
    options = ["--tokens", "4000", "--rows", "1", "--workers", "1"]
    assert main(["learn", str(RED), "--out", str(out), *options]) == 0
    said = capsys.readouterr().out
    assert "read 'find what is red' as find_red()" in said
    assert f"use it: handeye ask photo.jpg 'find what is red' --planner {out} --skills {RED}\n" in said
    found = json.loads((out / "learnt.json").read_text())
    assert found["skills"][0]["name"] == "find_red"
    assert found["old"]["without"]["first_call"]["n"] == 4
    assert found["others"]["with"]["first_call"]["n"] == 2
    assert len(found["rows"]["after"]) == len(found["rows"]["before"])
    assert json.loads((out / "handeye.json").read_text())["dialect"] == "slots/2"
    assert (out / "model.safetensors").read_bytes() != (EMBEDDED / "model.safetensors").read_bytes()


def test_the_command_that_is_told_can_be_pasted(material):
    @skill(examples=["how much is $HOME in `id`"])
    def sum_up(what: Words) -> Text:
        """Tell how much something is."""

    @skill
    def bare(place: Words) -> Text:
        """Tell the weather of a place."""

    for item, expected in ((sum_up, "'how much is $HOME in `id`'"), (bare, "weather")):
        values = Values(material.words.lists, material.words.vocabulary, skill=item)
        lesson = Lesson(item, wordings(item, Authored()), values)
        line = _use(Path("my planner"), Course((Path("my skill.py"),)), [lesson])
        assert expected in line
        assert "{" not in line
        assert shlex.split(line.removeprefix("use it: "))[-3:] == ["my planner", "--skills", "my skill.py"]


def test_more_skills_than_a_planner_has_room_for_are_refused_at_once(tmp_path, material):
    text = "from skills import Text, skill\n" + "".join(
        f'@skill(examples=["do thing {number}"])\ndef thing_{number}() -> Text:\n    """Do thing {number}."""\n\n'
        for number in range(SLOTS - len(CONTRACT) + 1)
    )
    (tmp_path / "many.py").write_text(text)
    with pytest.raises(InputError, match=r"\d+ skills are in the files; a planner has room for \d+: learn fewer"):
        read_lessons([tmp_path / "many.py"], [], material.words)


def test_the_sample_of_old_rows_is_the_same_and_even():
    rows = old_rows(160)
    assert rows == old_rows(160)
    assert set(Counter((row["group"], row["lang"]) for row in rows).values()) == {10}
    assert all("knot_help" not in str(row["calls"]) for row in old_rows(160, ["knot_help"]))


def test_rows_of_a_new_skill_are_its_held_out_wordings(generator):
    (lesson,) = generator.lessons
    rows = new_rows(lesson, 0)
    assert rows == new_rows(lesson, 0) != new_rows(lesson, 1)
    assert len(rows) >= len(lesson.wordings.held_out)
    assert {row["calls"][0][0]["name"] for row in rows} == {"find_red"}


def test_the_report_pairs_rows_and_counts_mistaken_calls(generator):
    def measured(old: list[bool], written: str) -> Measured:
        rows = [
            Scored(f"r{n}", g, "en", ok, ok, 0, (written,)) for n, (ok, g) in enumerate(zip(old, "aabb", strict=True))
        ]
        other = Scored("u", "unseen", "en", True, True, 0, ())
        return Measured({"find_red": (Scored("n", "new", "en", written != "", False, 0),)}, (*rows, other))

    before, after = measured([True] * 4, ""), measured([True, True, True, False], "find_red({})")
    known = measured([True, True, False, False], "").old
    found = report(generator.lessons, Course((RED,)), TOY, known, before, after)
    assert found["old"]["with"]["first_call"]["difference"] == -0.25
    assert found["old"]["without"]["first_call"]["difference"] == 0.25
    assert found["others"]["with"]["first_call"]["n"] == 1
    assert found["mistaken"] == {"before": 0, "after": 4, "rows": 5}
    lines = list(told(found))
    assert lines[1].startswith("  first call  before 0.00 (0.00-0.79, n=1), after 1.00")
    assert lines[3] == "old skills, first call, 4 rows: after 0.750"
    assert lines[4].startswith("  before 0.500, difference +0.250 (")
    assert lines[5].startswith("  before, with the new skill on offer 1.000, difference -0.250 (")
    assert lines[-1] == "new skill called in rows for others: before 0, after 4 of 5"
    assert any("wordings to learn from (en" in line for line in read(generator.lessons[0]))
