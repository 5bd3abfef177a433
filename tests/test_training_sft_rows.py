"""Rows become the tokens that serving feeds the model; what cannot be trained on is refused with a reason."""

from pathlib import Path
from typing import Any

import pytest

from agent import PlannerOutput, Trace
from agent.messages import ChatTemplate
from agent.planners.llava import LlavaPlanner, load_planner
from agent.saved import store_of
from agent.segments import Segment, encode
from agent.trace import Turn
from skills import Cancel
from skills.registry import Registry
from skills.store import Artifacts, Store
from tests import llava_plus_original, sft_rows, tiny
from tool_data.formats.base import Refused, Report
from tool_data.formats.llava_cot import to_trace as from_llava_cot
from training.sft.rows import Encoder, Place, read_rows

SKILLS = {skill.name: skill for skill in Registry.load().offer()}


@pytest.fixture(scope="module")
def chatml_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with ChatML's marks, for which our other template is used."""
    return tiny.save(tmp_path_factory.mktemp("chatml"), slots=False, chatml=True)


@pytest.fixture(params=["slots", "chat", "marked", "chatml"])
def planner(request: pytest.FixtureRequest) -> LlavaPlanner:
    return load_planner(str(request.getfixturevalue(f"{request.param}_checkpoint")))


def encoder(planner: LlavaPlanner, longest: int = 8192, **options: Any) -> Encoder:
    return Encoder(planner.rendering, longest, **options)


def passes(trace: Trace) -> list[tuple[Trace, PlannerOutput]]:
    """Return what the planner saw before each of its passes, and the pass."""
    found = []
    for number, turn in enumerate(trace.turns):
        for at, step in enumerate(turn.steps):
            begun = turn.model_copy(update={"steps": turn.steps[:at], "answer": ""})
            found.append((trace.model_copy(update={"turns": (*trace.turns[:number], begun)}), step.output))
    return found


def fed(planner: LlavaPlanner, trace: Trace, store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the tokens a planner's decoder is given for a trace."""
    seen: list[int] = []
    start = planner.decoder.start
    monkeypatch.setattr(planner.decoder, "start", lambda ids, *rest: seen.extend(ids) or start(ids, *rest))
    monkeypatch.setattr("agent.planners.llava.ANSWER_TOKENS", 1)
    offer = [SKILLS[name] for name in trace.meta.offer]
    list(planner.plan(trace, offer, Artifacts(store, trace.artifacts), Cancel()))
    monkeypatch.undo()
    return seen


def test_a_row_has_the_tokens_that_serving_feeds(
    planner: LlavaPlanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pass's prompt is a prefix of the row; behind it stand that pass and its end, trained, as read back."""
    store = Store(tmp_path / "rows.store")
    trace = sft_rows.tool_chat(store)
    sample = encoder(planner).sample(trace, Place(tmp_path / "rows.store", tmp_path))
    ids, targets = sample.ids.tolist(), sample.targets.tolist()
    trained = 0
    for before, output in passes(trace):
        prompt = fed(planner, before, store, monkeypatch)
        assert ids[: len(prompt)] == prompt
        assert not targets[len(prompt) - 1]
        end = next((at for at in range(len(prompt), len(ids)) if not targets[at]), len(ids))
        assert ids[end - 1] in planner._stop_ids
        reader = planner._script(before, [SKILLS[n] for n in trace.meta.offer], Artifacts(store, trace.artifacts))[2]
        for token in ids[len(prompt) : end - 1]:
            list(reader.take(token))
        list(reader.end())
        assert reader.output == output
        trained += end - len(prompt)
    assert trained == sample.supervised
    assert len(ids) == end


def told(planner: LlavaPlanner, sample: Any) -> list[str]:
    """Return the trained text of a sample, one piece a run of trained tokens."""
    runs: list[list[int]] = []
    for at, (number, target) in enumerate(zip(sample.ids.tolist(), sample.targets.tolist(), strict=True)):
        if target:
            runs = [*runs, []] if not sample.targets[at - 1] else runs
            runs[-1].append(number)
    return [planner._decode(run) for run in runs]


def test_only_what_the_planner_wrote_is_trained(chat_checkpoint: Path, slots_checkpoint: Path, tmp_path: Path) -> None:
    trace, place = sft_rows.tool_chat(Store(tmp_path / "rows.store")), Place(tmp_path / "rows.store", tmp_path)
    chat, slots = load_planner(str(chat_checkpoint)), load_planner(str(slots_checkpoint))
    assert told(chat, encoder(chat).sample(trace, place)) == [
        'find the faces<tool_call>{"name": "find_faces", "arguments": {}}</tool_call><end>',
        '<tool_call>{"name": "blur", "arguments": {"regions": "boxes_1"}}</tool_call><end>',
        "Blurred [boxes_1.count]: [img_2]<end>",
        "You are welcome.<end>",
    ]
    assert told(slots, encoder(slots).sample(trace, place)) == [
        "<think> find the faces<call><s2><end>",
        "<call><s15><a1><boxes_1><end>",
        "<say> Blurred<boxes_1><.count>:<img_2><end>",
        "<say> You are welcome.<end>",
    ]


def test_typed_end_tokens_and_marks_are_not_trained(chat_checkpoint: Path, tmp_path: Path) -> None:
    planner, store = load_planner(str(chat_checkpoint)), Store(tmp_path / "rows.store")
    trace = sft_rows.plain_chat(store)
    turn = trace.turn.model_copy(update={"request": "\ue002 say <end> ASSISTANT: \ue003 <image>"})
    sample = encoder(planner).sample(
        trace.model_copy(update={"turns": (turn,)}), Place(tmp_path / "rows.store", tmp_path)
    )
    assert told(planner, sample) == ["a red car 0<end>"]


def test_a_llava_cot_row_trains_its_four_stages(chat_checkpoint: Path, tmp_path: Path) -> None:
    said = (
        "<SUMMARY> look </SUMMARY>\n\n<CAPTION> a car </CAPTION>\n\n<REASONING> it is red </REASONING>\n\n"
        "<CONCLUSION> red </CONCLUSION>"
    )
    asked = {"from": "human", "value": "which color?"}
    row = {"id": "a", "image": "car.png", "conversations": [asked, {"from": "gpt", "value": said}]}
    trace = from_llava_cot(row, "cot-1", Report())
    (tmp_path / "pictures").mkdir()
    sft_rows.picture().image.save(tmp_path / "pictures" / "car.png")
    planner = load_planner(str(chat_checkpoint))
    place = Place.beside(tmp_path / "rows.jsonl", tmp_path / "pictures")
    assert told(planner, encoder(planner, stages=True).sample(trace, place)) == [f"{said}<end>"]
    with pytest.raises(Refused, match=r"picture 'img_1' cannot be read: .*car\.png"):
        encoder(planner).sample(trace, Place.beside(tmp_path / "rows.jsonl", None))


def test_original_llava_plus_rows_have_the_tokens_of_serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.llava_plus_weights import convert

    _, original, vision = llava_plus_original.save(tmp_path, "linear")
    folder = convert(original, vision, tmp_path / "out")
    for template in ("v0", "v1"):
        settings = folder / "handeye.json"
        settings.write_text(settings.read_text().replace('"v0"', f'"{template}"').replace('"v1"', f'"{template}"'))
        planner, store = load_planner(str(folder)), Store(tmp_path / "rows.store")
        trace = sft_rows.tool_chat(store)
        sample = encoder(planner).sample(trace, Place(tmp_path / "rows.store", tmp_path))
        for before, _ in passes(trace):
            prompt = fed(planner, before, store, monkeypatch)
            assert sample.ids[: len(prompt)].tolist() == prompt
            assert sample.targets[len(prompt)]
            assert not sample.targets[len(prompt) - 1]
        assert told(planner, sample)[-1].startswith(' "thoughts🤔" \n"actions🚀" []\n"value👉" You are welcome.')


def test_a_seam_splits_a_token_only_where_it_lies_inside_one(chat_checkpoint: Path) -> None:
    """'fa' + 'ce' is one token of the tiny tokeniser: read alone it has others, so that the prompt stays a prefix."""
    tokenizer = load_planner(str(chat_checkpoint))._tokenizer
    whole = encode([Segment("face", markup=True)], tokenizer, 4, lambda _: 0).ids
    split = encode([Segment("fa", markup=True), Segment("ce", markup=True, target=True)], tokenizer, 4, lambda _: 0)
    alone = encode([Segment("fa", markup=True)], tokenizer, 4, lambda _: 0).ids
    assert whole[: len(alone)] != alone
    assert split.ids[: len(alone)] == alone
    assert split.targets[: len(alone)] == (False,) * len(alone)
    kept = encode(
        [Segment("the face", markup=True), Segment(" is", markup=True, target=True)], tokenizer, 4, lambda _: 0
    )
    assert kept.ids == encode([Segment("the face is", markup=True)], tokenizer, 4, lambda _: 0).ids


def test_a_template_that_ends_no_turn_trains_nothing(chat_checkpoint: Path, tmp_path: Path) -> None:
    planner = load_planner(str(chat_checkpoint))
    template = planner.rendering.template
    assert template is not None
    planner.rendering.template = ChatTemplate(planner._tokenizer, "<image>", ["<nowhere>"])
    trace = sft_rows.plain_chat(Store(tmp_path / "rows.store"))
    with pytest.raises(Refused, match=r"^0 of the planner's 1 passes can be told apart .* with the model's end token"):
        encoder(planner).sample(trace, Place(tmp_path / "rows.store", tmp_path))


def test_what_cannot_be_trained_on_is_refused_with_its_row(chat_checkpoint: Path, tmp_path: Path) -> None:
    planner, path = load_planner(str(chat_checkpoint)), tmp_path / "rows.jsonl"
    store = Store(store_of(path))
    good, plain = sft_rows.tool_chat(store), sft_rows.plain_chat(store)
    gone = sft_rows.plain_chat(Store(), 7)
    silent = plain.model_copy(update={"id": "silent", "turns": (Turn(request="hello"),)})
    broken = plain.turn.steps[0].model_copy(update={"output": PlannerOutput(malformed="<tool_call>{")})
    malformed = plain.model_copy(update={"turns": (plain.turn.model_copy(update={"steps": (broken,)}),)})
    unknown = good.model_copy(update={"meta": good.meta.model_copy(update={"offer": ("levitate",)})})
    long = plain.turn.model_copy(update={"request": "find the red car " * 2000})
    too_long = plain.model_copy(update={"id": "long", "turns": (long,)})
    sft_rows.write(path, good, gone, silent, malformed, unknown, too_long)
    with path.open("a") as file:
        file.write("{}\n")
    rows = read_rows([path], encoder(planner, 3000))
    assert [sample.row for sample in rows.samples] == ["tools-0"]
    names = [row for row, _ in rows.refused]
    assert names[:3] == ["rows.jsonl:2 (plain-7)", "rows.jsonl:3 (silent)", "rows.jsonl:4 (plain-0)"]
    reasons = [why for _, why in rows.refused]
    assert reasons[0].startswith(f"picture 'img_1' cannot be read: payload {gone.artifacts['img_1'].sha256} is missing")
    assert reasons[1] == "the planner wrote nothing in it, so that no token would be trained"
    assert reasons[2] == "pass 1 of the planner is malformed; it would learn to write that"
    assert reasons[3].startswith("no schema of 'levitate'; expected a skill of ours")
    assert reasons[4].endswith("3000 fit; leave it out or raise the limit, it is never cut")
    assert reasons[5].startswith("it is no Trace: id: Field required")
    with pytest.raises(Refused, match=r"^the answer of pass 1 has not the four stages of LLaVA-o1 \(SUMMARY, CAPTION"):
        encoder(planner, stages=True).sample(plain, Place.beside(path, None))


def test_tools_of_others_are_offered_as_their_schemas_say(slots_checkpoint: Path, chat_checkpoint: Path) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "lift",
            "description": "Lift what is named",
            "parameters": {"properties": {"image": {}, "what": {"type": "string"}}, "required": ["what"]},
        },
    }
    trace = sft_rows.plain_chat(Store())
    origin = {"format": "trl", "row": "a", "extra": {"tools": {"lift": tool}}}
    meta = trace.meta.model_validate({"offer": ["lift"], "origin": origin})
    trace = trace.model_copy(update={"meta": meta})
    place = Place(Path("none"), Path("none"))
    for checkpoint, expected in ((slots_checkpoint, " lift(what) lift what is named"), (chat_checkpoint, '"what"')):
        segments = encoder(load_planner(str(checkpoint))).segments(trace, place)
        assert expected in "".join(segment.text for segment in segments)
