"""Rollouts on small random checkpoints: seeds, order, log-probabilities, results, and what cannot be used."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from agent import PlannerOutput, ScriptedPlanner, Trace, rollout
from agent.compare import difference
from agent.planners.llava import LlavaPlanner, load_planner
from agent.rollouts import sample_seed
from agent.rows import Row
from agent.sampler import Sampler
from agent.segments import encode
from skills import InputError
from skills.store import Artifacts, Store
from tests.probes import find_two, paint, say

ROWS: list[dict[str, Any]] = [
    {"id": "a", "requests": ["find the red car"], "images": [Image.new("RGB", (48, 32), "red")], "gold": 1},
    {"id": "b", "requests": ["blur every face", "what does it say?"], "images": []},
]
OFFER = {"skills": [find_two, paint, say], "offer": ["find_two", "paint", "say"], "max_steps": 2}


@pytest.fixture(scope="module", params=["slots", "chat"])
def planner(request: pytest.FixtureRequest) -> LlavaPlanner:
    return load_planner(str(request.getfixturevalue(f"{request.param}_checkpoint")))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pass write at most 16 tokens, for speed."""
    monkeypatch.setattr("agent.planners.llava.ANSWER_TOKENS", 16)


def outputs(trace: Trace) -> list[PlannerOutput]:
    return [step.output for turn in trace.turns for step in turn.steps]


def test_a_sample_depends_on_its_seed_and_row_alone(planner: LlavaPlanner) -> None:
    """Others were played before it, or not; more samples are asked for, or fewer; serving ran between: all the same."""
    whole = rollout(planner, ROWS, n=2, seed=5, **OFFER)
    rollout(planner, ROWS[:1], temperature=0, **OFFER)
    turned = rollout(planner, ROWS[::-1], n=1, seed=5, **OFFER)
    for one, other in ((whole[0][0], turned[1][0]), (whole[1][0], turned[0][0])):
        assert difference(one, other) == ""
        assert [out.logprobs for out in outputs(one)] == [out.logprobs for out in outputs(other)]
    assert [trace.id for traces in whole for trace in traces] == ["a-0", "a-1", "b-0", "b-1"]
    assert whole[0][1].meta.seed == sample_seed(5, "a", 1)
    written = {outputs(trace)[0].token_ids for seed in (5, 6) for trace in rollout(planner, ROWS, 2, seed, **OFFER)[0]}
    assert len(written) == 4


def test_logprobs_are_those_of_one_teacher_forced_pass(planner: LlavaPlanner) -> None:
    for temperature in (0, 1.7):
        store = Store()
        traces = rollout(planner, ROWS, temperature=temperature, store=store, **OFFER)
        for trace in (traces[0][0], traces[1][0]):
            assert [len(out.token_ids or ()) for out in outputs(trace)] == [len(o.logprobs) for o in outputs(trace)]
            for seen, out in passes(trace):
                assert out.token_ids
                assert forced(planner, seen, store, out.token_ids) == pytest.approx(out.logprobs, abs=2e-4)


def passes(trace: Trace):
    """Yield (the trace as a pass saw it, the pass's output)."""
    for number, turn in enumerate(trace.turns):
        for at, step in enumerate(turn.steps):
            now = turn.model_copy(update={"steps": turn.steps[:at], "answer": "", "stop_reason": None})
            yield trace.model_copy(update={"turns": (*trace.turns[:number], now)}), step.output


def forced(planner: LlavaPlanner, trace: Trace, store: Store, token_ids: tuple[int, ...]) -> list[float]:
    artifacts = Artifacts(store, trace.artifacts)
    segments, _, _ = planner._script(trace, OFFER["skills"], artifacts)
    encoded = encode(segments, planner._tokenizer, planner._image_token_id, planner._counter(artifacts))
    inputs = [planner._prepared(name, artifacts)[1] for _, name in encoded.images]
    pixels = {key: torch.cat([item[key] for item in inputs]) for key in inputs[0]} if inputs else {}
    ids = torch.tensor([[*encoded.ids, *token_ids]])
    with torch.inference_mode():
        logits = planner.decoder.model(input_ids=ids, **pixels).logits[0].float()
    wanted = logits.log_softmax(-1)[len(encoded.ids) - 1 : -1]
    return wanted.gather(1, torch.tensor(token_ids)[:, None])[:, 0].tolist()


def test_the_best_tokens_are_those_that_serving_writes(planner: LlavaPlanner) -> None:
    from agent import Agent

    served = Agent(planner, **OFFER).ask("find the red car", ROWS[0]["images"]).trace
    assert all(out.token_ids is None and out.logprobs is None for out in outputs(served))
    drawn = rollout(planner, ROWS[:1], temperature=0, **OFFER)[0][0]
    bare = [out.model_copy(update={"token_ids": None, "logprobs": None}) for out in outputs(drawn)]
    assert bare == outputs(served)


def test_nothing_global_is_read_or_changed(planner: LlavaPlanner) -> None:
    def drawn() -> tuple[Any, ...]:
        return random.getstate()[1], np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    before = drawn()
    first = rollout(planner, ROWS[:1], **OFFER)[0][0]
    assert drawn() == before
    torch.manual_seed(99)
    random.seed(99)
    assert difference(first, rollout(planner, ROWS[:1], **OFFER)[0][0]) == ""


def test_a_stop_token_that_was_chosen_stands_last(slots_checkpoint: Path) -> None:
    planner = load_planner(str(slots_checkpoint))
    ends = {
        out.token_ids[-1] for seed in range(6) for out in outputs(rollout(planner, ROWS[1:], 1, seed, **OFFER)[0][0])
    }
    assert planner._stop_ids[0] in ends


def test_drawing_follows_the_temperature() -> None:
    allowed = np.log(np.array([0.1, 0.2, 0.7, 1.0], dtype=np.float32))
    allowed[3] = -np.inf
    for temperature, wanted in ((1.0, [0.1, 0.2, 0.7]), (0.5, [1 / 54, 4 / 54, 49 / 54])):
        sampler = Sampler(temperature, seed=1)
        counts = np.bincount([sampler.pick(allowed) for _ in range(4000)], minlength=4)
        assert counts[3] == 0
        assert counts[:3] / 4000 == pytest.approx(wanted, abs=0.03)
    assert {Sampler(0, seed).pick(allowed) for seed in range(20)} == {2}
    assert {Sampler(1e-6, seed).pick(allowed) for seed in range(20)} == {2}


def test_recorded_results_answer_and_other_skills_run(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), "navy").save(tmp_path / "a.png")
    lines = [{"name": "find_faces", "args": {}}, {"name": "blur", "args": {"regions": "boxes_1"}}, "See [img_2]."]
    boxes = {"kind": "boxes", "xyxy": [[1, 2, 11, 12]], "labels": ["face"]}
    row = {"id": "r", "images": ["a.png"], "requests": ["blur the faces"], "results": {"find_faces": [boxes]}}
    for given in (row, Row.model_validate(row)):
        store = Store()
        [[trace]] = rollout(ScriptedPlanner(lines), [given], temperature=0, folder=tmp_path, store=store)
        assert trace.turn.stop_reason == "answered"
        assert trace.meta.replayed == ("find_faces",)
        assert Artifacts(store, trace.artifacts).picture("img_2").size == (40, 20)
        assert trace.turn.steps[0].observations[0].data == {"boxes_1": "1 face in img_1"}


@pytest.mark.parametrize(
    ("row", "options", "said"),
    [
        ({}, {"n": 0}, "rollout of n=0, temperature=1.0; expected n >= 1 and temperature >= 0"),
        ({}, {"temperature": -1}, "temperature=-1; expected"),
        (
            {},
            {},
            "planner 'scripted' cannot be sampled, it has no method 'sampled'; give a checkpoint, or temperature=0",
        ),
        ({"requests": []}, {"temperature": 0}, "row 'r': 'requests': Tuple should have at least 1 item"),
        ({"requests": [" "]}, {"temperature": 0}, "row 'r': 'requests.0' is empty; say what to do"),
        ({"images": ["none.png"]}, {"temperature": 0}, "none.png"),
        ({"results": {"nonesuch": []}}, {"temperature": 0}, "nonesuch"),
    ],
)
def test_what_cannot_be_used_is_said(row: dict[str, Any], options: dict[str, Any], said: str) -> None:
    given = {"id": "r", "requests": ["hello"], **row}
    with pytest.raises(InputError) as caught:
        rollout(ScriptedPlanner(["Hello."]), [given], **options)
    assert said in str(caught.value)


def test_an_id_is_used_once() -> None:
    row = {"id": "r", "requests": ["hello"]}
    with pytest.raises(InputError, match="two rows have the id 'r'; samples are seeded by it, so an id is used once"):
        rollout(ScriptedPlanner(["One.", "Two."]), [row, row], temperature=0)
