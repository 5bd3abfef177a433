"""`handeye data from-chats`: consent before all, filters, corrections, blurring, forks as preference pairs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from agent import Agent, Chat, ScriptedPlanner
from agent.cli import main
from agent.home import trace_folder
from agent.journal import FILE, Journal
from agent.trace import Trace
from skills import Context, Picture
from skills.builtin.find_faces import find_faces
from skills.builtin.read_text import read_text
from skills.store import Store
from tests.probes import picture

CROP = {"name": "crop", "args": {"region": [0, 0, 0.5, 0.5]}}
WHOLE = {"name": "crop", "args": {"region": [0, 0, 1, 0.5]}}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def saved(name, *lines, feedback=(), consent="training", requests=None, shown=None, forked=None):
    """Keep a chat at home, one request a line; `feedback` is of its turns. Return its folder."""
    folder = trace_folder(name)
    agent = Agent(ScriptedPlanner([one for line in lines for one in (line if isinstance(line, list) else [line])]))
    chat = Chat(agent, folder=folder, trace_id=name, forked_from=forked)
    for at in range(len(lines)):
        chat.ask((requests or [f"request {n}" for n in range(9)])[at], [] if at else [shown or picture()])
    said = [*feedback, *[None] * len(lines)]
    turns = tuple(turn.model_copy(update={"feedback": said[at]}) for at, turn in enumerate(chat.trace.turns))
    meta = chat.trace.meta.model_copy(update={"consent": consent})
    (folder / FILE).unlink()
    Journal(folder).whole(chat.trace.model_copy(update={"turns": turns, "meta": meta}))
    return folder


def run(capsys, *more, status=0):
    """Run the command on the chats at home; return the lines of its log."""
    assert main(["data", "from-chats", "out.jsonl", *more]) == status
    return capsys.readouterr().err.splitlines()


def rows(path="out.jsonl"):
    return {trace.id: trace for trace in map(Trace.from_json, Path(path).read_text().splitlines())}


def test_without_consent_a_chat_is_never_taken(capsys):
    for name, consent in (
        ("a", ""),
        ("b", "research"),
        ("c", "training"),
        ("d", "research, training"),
        ("e", "trainin"),
    ):
        saved(name, "Hello.", consent=consent, feedback=["up"])
    log = run(capsys)
    assert set(rows()) == {"c", "d"}
    for name, consent in (("a", ""), ("b", "research"), ("e", "trainin")):
        why = f"consent is {consent!r}; expected 'training' in it, which only its user can give"
        assert f"left out: {trace_folder(name)}: {why}" in log
    assert log[-1] == "5 chats read, 2 rows in out.jsonl"


def test_a_row_has_its_payloads_beside_it_and_no_fault(capsys):
    saved("a", [CROP, "See [img_2]."])
    run(capsys)
    assert main(["data", "validate", "out.jsonl"]) == 0
    (trace,) = rows().values()
    assert trace.turn.answer.startswith("See ")
    assert {path.name for path in Path("out.store").iterdir()} == {one.sha256 for one in trace.artifacts.values()}


def test_a_chat_ends_before_what_was_voted_down_or_not_answered(capsys):
    saved("a", "One.", [CROP, "Two."], "Three.", feedback=[None, "down"])
    saved("b", "One.", feedback=["down"])
    log = run(capsys)
    assert [turn.answer for turn in rows()["a"].turns] == ["One."]
    assert set(rows()["a"].artifacts) == {"img_1"}
    assert len(list(Path("out.store").iterdir())) == 1
    assert "left out: a: turn 2 was voted down; the 1 before it are taken" in log
    assert "left out: b: turn 1 was voted down; none is taken" in log


def test_liked_turns_alone(capsys):
    saved("a", "One.", "Two.", "Three.", feedback=["up", "up"])
    saved("b", "One.", feedback=["corrected: Uno."])
    log = run(capsys, "--only", "up")
    assert {name: len(trace.turns) for name, trace in rows().items()} == {"a": 2}
    assert "left out: a: turn 3 has the feedback None; expected 'up'; the 2 before it are taken" in log
    assert "left out: b: turn 1 was corrected, not liked; none is taken" in log


def test_a_corrected_answer_takes_the_place_of_the_first(capsys):
    saved("a", "One.", [CROP, "See [img_2]."], "Three.", feedback=[None, "corrected:  It is  cropped. "])
    saved("b", "One.")
    log = run(capsys, "--only", "corrected")
    assert set(rows()) == {"a"}
    turn = rows()["a"].turns[-1]
    assert (turn.answer, turn.steps[-1].output.answer, turn.citations) == ("It is  cropped.",) * 2 + ((),)
    assert [call.name for call in turn.steps[0].output.calls] == ["crop"]
    assert main(["data", "validate", "out.jsonl"]) == 0
    assert "left out: a: no turn after turn 2 is corrected; the 2 before it are taken" in log
    assert "left out: b: no turn after turn 0 is corrected; none is taken" in log


def test_damaged_doubled_and_missing_is_left_out_with_its_reason(capsys):
    saved("good", "One.")
    with (saved("damaged", "One.") / FILE).open("a") as file:
        file.write("{half\n")
    bare = saved("bare", [CROP, "See [img_2]."])
    next((bare / "store").iterdir()).unlink()
    shutil.copytree(trace_folder("good"), "copy")
    log = run(capsys, str(trace_folder("good").parent), "copy")
    assert set(rows()) == {"good"}
    assert any(line.startswith(f"left out: {trace_folder('damaged')}: it is damaged: line 5 of ") for line in log)
    assert f"left out: copy: its id 'good' is that of '{trace_folder('good')}', which is used" in log
    assert any(line.startswith("left out: bare: img_") and "is missing from" in line for line in log)


def test_a_folder_at_home_without_a_log_is_told(capsys):
    saved("good", "One.")
    trace_folder("empty").mkdir()
    log = run(capsys)
    empty = trace_folder("empty")
    assert f"left out: {empty}: no trace at '{empty}'; expected a folder with trace.jsonl" in log


def test_nothing_is_written_where_no_chat_can_be_used(capsys):
    saved("a", "One.", consent="")
    log = run(capsys, "--pairs", "pairs.jsonl", status=2)
    assert log[-1] == "handeye: none of 1 chats can be used; the lines above say why, nothing was written"
    assert list(Path().glob("*.jsonl")) == []


def text_picture():
    image = Image.new("RGB", (420, 120), "white")
    ImageDraw.Draw(image).text((30, 30), "SECRET 4711", fill="black", font=ImageFont.load_default(48))
    return Picture.from_image(image)


def read(picture):
    return read_text(picture, ctx=Context()).text


def stored(trace, name, store="out.store"):
    return Store(Path(store)).value(trace.artifacts[name])


def test_text_is_blurred_in_every_picture_of_its_frame(capsys):
    """The second picture is cut down so that it starts a frame of its own; the third is the first made brighter."""
    dark = {"name": "adjust", "args": {"brightness": 0.3, "image": "img_1"}}
    saved("a", [WHOLE, dark, "Done."], shown=text_picture())
    assert "4711" in read(stored_home("a", "img_1"))
    log = run(capsys, "--blur", "text")
    trace = rows()["a"]
    assert list(trace.artifacts) == ["img_1", "img_2", "img_3"]
    for name in trace.artifacts:
        assert "4711" not in read(stored(trace, name)), name
        assert stored(trace, name).size == trace.artifacts[name].size
    assert main(["data", "validate", "out.jsonl"]) == 0
    assert log[-2] == "3 pictures blurred (text); words read from them still stand in results and answers"
    assert (stored(trace, "img_1").array[:8] == 255).all(), "what is no text is as it was"


def stored_home(name, artifact):
    trace = Trace.load(trace_folder(name))
    return stored(trace, artifact, trace_folder(name) / "store")


def test_faces_are_blurred(capsys, shared):
    photograph = Picture.from_image(
        Image.open(shared("img_misc/scikit-image__astronaut.png")).crop((140, 20, 300, 240))
    )
    assert len(find_faces(photograph, ctx=Context()).values[0]) == 1
    saved("a", "Nice.", shown=photograph)
    run(capsys, "--blur", "faces")
    assert len(find_faces(stored(rows()["a"], "img_1"), ctx=Context()).values[0]) == 0


def test_payloads_of_an_earlier_run_do_not_stay_beside_blurred_ones(capsys):
    saved("a", "One.", shown=text_picture())
    run(capsys)
    plain = rows()["a"].artifacts["img_1"].sha256
    Path("out.jsonl").unlink()
    log = run(capsys, "--blur", "text", status=2)
    assert log[-1].startswith("handeye: 'out.store' holds payloads of another run, perhaps not blurred; remove it")
    run(capsys, "--blur", "text", "--force")
    assert (Path("out.store") / plain).exists() is False
    assert main(["data", "validate", "out.jsonl"]) == 0


def pairs(path="pairs.jsonl"):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_a_forked_call_becomes_a_pair_whose_two_ends_are_the_calls(capsys):
    saved("a", "Hello.", [CROP, "Cropped: [img_2]."])
    saved("b", "Hello.", [WHOLE, "Cropped: [img_2]."], forked="a@2.1")
    log = run(capsys, "--pairs", "pairs.jsonl")
    (row,) = pairs()
    assert list(row) == ["prompt", "chosen", "rejected", "tools", "images"]
    assert [message["role"] for message in row["prompt"]] == ["system", "user", "assistant", "user"]
    assert [len(row["chosen"]), len(row["rejected"])] == [1, 1]
    ends = [row[key][0]["tool_calls"][0]["function"] for key in ("chosen", "rejected")]
    assert ends == [{"name": "crop", "arguments": json.dumps(call["args"])} for call in (WHOLE, CROP)]
    assert row["images"] == [rows()["a"].artifacts["img_1"].sha256]
    assert "crop" in [tool["function"]["name"] for tool in json.loads(row["tools"])]
    assert log[-1] == "2 chats read, 2 rows in out.jsonl, 1 pairs in pairs.jsonl"


def test_a_forked_answer_after_the_same_call_becomes_a_pair(capsys):
    saved("a", [CROP, "Bad: [img_2]."], feedback=["down"])
    saved("b", [CROP, "Good: [img_2]."], forked="a@1.2", feedback=["up"])
    run(capsys, "--pairs", "pairs.jsonl")
    (row,) = pairs()
    assert [message["role"] for message in row["prompt"]] == ["system", "user", "assistant", "tool", "user"]
    assert row["chosen"][0]["content"][0]["text"].startswith("Good: ")
    assert len(row["images"]) == 2
    assert set(rows()) == {"b"}
    assert {path.name for path in Path("out.store").iterdir()} >= set(row["images"])


def test_the_liked_one_is_chosen_though_the_other_is_the_fork(capsys):
    saved("a", "First.", feedback=["up"])
    saved("b", "Second.", forked="a@1.1", feedback=["down"])
    run(capsys, "--pairs", "pairs.jsonl")
    assert [pairs()[0][key][0]["content"][0]["text"] for key in ("chosen", "rejected")] == ["First.", "Second."]


def test_a_corrected_answer_is_chosen_over_the_first(capsys):
    saved("a", [CROP, "Wrong."], feedback=["corrected: Right."])
    run(capsys, "--pairs", "pairs.jsonl")
    assert [pairs()[0][key][0]["content"][0]["text"] for key in ("chosen", "rejected")] == ["Right.", "Wrong."]


NO_PAIR = {
    "it is forked from 'nowhere', which is not among the chats that may be used": ("Two.", "nowhere@1.1", ()),
    "it is forked from 'a'; expected ID@TURN.STEP": ("Two.", "a", ()),
    "it is forked at turn 7, which one of the two does not have": ("Two.", "a@7.1", ()),
    "both have the feedback 'up'; expected one to be liked more": ("Two.", "a@1.1", ("up",)),
    "both say the same in turn 1, step 1; expected another call or answer": ("One.", "a@1.1", ()),
    "turn 1 says nothing in step 3 in one of the two; expected a call or an answer": ("Two.", "a@1.3", ()),
    "the two chats differ before turn 1, step 1; expected the same up to there": ("Two.", "a@1.1", ("other",)),
}


@pytest.mark.parametrize("why", NO_PAIR)
def test_what_is_no_pair_is_said(capsys, why):
    answer, forked, more = NO_PAIR[why]
    saved("a", "One.", feedback=["up"] if more == ("up",) else ())
    requests = ["something else"] if more == ("other",) else None
    saved("b", answer, forked=forked, feedback=more if more == ("up",) else (), requests=requests)
    log = run(capsys, "--pairs", "pairs.jsonl")
    assert [line for line in log if line.startswith("left out: the pair of b") and line.endswith(f": {why}")], log
    assert pairs() == []


def test_a_fork_of_a_chat_without_consent_makes_no_pair(capsys):
    saved("a", "One.", consent="")
    saved("b", "Two.", forked="a@1.1")
    log = run(capsys, "--pairs", "pairs.jsonl")
    assert "left out: the pair of b: it is forked from 'a', which is not among the chats that may be used" in log
    assert "One." not in Path("pairs.jsonl").read_text()


def test_pairs_hold_blurred_pictures_alone(capsys):
    saved("a", "One.", shown=text_picture())
    saved("b", "Two.", shown=text_picture(), forked="a@1.1")
    run(capsys, "--pairs", "pairs.jsonl", "--blur", "text")
    (name,) = pairs()[0]["images"]
    assert name == rows()["a"].artifacts["img_1"].sha256
    assert [path.name for path in Path("out.store").iterdir()] == [name]


def test_a_real_fork_of_the_command_line_is_read(capsys):
    """`handeye replay --from` writes what `from-chats` reads; only the consent is added, as its user would."""
    saved("a", [CROP, "Done."])
    Path("after.json").write_text('["Done again."]')
    folder = trace_folder("a")
    set_ = ["--set", "region=0,0,1,0.5", "--planner", "scripted:after.json"]
    assert main(["replay", str(folder), "--from", "1.1", *set_, "--save", "fork"]) == 0
    fork = Trace.load(Path("fork"))
    assert fork.meta.forked_from == "a@1.1"
    Path("fork", FILE).unlink()
    meta = fork.meta.model_copy(update={"consent": "training"})
    Journal(Path("fork")).whole(fork.model_copy(update={"meta": meta}))
    run(capsys, str(folder), "fork", "--pairs", "pairs.jsonl")
    (row,) = pairs()
    assert json.loads(row["chosen"][0]["tool_calls"][0]["function"]["arguments"])["region"] == [0.0, 0.0, 1.0, 0.5]


def test_a_report_names_all_that_was_left_out(capsys):
    for number in range(9):
        saved(f"n{number}", "One.", consent="training" if number == 4 else "")
    run(capsys, "--report", "report.json")
    (part,) = json.loads(Path("report.json").read_text())["files"]
    assert (part["read"], part["kept"], len(part["refused"])) == (9, 1, 8)


BAD = {
    "--blur 'ears' is nothing that is found; expected some of faces, text": ["--blur", "ears"],
    "no trace below 'void'; expected folders with trace.jsonl": ["void"],
    "no trace at 'nowhere'; expected a folder with trace.jsonl, a batch's output or the id of a kept trace": [
        "nowhere"
    ],
    "the output 'p.json' does not end in .jsonl; rows are written one a line": ["--pairs", "p.json"],
    "--pairs 'out.jsonl' is the output too; name another file": ["--pairs", "out.jsonl"],
}


@pytest.mark.parametrize("why", BAD)
def test_bad_usage_is_one_line_and_nothing_is_written(capsys, why):
    Path("void").mkdir()
    log = run(capsys, *BAD[why], status=2)
    assert log[-1].startswith(f"handeye: {why}")
    assert [path.name for path in Path().iterdir()] == ["void"] or not list(Path().glob("*.jsonl"))


def test_a_picture_without_anything_to_hide_is_kept_as_it_is(capsys):
    saved("a", "One.", shown=Picture.from_array(np.full((60, 80, 3), 90, dtype=np.uint8)))
    log = run(capsys, "--blur", "faces,text")
    assert log[-2].startswith("0 pictures blurred (faces, text); ")
    kept = Trace.load(trace_folder("a")).artifacts["img_1"].sha256
    assert rows()["a"].artifacts["img_1"].sha256 == kept
