"""`handeye eval llava-bench`: answers in LLaVA's form, and a judge on this machine that scores them."""

import json
import shutil

import pytest
from PIL import Image

from agent.cli import main
from skills import InputError
from tests.teacher import Answer, Endpoint
from training import llava_bench

CATEGORIES = ("conv", "detail", "complex")


@pytest.fixture
def folder(tmp_path):
    """Three questions in the form of In-the-Wild; the second one's picture is missing."""
    made = tmp_path / "bench"
    (made / "images").mkdir(parents=True)
    Image.new("RGB", (12, 8), "navy").save(made / "images" / "1.jpg")
    Image.new("RGB", (12, 8), "teal").save(made / "images" / "3.jpg")
    asked = [
        {"question_id": n, "image": f"{n}.jpg", "text": f"What is {n}?", "category": CATEGORIES[n - 1]}
        for n in (1, 2, 3)
    ]
    write(made / "questions.jsonl", asked)
    write(made / "answers_gpt4.jsonl", [{"question_id": n, "text": f"It is gold {n}."} for n in (1, 2, 3)])
    write(made / "context.jsonl", [{"id": n, "image": f"{n}.jpg", "caption": f"A picture of {n}."} for n in (1, 2, 3)])
    return made


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def evaluate(folder, *more, lines=("It is blue.", "It is green.")):
    script = folder.parent / "script.json"
    script.write_text(json.dumps(list(lines)))
    out = folder.parent / "answers.jsonl"
    return main(["eval", "llava-bench", str(folder), "--planner", f"scripted:{script}", "--save", str(out), *more])


def judged(endpoint, *more):
    return ["--judge", endpoint.url, "--judge-model", "m", "--judge-rpm", "60000", "--judge-retries", "0", *more]


def test_without_a_judge_there_are_answers_and_no_score(folder, tmp_path, capsys):
    assert evaluate(folder) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "not asked: 1 of 3 questions\n  2: no picture at" in said.err
    assert "no --judge was given: answers were written, nothing was scored" in said.err
    first, second = rows(tmp_path / "answers.jsonl")
    assert (first["question_id"], second["question_id"]) == (1, 3)
    assert (first["prompt"], first["text"], first["model_id"]) == ("What is 1?", "It is blue.", "scripted")
    assert set(first) == {"question_id", "prompt", "text", "answer_id", "model_id", "metadata"}
    assert evaluate(folder) == 2
    assert "is there already; name another output, or add --force" in capsys.readouterr().err


def test_a_judge_scores_both_answers(folder, tmp_path, capsys):
    shutil.copy(folder / "images" / "1.jpg", folder / "images" / "2.jpg")
    scores = iter(["8 6\nThe first one is better.", "10, 5\nSo is this.", "4 8\nAnd this is not."])
    with Endpoint(lambda body, number: next(scores)) as endpoint:
        assert evaluate(folder, *judged(endpoint), lines=["It is blue.", "It is red.", "It is green."]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        ["conv", "1/1", "8.00", "6.00", "75.0%"],
        ["detail", "1/1", "10.00", "5.00", "50.0%"],
        ["complex", "1/1", "4.00", "8.00", "200.0%"],
        ["all", "3/3", "7.33", "6.33", "86.4%"],
    ]
    asked = endpoint.bodies[0]["messages"][1]["content"]
    order = ["A picture of 1.", "What is 1?", "It is gold 1.", "It is blue.", "from 1 (worst) to 10 (best)"]
    assert sorted(order, key=asked.index) == order
    assert endpoint.bodies[0]["temperature"] == 0
    review = rows(tmp_path / "answers.reviews.jsonl")[1]
    assert (review["question_id"], review["category"], review["tuple"]) == (2, "llava_bench_detail", [10, 5])
    assert review["answer2_id"] == rows(tmp_path / "answers.jsonl")[1]["answer_id"]


def test_answers_are_judged_later_and_no_reply_is_paid_for_twice(folder, tmp_path, capsys):
    assert evaluate(folder) == 1
    out = str(tmp_path / "answers.jsonl")
    with Endpoint(lambda body, number: "7 7\nThe same.") as endpoint:
        again = ["eval", "llava-bench", str(folder), "--answers", out, *judged(endpoint)]
        assert main(again) == 1
        assert main([*again, "--force"]) == 1
    assert len(endpoint.bodies) == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].split() == ["all", "2/2", "7.00", "7.00", "100.0%"]
    assert f"2: '{out}' has no answer to it" in said.err


def test_a_judge_that_gives_no_scores_is_asked_again_and_then_named(folder, tmp_path, capsys):
    with Endpoint(lambda body, number: "9 11" if "It is blue." in str(body) else "Both are fine.") as endpoint:
        assert evaluate(folder, *judged(endpoint)) == 1
    assert len(endpoint.bodies) == 4
    assert "expected two scores from 1 to 10 and nothing else" in endpoint.bodies[1]["messages"][-1]["content"]
    said = capsys.readouterr()
    assert "not judged: 2 of 2 answers\n  1: the first line is '9 11'; expected two scores" in said.err
    assert said.out.splitlines()[-1].split() == ["all", "0/2"]
    assert rows(tmp_path / "answers.reviews.jsonl")[0]["tuple"] == [-1, -1]


def test_a_judge_that_does_not_answer_is_given_up(folder, tmp_path, capsys):
    for number in range(4, 10):
        shutil.copy(folder / "images" / "1.jpg", folder / "images" / f"{number}.jpg")
    for name in ("questions.jsonl", "answers_gpt4.jsonl", "context.jsonl"):
        first = rows(folder / name)[0]
        more = [{**first, "image": f"{n}.jpg", "question_id": n} for n in range(4, 10)]
        write(folder / name, [*rows(folder / name), *more])
    with Endpoint(lambda body, number: Answer(status=503)) as endpoint:
        assert evaluate(folder, *judged(endpoint), lines=["It is blue."] * 8) == 1
    assert len(endpoint.bodies) == 3
    assert rows(tmp_path / "answers.reviews.jsonl")[-1]["content"] == "not sent, for the judge does not answer"


def test_errors_name_the_judges_own_options(folder, capsys):
    with Endpoint(lambda body, number: Answer("bad key", status=401)) as endpoint:
        assert evaluate(folder, *judged(endpoint)) == 2
    assert "answers 401: bad key; check the key and its --judge-key-env" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--judge", "http://127.0.0.1:9"], "a judge needs both --judge URL and --judge-model M"),
        (["--judge", "ftp://x", "--judge-model", "m"], "--judge-url 'ftp://x' is no endpoint"),
        (["--answers", "x.jsonl"], "--answers are there to be judged; add --judge URL and --judge-model M"),
        (["--judge", "http://127.0.0.1:9", "--judge-model", "m", "--judge-rpm", "0"], "expected more than 0"),
        (
            ["--images", "nowhere"],
            "no picture of the questions is there, e.g. 'nowhere/1.jpg'; put them into 'nowhere'",
        ),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_asked(folder, tmp_path, capsys, options, said):
    assert evaluate(folder, *options) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "answers.jsonl").exists()


def test_a_folder_of_another_form_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"no questions in '.*'; expected LLaVA-Bench's questions.jsonl or"):
        llava_bench.read(tmp_path)
    (folder / "context.jsonl").unlink()
    with pytest.raises(InputError, match=r"has no context of question 1 \(3 are missing\), which a judge needs"):
        llava_bench.read(folder).judgeable(folder)
    write(folder / "answers_gpt4.jsonl", [{"question_id": 1}])
    with pytest.raises(InputError, match=r"row 1 of '.*answers_gpt4.jsonl' has no 'text'"):
        llava_bench.read(folder)
    (folder / "questions.jsonl").write_text("")
    with pytest.raises(InputError, match="is empty; expected a question a line"):
        llava_bench.read(folder)


def test_the_published_coco_files_are_read(shared, tmp_path):
    folder = shared("llavabench/qa90_questions.jsonl").parent
    Image.new("RGB", (8, 8)).save(tmp_path / "COCO_val2014_000000441147.jpg")
    bench = llava_bench.read(folder, tmp_path)
    assert len(bench.questions) == len(bench.references) == len(bench.contexts) == 90
    assert [list(bench.categories.values()).count(name) for name in CATEGORIES] == [30, 30, 30]
    assert bench.questions[0].image == tmp_path / "COCO_val2014_000000441147.jpg"
    assert "suitcase: [" in bench.contexts[0]
    bench.judgeable(folder)
