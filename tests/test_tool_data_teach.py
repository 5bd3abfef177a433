"""`handeye data teach`: every recipe's rows, and what a bad endpoint, a budget and a kill leave."""

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from agent.cli import main
from agent.trace import Trace
from skills.registry import Registry
from skills.store import Store
from tests.conftest import ROOT
from tests.teacher import DESCRIPTION, STAGES, Answer, Endpoint, draft, kind_of, source, turn, write
from tool_data.teach import RECIPES
from tool_data.validate import faults

QUICK = ("--rpm", "60000", "--pause", "0.01", "--workers", "4")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def teach(endpoint, recipes, *more, sources="sources.jsonl", out="out.jsonl"):
    url = endpoint if isinstance(endpoint, str) else endpoint.url
    return main(["data", "teach", recipes, sources, out, "--url", url, "--model", "m", *QUICK, *more])


def rows(out="out.jsonl"):
    return [Trace.from_json(line) for line in Path(out).read_text().splitlines()]


def refusals(out="out.refused.jsonl"):
    return {row["id"]: row["refused"] for row in map(json.loads, Path(out).read_text().splitlines())}


FULL = source(1, question="How many cups?", answer="2", prompt="two cups on a table", texts=[{"text": "CAFE"}])
OTHER = source(2, boxes=[{"label": "zebra", "box": [0, 0, 1, 1]}], captions=["A zebra."])


def test_every_recipe_makes_a_row_without_a_fault(tmp_path):
    write(tmp_path, FULL)
    with Path("sources.jsonl").open("a") as file:
        file.write(json.dumps(OTHER) + "\n")
    with Endpoint() as endpoint:
        assert teach(endpoint, ",".join(RECIPES)) == 0
    made = {trace.meta.origin.extra["recipe"]: trace for trace in rows() if trace.meta.origin.extra["source"] == "s1"}
    assert set(made) == set(RECIPES), refusals()
    offer, store = Registry.load().offer(), Store(Path("out.store"))
    assert [faults(trace, offer, store) for trace in made.values()] == [[]] * len(RECIPES)
    assert main(["data", "validate", "out.jsonl"]) == 0
    assert made["description"].turn.answer == DESCRIPTION
    assert len(made["conversation"].turns) == 3
    assert made["stages"].turn.steps[0].output.thought == STAGES.partition("\n\n<CONCLUSION>")[0]
    assert (made["stages"].turn.request, made["stages"].turn.answer) == ("How many cups?", "2")
    assert [len(turn.steps) > 1 for turn in made["mixed"].turns].count(False) == 1
    gone = made["negatives"].turn
    assert gone.request == "Where is the zebra?"
    assert gone.steps[0].observations[0].content.startswith("boxes_1: ")
    assert made["post"].turns[0].images == ()
    assert made["post"].artifacts["img_1"].source == "call_1"
    assert all(trace.meta.checkpoint == "m" for trace in made.values())
    assert refusals()["stages-1-s2"] == "the source has no 'question' or no 'answer'; the recipe 'stages' needs both"
    assert refusals()["post-1-s2"] == (
        "the source has no 'prompt'; the recipe 'post' needs what its picture was generated from"
    )


def test_results_a_source_knows_are_its_own_and_said_to_be(tmp_path):
    write(tmp_path, source(1))
    with Endpoint(lambda body, n: boxes_reply(body)) as endpoint:
        assert teach(endpoint, "arguments") == 0
    (trace,) = rows()
    assert trace.meta.replayed == ("detect",)
    (seen,) = trace.turn.steps[0].observations
    assert seen.content.startswith("boxes_1: 2 cups in img_1: [0] cups (0.100, 0.400, 0.200, 0.600)")
    assert trace.turn.answer == "There are 2 of them."
    assert [item.ref for item in trace.turn.citations] == ["boxes_1.count"]


def boxes_reply(body):
    if kind_of(body) == "chat":
        needs = body["messages"][-1]["content"].splitlines()[-1].split("needs ")[1].split(";")[0].split(".")[0]
        detect = turn("Find both cups.", "detect", {"objects": ["cups"]})
        args = {} if needs == "detect" else None
        other = {"thought": "Now.", "calls": [{"name": needs, "args": ARGS.get(needs, {"regions": "boxes_1"})}]}
        detect["steps"] += [] if args is not None else [other]
        return draft([detect])
    return "There are [boxes_1.count] of them."


ARGS = {"crop": {"region": "boxes_1[0]"}, "rotate": {"degrees": 90}, "adjust": {"brightness": 2}}


NONSENSE = {
    "the reply is no JSON (Expecting value: line 1 column 1 (char 0)): 'Sure!'; expected one object": "Sure!",
    "the reply is list; expected a JSON object": "[]",
    "'turns' of the reply is 'None'; expected a list of 1 to 4": "{}",
    "'steps' is 'None'; expected a list, empty for a turn without calls": draft([{"request": "Look"}]),
    "a call names 'fly', which is no skill here; expected one of": draft([turn("Go", "fly", {})]),
    "the arguments of 'rotate' are 'ninety'; expected an object": draft([turn("Go", "rotate", "ninety")]),
    "the call of 'rotate' has 'degrees': Field required; expected rotate(degrees, image?)": draft(
        [turn("Go", "rotate", {})]
    ),
    "'detect' is given 'dog', which stands in no request; words are copied from it letter by letter": draft(
        [turn("Where is it?", "detect", {"objects": ["dog"]})]
    ),
    "'dog' is looked for; expected one of cup, table": draft(
        [turn("Where is the dog?", "detect", {"objects": ["dog"]})] * 1
    ),
    "'request' of the reply is ''; expected a text that is not empty": draft(
        [turn("", "detect", {"objects": ["cup"]})]
    ),
    "the chat has 2 turns, 0 without a call; expected 1, 0": draft(
        [turn("Where is the cup?", "detect", {"objects": ["cup"]})] * 2
    ),
    "the reply is cut off; expected it to end within --max-tokens": Answer("{", finish="length"),
    "the reply is empty; expected text": Answer("  "),
    "the model declines: 'content filter'": Answer("", finish="content_filter"),
}


@pytest.mark.parametrize("why", NONSENSE)
def test_nonsense_is_asked_for_again_with_its_reason_and_then_refused(tmp_path, why, monkeypatch):
    write(tmp_path, source(1))
    monkeypatch.setattr("tool_data.teach_skills.WITH_ARGUMENTS", ("detect",))
    with Endpoint(lambda body, n: NONSENSE[why]) as endpoint:
        assert teach(endpoint, "arguments") == 1
    assert len(endpoint.bodies) == 2
    assert why[:60] in endpoint.bodies[1]["messages"][-1]["content"]
    assert refusals()["arguments-1-s1"].startswith(why)
    assert rows() == []


def test_a_reply_that_is_mended_when_asked_again_is_taken(tmp_path):
    write(tmp_path, source(1))
    with Endpoint(lambda body, n: "too short" if n == 1 else None) as endpoint:
        assert teach(endpoint, "description") == 0
    asked = endpoint.bodies[1]["messages"]
    assert asked[-2] == {"role": "assistant", "content": "too short"}
    assert asked[-1]["content"].startswith("That cannot be used: the description has 2 words; expected a detailed one.")


SPOILED = {
    "the answer cites '[boxes_7]', which does not exist; there is img_1, boxes_1": "See [boxes_7].",
    "the answer names 'find_faces'; expected an answer to a person, who knows of no skill": "I used find_faces.",
    "the reply holds the placeholder '[insert image here]'; expected the words themselves": "[insert image here]",
    "the reply speaks of 'bounding boxes', which nobody sees who looks at the picture": "The bounding boxes show it.",
}


@pytest.mark.parametrize("why", SPOILED)
def test_an_answer_that_does_not_fit_its_results_is_refused(tmp_path, why, monkeypatch):
    write(tmp_path, source(1))
    monkeypatch.setattr("tool_data.teach_skills.WITH_ARGUMENTS", ("detect",))
    with Endpoint(lambda body, n: SPOILED[why] if kind_of(body) == "answer" else None) as endpoint:
        assert teach(endpoint, "arguments") == 1
    assert refusals() == {"arguments-1-s1": why}


def test_the_verifier_sees_the_reasoning_and_a_false_one_is_refused(tmp_path):
    """LLaVA-o1's verifier saw the conclusion alone, so false reasoning with a right answer passed."""
    write(tmp_path, source(1, question="How many cups?", answer="2"))
    verdict = json.dumps({"valid": False, "reason": "there is no third cup"})
    with Endpoint(lambda body, n: verdict if kind_of(body) == "verify" else None) as endpoint:
        assert teach(endpoint, "stages") == 1
    asked = [body["messages"][-1]["content"] for body in endpoint.bodies if kind_of(body) == "verify"]
    assert "<REASONING> One cup and one more cup are two. </REASONING>" in asked[0]
    assert "It must come to: 2" in asked[0]
    assert refusals() == {"stages-1-s1": "the verifier found: there is no third cup"}


def test_stages_out_of_order_are_refused_by_the_formats_own_reader(tmp_path):
    write(tmp_path, source(1, question="How many cups?", answer="2"))
    with Endpoint(lambda body, n: STAGES.replace("SUMMARY", "PLAN")) as endpoint:
        assert teach(endpoint, "stages") == 1
    assert refusals()["stages-1-s1"].startswith("turn 1: its tags are <CAPTION> </CAPTION>")


def test_an_absent_thing_the_answer_claims_is_refused(tmp_path):
    write(tmp_path, source(1), OTHER)

    def behave(body, number):
        valid = {"valid": False, "reason": "the answer claims a zebra"}
        return json.dumps(valid) if kind_of(body) == "verify" else None

    with Endpoint(behave) as endpoint:
        teach(endpoint, "negatives")
    assert refusals()["negatives-1-s1"] == "the verifier found: the answer claims a zebra"


def test_a_picture_that_is_not_there_serves_recipes_that_run_no_skill(tmp_path):
    write(tmp_path, source(1, image="gone.png"))
    with Endpoint() as endpoint:
        assert teach(endpoint, "description,arguments") == 0
    (trace,) = rows()
    assert (trace.artifacts["img_1"].path, trace.artifacts["img_1"].sha256) == ("gone.png", "")
    assert refusals() == {"arguments-1-s1": "no picture at 'gone.png'; skills run on its file"}


def test_errors_limits_stalls_and_noise_are_tried_again(tmp_path):
    write(tmp_path, *[source(n) for n in range(6)])
    bad = iter([
        Answer(status=500), Answer(status=429, headers={"Retry-After": "0"}), Answer(status=503), Answer(wait=3),
        Answer(raw=b"<html>busy</html>"), Answer(raw=b'{"choices": []}'),
    ])  # fmt: skip
    with Endpoint(lambda body, n: next(bad, None)) as endpoint:
        assert teach(endpoint, "description", "--timeout", "1") == 0
    assert len(rows()) == 6
    assert len(endpoint.bodies) == 12


def test_the_wait_that_a_server_asks_for_holds_everybody(tmp_path):
    write(tmp_path, *[source(n) for n in range(4)])
    busy = Answer(status=429, headers={"Retry-After": "1"})
    with Endpoint(lambda body, n: busy if n == 1 else None) as endpoint:
        assert teach(endpoint, "description", "--workers", "1") == 0
    assert endpoint.times[1] - endpoint.times[0] > 0.95


def test_requests_keep_the_pace(tmp_path):
    write(tmp_path, *[source(n) for n in range(6)])
    with Endpoint() as endpoint:
        assert teach(endpoint, "description", "--rpm", "600") == 0
    gaps = [later - one for one, later in zip(endpoint.times, endpoint.times[1:], strict=False)]
    assert sum(gaps) > 0.45


def test_what_was_answered_is_never_asked_again(tmp_path, capsys):
    write(tmp_path, source(1), source(2))
    with Endpoint() as endpoint:
        assert teach(endpoint, "description") == 0
        first = Path("out.jsonl").read_bytes()
        assert teach(endpoint, "description") == 0
        assert (len(endpoint.bodies), Path("out.jsonl").read_bytes()) == (2, first)
        assert teach(endpoint, "description,reasoning") == 2
        why = "'out.jsonl' was begun with another 'recipes' (['description'], now ['description', 'reasoning']); name"
        assert why in capsys.readouterr().err
        assert teach(endpoint, "description,reasoning", "--force") == 0
    assert len(endpoint.bodies) == 4
    assert "4 replies, 600 tokens, cost 0.0000" in capsys.readouterr().err


def test_equal_questions_at_the_same_time_are_asked_once(tmp_path):
    write(tmp_path, *[source(n, captions=["Two cups."]) for n in range(4)])
    with Endpoint(lambda body, n: Answer(DESCRIPTION, wait=0.1)) as endpoint:
        assert teach(endpoint, "reasoning,description", "--tries", "1") == 0
    asked = [json.dumps(body) for body in endpoint.bodies]
    assert len(asked) == len(set(asked))


def test_the_budget_stops_a_run_cleanly_and_more_of_it_goes_on(tmp_path, capsys):
    write(tmp_path, *[source(n) for n in range(8)])
    priced = ("--price", "1000,2000", "--max-tokens", "60")
    with Endpoint() as endpoint:
        assert teach(endpoint, "description", *priced, "--budget", "3.2") == 1
        log = capsys.readouterr().err
        done = len(rows())
        spent = done * (100 * 1000 + 50 * 2000) / 1e6
        assert 0 < spent <= 3.2
        assert f"{done} replies, {150 * done} tokens, cost {spent:.4f}" in log
        assert f"handeye: {8 - done} rows are left (" in log
        assert "are spent, the next request may not fit); the same command goes on with them" in log
        assert teach(endpoint, "description", *priced, "--budget", "100") == 0
    assert len(endpoint.bodies) == 8
    assert len({trace.id for trace in rows()}) == 8


def test_a_budget_of_tokens_counts_what_a_server_does_not_count_at_its_most(tmp_path):
    write(tmp_path, *[source(n) for n in range(4)])
    with Endpoint(lambda body, n: Answer(DESCRIPTION, usage=False)) as endpoint:
        assert teach(endpoint, "description", "--budget-tokens", "12000") == 1
    ledger = [json.loads(line) for line in Path("out.teach/replies.jsonl").read_text().splitlines()]
    assert 0 < len(ledger) < 4
    assert all(not row["counted"] and row["completion_tokens"] == 2000 for row in ledger)
    assert sum(row["prompt_tokens"] + row["completion_tokens"] for row in ledger) <= 12000


def test_the_key_goes_to_the_endpoint_alone_and_nowhere_else(tmp_path, monkeypatch, capsys):
    write(tmp_path, source(1))
    monkeypatch.setenv("TEACHER_KEY", "sk-secret-1")
    with Endpoint() as other:
        moved = Answer(status=302, headers={"Location": f"{other.url}/chat/completions"})
        with Endpoint(lambda body, n: moved if n > 1 else None) as endpoint:
            assert teach(endpoint, "description", "--key-env", "TEACHER_KEY") == 0
            assert endpoint.headers[0]["Authorization"] == "Bearer sk-secret-1"
            assert teach(endpoint, "reasoning", "--key-env", "TEACHER_KEY", out="b.jsonl") == 2
        assert other.bodies == []
    assert "answers 302" in capsys.readouterr().err
    assert not [path for path in Path().rglob("*") if path.is_file() and b"sk-secret" in path.read_bytes()]


def test_a_wrong_key_ends_the_run_in_a_line_that_does_not_tell_it(tmp_path, capsys, monkeypatch):
    write(tmp_path, source(1), source(2))
    monkeypatch.setenv("TEACHER_KEY", "sk-secret-2")
    with Endpoint(lambda body, n: Answer("bad key sk-secret-2", status=401)) as endpoint:
        assert teach(endpoint, "description", "--key-env", "TEACHER_KEY") == 2
    log = capsys.readouterr().err
    assert f"'{endpoint.url}' answers 401: bad key ...; check the key and its --key-env" in log
    assert not Path("out.jsonl").exists()


def test_a_request_that_is_rejected_is_the_settings_fault_until_one_was_taken(tmp_path, capsys):
    write(tmp_path, source(1), source(2))
    rejected = Answer("no such parameter", status=400)
    with Endpoint(lambda body, n: rejected) as endpoint:
        assert teach(endpoint, "description") == 2
        assert "with 400: no such parameter; no request was taken yet, so check --model" in capsys.readouterr().err
    with Endpoint(lambda body, n: rejected if n == 2 else None) as endpoint:
        assert teach(endpoint, "description", "--workers", "1") == 0
    assert list(refusals().values()) == ["the endpoint refuses the request with 400: no such parameter"]


def test_an_endpoint_that_is_down_leaves_the_rows_for_the_next_run(tmp_path, capsys):
    write(tmp_path, *[source(n) for n in range(9)])
    with Endpoint() as endpoint:
        url = endpoint.url
    assert teach(url, "description", "--retries", "1") == 1
    log = capsys.readouterr().err
    assert "handeye: 9 rows are left (the endpoint does not answer (2 requests failed, the last: URLError: " in log
    assert not Path("out.jsonl").exists()
    with Endpoint() as endpoint:
        assert teach(endpoint, "description") == 0
    assert len(rows()) == 9


BAD = {
    "no recipe is named 'stage'; did you mean 'stages'?": ["stage"],
    "--url 'ftp://x' is no endpoint; expected e.g. https://api.openai.com/v1": ["stages", "--url", "ftp://x"],
    "the variable 'NO_SUCH_KEY' is not set; put the key into it, or leave out --key-env": [
        "stages", "--key-env", "NO_SUCH_KEY",
    ],
    "--price '1' is no IN,OUT; expected two numbers, e.g. 0.15,0.6": ["stages", "--price", "1", "--budget", "3"],
    "--budget has no --price; expected e.g. --price 0.15,0.6 (a million tokens in, out)": ["stages", "--budget", "1"],
    "--rpm is 0.0; expected more than 0": ["stages", "--rpm", "0"],
    "--body '[]': expected an object without 'messages', 'stream' and 'n'": ["stages", "--body", "[]"],
    "line 2 of 'sources.jsonl' has the id 's1' of line 1; ids are used once": ["stages"],
}  # fmt: skip


@pytest.mark.parametrize("why", BAD)
def test_bad_usage_is_one_line_and_nothing_is_written(tmp_path, capsys, why):
    write(tmp_path, source(1), source(1))
    before = sorted(Path().rglob("*"))
    assert teach("http://127.0.0.1:9/v1", BAD[why][0], *BAD[why][1:]) == 2
    assert f"handeye: {why}" in capsys.readouterr().err
    assert sorted(Path().rglob("*")) == before


def test_a_line_that_is_no_source_is_told_with_its_keys(tmp_path, capsys):
    write(tmp_path, source(1, boxs=[]))
    assert teach("http://127.0.0.1:9/v1", "stages") == 2
    assert "line 1 of 'sources.jsonl' is no source: 'boxs': Extra inputs are not permitted; the keys are id, image" in (
        capsys.readouterr().err
    )


def test_two_runs_at_once_are_not_let_into_one_output(tmp_path, capsys):
    write(tmp_path, source(1))
    from tool_data.teach_run import Folder

    with Folder(Path("out.jsonl")).alone(), Endpoint() as endpoint:
        assert teach(endpoint, "description") == 2
    why = "another run is writing 'out.jsonl'; wait for its end, or name another output"
    assert why in capsys.readouterr().err


WARM = """
import os, sys
import agent.agent, pydantic, skills.registry, tool_data.teach, tqdm
from agent.cli import main
for _ in sys.stdin:
    if not (pid := os.fork()):
        os._exit(main(sys.argv[1:]))
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_kills_lose_no_row_and_double_none(tmp_path):
    """SIGKILL at random moments: a row is in the output once, a reply is paid for once but for those on their way."""
    count, rng, recipes = 40, random.Random(5), "description,image-only"
    write(tmp_path, *[source(n, texts=[{"text": f"CUP {n}"}]) for n in range(count)])
    with Endpoint(lambda body, n: time.sleep(0.03)) as endpoint:
        argv = [
            "data",
            "teach",
            recipes,
            "sources.jsonl",
            "out.jsonl",
            "--url",
            endpoint.url,
            "--model",
            "m",
            *QUICK,
            "--workers",
            "2",
        ]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with Popen([sys.executable, "-c", WARM, *argv], stdin=PIPE, stdout=PIPE, text=True, env=environment) as warm:
            statuses = [killed(warm, endpoint, rng) for _ in range(20)]
            warm.stdin.close()
        assert statuses == [9] * 20, "it was done before the last kill; slow the endpoint down"
        before = len(endpoint.bodies)
        assert 0 < len(kept("rows.jsonl", "id")) < 2 * count
        assert teach(endpoint, recipes) == 0
        assert 0 < len(endpoint.bodies) - before < 3 * count
    names = [f"{recipe}-1-s{n}" for n in range(count) for recipe in recipes.split(",")]
    found = [trace.id for trace in rows()]
    assert found == [name for name in names if name not in refusals()]
    assert sorted([*found, *refusals()]) == sorted(names)
    assert sorted(kept("rows.jsonl", "id")) == sorted(names)
    paid = kept("replies.jsonl", "key")
    assert len(paid) == len(set(paid))
    assert len(endpoint.bodies) - len(paid) <= 20 * 2, "more was asked than the kills can have cost"


def killed(warm, endpoint, rng):
    """Start the command, kill it a moment after its first requests, or before; return the signal that ended it.

    Requests are waited for, not a time alone: on a busy machine every kill would fall before the first row.
    """
    enough, until = len(endpoint.bodies) + rng.randint(0, 3), time.monotonic() + 20
    warm.stdin.write("go\n")
    warm.stdin.flush()
    pid = int(warm.stdout.readline())
    while len(endpoint.bodies) < enough and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(rng.uniform(0, 0.04))
    os.kill(pid, signal.SIGKILL)
    return int(warm.stdout.readline())


def kept(name, key):
    """Return the keys of the lines of a log that are whole."""
    found = []
    for line in Path("out.teach", name).read_text().splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line)[key])
    return found
