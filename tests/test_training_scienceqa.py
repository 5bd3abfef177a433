"""`handeye eval scienceqa`: what is asked, what an answer chooses, the published columns, and what is missing."""

import json

import pytest
from PIL import Image

from agent.cli import main
from skills import InputError
from training import questions, scienceqa

PROBLEMS = {
    "1": {"question": "Which is a solid?", "choices": ["rock", "air"], "answer": 0, "hint": "", "image": None,
          "subject": "natural science", "grade": "grade2", "lecture": "Solids keep their shape."},
    "2": {"question": "Which ocean is it?", "choices": ["Arctic", "Indian", "Pacific"], "answer": 2, "hint": "",
          "image": "image.png", "subject": "social science", "grade": "grade7"},
    "3": {"question": "Which word rhymes?", "choices": ["cat", "dog"], "answer": 1, "hint": "With fog.",
          "image": "image.png", "subject": "language science", "grade": "grade12"},
    "4": {"question": "Which is a gas?", "choices": ["rock", "air"], "answer": 1, "subject": "natural science",
          "grade": "grade6"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Four problems as published; the picture of the third is missing."""
    (tmp_path / "problems.json").write_text(json.dumps(PROBLEMS))
    (tmp_path / "pid_splits.json").write_text(json.dumps({"train": ["9"], "test": ["1", "2", "3", "4"]}))
    (tmp_path / "images" / "test" / "2").mkdir(parents=True)
    Image.new("RGB", (12, 8), "navy").save(tmp_path / "images" / "test" / "2" / "image.png")
    return tmp_path


def evaluate(folder, *lines, more=()):
    script = folder / "script.json"
    script.write_text(json.dumps(list(lines)))
    return main(["eval", "scienceqa", str(folder), "--planner", f"scripted:{script}", *more])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("B", 1), (" B ", 1), ("(B)", 1), ("B.", 1), ("B. Indian", 1), ("(C) Pacific", 2), ("A: it is cold", 0),
        ("B\nBecause it is warm.", 1), ("The answer is C.", 2), ("the Answer is (C), so ...", 2),
        ("So the answer is: B. Yes, the answer is B", 1), ("indian", 1), ("The Pacific.", 2),
        ("The answer is B, or the answer is C", None), ("D", None), ("E.", None), ("A dog", None), ("", None),
        ("?", None), ("It is a nice picture", None), ("the answer is a mystery", None),
        ("BC", None), ("Arctic or Indian", None),
    ],
)  # fmt: skip
def test_an_answer_chooses_an_option_or_none(text, read):
    assert scienceqa.choice(text, ["Arctic", "Indian", "Pacific"]) == read


def test_two_equal_options_are_not_told_apart_by_words():
    assert scienceqa.choice("rock", ["rock", "Rock"]) is None


def test_what_is_asked_is_llavas_form(folder):
    found = scienceqa.read(folder, "test")
    assert found.questions[1].prompt == (
        "Context: N/A\nQuestion: Which ocean is it?\nOptions: (A) Arctic (B) Indian (C) Pacific\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert found.questions[2].prompt.startswith("Context: With fog.\nQuestion:")
    assert [question.image and question.image.is_file() for question in found.questions] == [None, True, False, None]


def test_llavas_question_file_gives_the_words(folder):
    asked = folder / "llava_test_CQM-A.json"
    rows = [{"id": "2", "image": "2/image.png", "conversations": [{"from": "human", "value": "Which?\n<image>"}]}]
    asked.write_text(json.dumps(rows))
    found = scienceqa.read(asked, "test")
    [question] = found.questions
    assert question.prompt == f"Which?\n{scienceqa.INSTRUCTION}"
    assert question.image == folder / "images" / "test" / "2" / "image.png"
    assert found.problems["2"].answer == 2


def test_accuracy_is_by_the_published_columns_and_nothing_is_left_out(folder, capsys):
    out = folder / "out.jsonl"
    assert evaluate(folder, "A", "Pacific", "I like air.", more=["--save", str(out)]) == 1
    said = capsys.readouterr()
    lines = {line.split()[0]: line.split() for line in said.out.splitlines()[1:]}
    shares = {name: (line[1], line[2].strip("(,") and line[3]) for name, line in lines.items()}
    assert {name: share[0] for name, share in shares.items()} == {
        "NAT": "0.50", "SOC": "1.00", "LAN": "0.00", "TXT": "0.00", "IMG": "0.50", "NO": "0.50", "G1-6": "0.50",
        "G7-12": "0.50", "Avg": "0.50",
    }  # fmt: skip
    assert lines["Avg"][-3:] == ["n=4)", "1", "1"]
    assert "not asked: 1 of 4 questions\n  3: no picture at" in said.err
    assert "answered, no option chosen: 1 of 4 questions\n  4: 'I like air.'" in said.err
    row = json.loads(out.read_text().splitlines()[0])
    assert set(row) == {"question_id", "prompt", "text", "answer_id", "model_id", "metadata"}
    assert (row["question_id"], row["text"], row["model_id"], row["metadata"]) == ("1", "A", "scripted", {})
    assert main(["eval", "scienceqa", str(folder), "--answers", str(out)]) == 1
    assert capsys.readouterr().out == said.out
    assert main(["eval", "scienceqa", str(folder), "--answers", str(out), "--json"]) == 1
    third = json.loads(capsys.readouterr().out.splitlines()[2])
    assert (third["id"], third["read"], third["gold"], third["right"]) == ("3", None, "B", False)
    assert third["groups"] == ["LAN", "TXT", "IMG", "G7-12", "Avg"]


def test_a_turn_without_an_answer_is_wrong_and_named(folder, capsys):
    (folder / "images" / "test" / "3").mkdir()
    (folder / "images" / "test" / "3" / "image.png").write_bytes(b"no picture")
    lines = ["A", *[{"name": "nonesuch", "args": {}}] * 8, "B"]
    assert evaluate(folder, *lines, more=["--no-tools"]) == 1
    said = capsys.readouterr()
    assert "asked, no answer: 1 of 4 questions\n  2: step_limit: " in said.err
    assert "not asked: 1 of 4 questions\n  3: " in said.err
    assert next(line for line in said.out.splitlines() if line.startswith("Avg")).split()[1] == "0.50"


def test_a_bug_of_a_skill_costs_one_answer(folder, capsys):
    code = '@skill\ndef bad() -> Number:\n    """Break."""\n    raise ZeroDivisionError("x")\n'
    (folder / "bad.py").write_text(f"from skills import Number, skill\n\n\n{code}")
    more = ["--skills", str(folder / "bad.py")]
    assert evaluate(folder, {"name": "bad", "args": {}}, "Pacific", "B", more=more) == 1
    said = capsys.readouterr()
    assert "asked, no answer: 1 of 4 questions\n  1: a bug: ZeroDivisionError: x" in said.err
    assert next(line for line in said.out.splitlines() if line.startswith("Avg")).split()[1] == "0.50"


def test_a_run_that_was_stopped_goes_on(folder, monkeypatch, capsys):
    out, asked, reply = folder / "out.jsonl", [], questions._reply

    def stopped(agent, question, model):
        asked.append(question.id)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return reply(agent, question, model)

    monkeypatch.setattr(questions, "_reply", stopped)
    more = ["--save", str(out)]
    assert evaluate(folder, "A", "Pacific", "B", more=more) == 130
    assert not out.exists()
    assert evaluate(folder, "B", more=more) == 1
    assert asked == ["1", "2", "3", "3", "4"]
    assert [json.loads(line)["text"] for line in out.read_text().splitlines()] == ["A", "Pacific", "B"]
    assert list(folder.glob("*.part*")) == []
    said = capsys.readouterr().out
    assert next(line for line in said.splitlines() if line.startswith("Avg")).split()[1] == "0.75"
    assert evaluate(folder, "A", more=more) == 2
    assert f"{str(out)!r} is there already" in capsys.readouterr().err


def test_answers_of_others_are_scored(folder, tmp_path, capsys):
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_text('{"question_id": "1", "text": "A"}\n{"question_id": 4, "text": "The answer is B."}\n')
    assert main(["eval", "scienceqa", str(folder), "--answers", str(theirs)]) == 1
    said = capsys.readouterr()
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("Avg")] == ["0.50"]
    assert f"not asked: 2 of 4 questions\n  2: '{theirs}' has no answer to it" in said.err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("problems.json", None, "no problems.json in '{folder}'; expected ScienceQA's problems.json, pid_splits.json"),
        ("pid_splits.json", "[]", "pid_splits.json' is no JSON object"),
        ("pid_splits.json", '{"val": []}', "'{folder}' has no split 'test'; it has val"),
        ("pid_splits.json", '{"test": []}', "'{folder}' holds no question of the split 'test'"),
        ("pid_splits.json", '{"test": ["7"]}', "problem '7' cannot be used: the row:"),
        ("problems.json", json.dumps(PROBLEMS).replace('"answer": 0', '"answer": 2'), "answer 2 is none of 2 choices"),
        ("problems.json", "{", "problems.json' cannot be read:"),
    ],
)  # fmt: skip
def test_a_folder_of_another_form_is_refused(folder, name, content, said):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(InputError) as caught:
        scienceqa.read(folder, "test")
    assert said.format(folder=folder) in str(caught.value)


def test_files_that_are_no_answers_or_no_questions_are_refused(folder, tmp_path):
    other = tmp_path / "other.jsonl"
    asked = scienceqa.read(folder, "test").questions
    other.write_text('{"question_id": "77", "text": "A"}\n')
    with pytest.raises(InputError, match="answers none of the 4 questions; give the answers to these"):
        questions.load(other, asked)
    other.write_text('{"id": "1"}\n')
    with pytest.raises(InputError, match=r"row 1 of '.*' is no answer; expected 'question_id' and 'text'"):
        questions.load(other, asked)
    with pytest.raises(InputError, match=r"other.jsonl' holds no questions: .*expected a JSON list"):
        scienceqa.read(other, "test")
