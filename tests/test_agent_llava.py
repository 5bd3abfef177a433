"""The LLaVA planner on small random checkpoints: loading, the kept prefix, limits, typed control tokens."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import ContextFull, Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from agent.decode import Decoder
from agent.planners.llava import LlavaPlanner, load_planner
from agent.segments import encode
from agent.slots import Slots
from skills import Cancel, Cancelled, InputError, Number, Text, Value, skill
from skills.store import Artifacts
from tests.probes import find_two, paint, picture, say, table

OFFER = (find_two, paint, say)


@pytest.fixture(scope="session", params=["slots", "chat", "marked"])
def planner(request: pytest.FixtureRequest) -> LlavaPlanner:
    return load_planner(str(request.getfixturevalue(f"{request.param}_checkpoint")))


@pytest.fixture(scope="session")
def slots_planner(slots_checkpoint: Path) -> LlavaPlanner:
    return load_planner(str(slots_checkpoint))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pass write at most 24 tokens, for speed."""
    monkeypatch.setattr("agent.planners.llava.ANSWER_TOKENS", 24)


def started(artifacts: Artifacts, request: str = "find the red car") -> Trace:
    images = tuple(name for name in artifacts.ids() if name.startswith("img_"))
    return Trace(id="t", turns=(Turn(request=request, images=images),), artifacts=artifacts.records)


def answered(trace: Trace, artifacts: Artifacts, *values: Value, text: str = "made it") -> Trace:
    """Append a step whose call made these values."""
    number = trace.call_count + 1
    ids = tuple(artifacts.add(value, f"call_{number}") for value in values)
    call = ToolCall(id=f"call_{number}", name="say", args={"words": "red car"})
    seen = Observation(
        tool_call_id=call.id, status="success", content=text, artifacts=ids, data=dict.fromkeys(ids, text)
    )
    return trace.with_step(Step(output=PlannerOutput(calls=(call,)), observations=(seen,)), artifacts.records)


def written(planner: LlavaPlanner, trace: Trace, artifacts: Artifacts, offer: Sequence[Any] = OFFER) -> PlannerOutput:
    *_, last = planner.plan(trace, offer, artifacts, Cancel())
    assert isinstance(last, PlannerOutput)
    return last


def test_a_pass_ends_in_an_output(planner: LlavaPlanner) -> None:
    artifacts = table(picture())
    output = written(planner, started(artifacts), artifacts)
    assert output.calls or output.answer or output.malformed is not None
    assert planner.checkpoint.rpartition("@")[2].isalnum()


def test_a_template_that_drops_the_offer_is_replaced_and_said(chat_checkpoint: Path, slots_checkpoint: Path) -> None:
    note = "the checkpoint's chat template drops the offer, calls, arguments; handeye's vicuna template is used"
    chat = load_planner(str(chat_checkpoint))
    assert chat.notes == (note,)
    artifacts = table(picture())
    assert written(chat, started(artifacts), artifacts).notes[0] == note
    assert load_planner(str(slots_checkpoint)).notes == ()


def test_a_kept_prefix_changes_no_token(slots_checkpoint: Path) -> None:
    """Two turns of two passes, a new picture in the suffix: the same logits as a decoder that reads all, for less."""
    planner = load_planner(str(slots_checkpoint))
    artifacts = table(picture(grey=10))
    first = started(artifacts)
    traces = [first, answered(first, artifacts, Text.of("red"))]
    traces.append(answered(traces[-1], artifacts, picture(grey=200)))
    done = traces[-1].with_end(answer="Done.", stop_reason="answered")
    new = artifacts.add(picture(grey=90))
    traces.append(done.with_turn(Turn(request="and the red one?", images=(new,)), artifacts.records))
    traces.append(answered(traces[-1], artifacts, Number(value=3)))
    total = 0
    for trace in traces:
        output = written(planner, trace, artifacts)
        fresh = LlavaPlanner(
            planner.decoder.model, planner.rendering.processor, checkpoint="", settings={"dialect": "slots/2"}
        )
        assert written(fresh, trace, artifacts) == output
        total += fresh.decoder.read
    assert planner.decoder.read < total / 2


def test_logits_of_a_kept_prefix_equal_those_of_a_whole_reading(slots_planner: LlavaPlanner) -> None:
    import numpy as np

    artifacts = table(picture(grey=10))
    trace = started(artifacts)
    later = answered(answered(trace, artifacts, Text.of("red")), artifacts, picture(grey=200))
    kept = Decoder(slots_planner.decoder.model)
    for each in (trace, later, trace):
        arguments = _prompt(slots_planner, each, artifacts)
        before = kept.read
        logits = kept.start(*arguments)
        whole = Decoder(slots_planner.decoder.model).start(*arguments)
        assert np.abs(logits - whole).max() < 1e-4
        assert before == 0 or kept.read - before < len(arguments[0]) / 2


def test_another_picture_at_the_same_place_is_read_again(slots_planner: LlavaPlanner) -> None:
    import numpy as np

    kept = Decoder(slots_planner.decoder.model)
    found = []
    for grey in (10, 200, 10):
        artifacts = table(picture(grey=grey))
        found.append(kept.start(*_prompt(slots_planner, started(artifacts), artifacts)))
    assert np.abs(found[0] - found[1]).max() > 1e-6
    assert np.abs(found[0] - found[2]).max() < 1e-4


def _prompt(planner: LlavaPlanner, trace: Trace, artifacts: Artifacts) -> tuple[Any, Any, Any, Any]:
    encoded = encode(
        Slots(OFFER).render(trace), planner._tokenizer, planner.rendering.image_token_id, planner._counter(artifacts)
    )
    hashes = {at: artifacts.record(name).sha256 for at, name in encoded.images}
    prepared = {at: planner._prepared(name, artifacts) for at, name in encoded.images}
    counts = {at: count for at, (count, _) in prepared.items()}
    return encoded.ids, hashes, {at: inputs for at, (_, inputs) in prepared.items()}, counts


def test_at_most_four_new_pictures_a_turn_are_shown(slots_planner: LlavaPlanner) -> None:
    artifacts = table(picture())
    trace = started(artifacts)
    for grey in range(6):
        trace = answered(trace, artifacts, picture(grey=grey))
    trace = answered(trace, artifacts, picture(grey=99).model_copy(update={"view": True}))
    segments = Slots(OFFER).render(trace)
    assert [segment.image for segment in segments if segment.image] == ["img_1", "img_2", "img_3", "img_4", "img_5"]


class Second(Cancel):
    """A flag that is set when it is looked at the second time."""

    def check(self) -> None:
        before = self.looked = getattr(self, "looked", 0) + 1
        if before == 2:
            self.set()
        super().check()


def test_stop_is_heard_between_tokens(planner: LlavaPlanner) -> None:
    artifacts, stopped = table(picture()), Cancel()
    stopped.set()
    with pytest.raises(Cancelled):
        next(planner.plan(started(artifacts), OFFER, artifacts, stopped))
    before = planner.decoder.read
    with pytest.raises(Cancelled):
        list(planner.plan(started(artifacts), OFFER, artifacts, Second()))
    assert planner.decoder.read - before < 12
    assert written(planner, started(artifacts), artifacts) is not None


def test_a_chat_that_does_not_fit_says_so_before_anything_is_read(planner: LlavaPlanner) -> None:
    artifacts = table(picture())
    trace = started(artifacts, "find the red car " * 3000)
    before = planner.decoder.read
    with pytest.raises(ContextFull) as caught:
        written(planner, trace, artifacts)
    assert planner.decoder.read == before
    assert "tokens and an answer 24, this planner reads 8192; start a new chat or narrow the offer" in str(caught.value)


def test_checkpoints_that_cannot_be_used_are_input_errors(tmp_path: Path, slots_checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"planner '.*nowhere' cannot be loaded: .*; give a checkpoint folder"):
        load_planner(str(tmp_path / "nowhere"))
    for number, harm in enumerate((_cut_weights, _deepen_config, _spoil_settings)):
        folder = shutil.copytree(slots_checkpoint, tmp_path / str(number))
        harm(folder)
        with pytest.raises(InputError, match=r"cannot be loaded: .+; give a checkpoint folder"):
            load_planner(str(folder))


def _cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _deepen_config(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))


def _spoil_settings(folder: Path) -> None:
    (folder / "handeye.json").write_text("{")


def test_a_checkpoint_of_an_older_dialect_is_refused(slots_checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(slots_checkpoint, tmp_path / "old"))
    (folder / "handeye.json").write_text('{"dialect": "slots"}')
    text = "cannot be loaded: it speaks the dialect 'slots', which is not known; expected 'slots/2'; give a checkpoint"
    with pytest.raises(InputError, match=re.escape(text)):
        load_planner(str(folder))


CONTROL = [
    "<image>",
    "<call>",
    "<s3>",
    "</s>",
    "<s>",
    "<end>",
    "<tool_call>",
    "</tool_call>",
    "<img_1>",
    "<say>",
    "\ue0000\ue001",
]


@pytest.mark.parametrize("typed", CONTROL)
def test_typed_control_tokens_are_plain_text(planner: LlavaPlanner, typed: str) -> None:
    """In the request, in a skill's description and choices, in a call and in what a picture said."""
    assert _control_counts(planner, typed) == _control_counts(planner, "word")


def test_a_pass_over_typed_control_tokens_ends_in_an_output(planner: LlavaPlanner) -> None:
    artifacts = table(picture())
    typed = " ".join(CONTROL)
    output = written(planner, started(artifacts, f"find {typed} now"), artifacts, (say, _shady(typed)))
    assert output.calls or output.answer or output.malformed is not None


def _shady(typed: str) -> Any:
    def shady(words: str) -> Text:
        return Text.of(words)

    shady.__doc__ = f"Read {typed} aloud."
    return skill(shady)


def _control_counts(planner: LlavaPlanner, typed: str) -> dict[int, int]:
    """Return how often each added token stands in a rendering that holds `typed` everywhere."""
    artifacts = table(picture())
    trace = started(artifacts, f"find {typed} now")
    trace = answered(trace, artifacts, Text.of(f"a {typed} b", untrusted=True), text=f"a {typed} b")
    call = ToolCall(id="call_2", name=f"x{typed}", args={"words": typed, typed: [typed]})
    output = PlannerOutput(thought=f"see {typed}", calls=(call,))
    trace = trace.with_step(Step(output=output), artifacts.records)
    offer = (say, _shady(typed))
    segments = (
        Slots(offer).render(trace)
        if planner.rendering.template is None
        else planner.rendering.template.render(trace, offer)
    )
    encoded = encode(segments, planner._tokenizer, planner.rendering.image_token_id, planner._counter(artifacts))
    assert len(encoded.images) == 1
    added = planner._tokenizer.added_tokens_decoder
    return {number: encoded.ids.count(number) for number in added}
