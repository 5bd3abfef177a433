"""The short dialect: what its grammar admits, and that a reader gives back what was rendered."""

from typing import Any

import llguidance
import llguidance.hf
import pytest

from agent import PlannerOutput, ToolCall, Trace, Turn
from agent.segments import encode
from agent.slots import SLOTS, Slots
from agent.slots_grammar import grammar
from agent.slots_reader import SlotsReader
from agent.trace import CallError, Observation, Step
from skills import Boxes, InputError
from skills.registry import CONTRACT, Registry
from skills.store import Artifacts
from tests import tiny
from tests.probes import draw_number, paint, picture, say, table

REQUEST = "find the red car, and tell me what is 3 + 4?"
SKILLS = (paint, say, Registry.load().get("crop"), Registry.load().get("calculate"), draw_number)
EMPTY = Boxes(frame="img_1")
TWO = Boxes(xyxy=((0, 0, 5, 5), (5, 5, 9, 9)), labels=("car", "car"), frame="img_1")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from agent.slots import special_tokens

    return tiny.tokenizer(special_tokens())


@pytest.fixture(scope="module")
def grammar_tokens(tokenizer: Any) -> Any:
    return llguidance.hf.from_tokenizer(tokenizer)


def accepts(tokenizer: Any, grammar_tokens: Any, artifacts: Artifacts, text: str) -> bool:
    """Return whether a whole pass is legal; `text` is in the dialect's own writing."""
    trace = Trace(id="t", turns=(Turn(request=REQUEST),))
    rules = grammar(Slots(SKILLS, range(len(SKILLS))), trace, artifacts, tokenizer.convert_tokens_to_ids)
    matcher = llguidance.LLMatcher(grammar_tokens, rules)
    assert not matcher.is_error(), matcher.get_error()
    ids = tokenizer(text, add_special_tokens=False).input_ids
    taken = matcher.validate_tokens(ids)
    if taken < len(ids):
        return False
    matcher.consume_tokens(ids)
    return bool(matcher.is_accepting())


@pytest.mark.parametrize(
    "text",
    [
        "<say> There are <boxes_1><.count> cars.",
        "<say> It is a <boxes_1><[1]><.label>.",
        "<say><skills>",
        "<think> find it first<call><s0><a0><img_1><a1><boxes_1>",
        "<call><s0><a1><boxes_1><[1]><,><boxes_1><[0]><a2> 0.5",
        "<call><s1><a1> red car<call><s1><a1> the",
        "<call><s1><a1> find the red car, and<a2> true",
        "<call><s2><a1><boxes_1><[1]>",
        "<call><s3><a1> 3 + 4",
        "<call><s3><a1> (12.5-3) * sqrt(4)",
        "<call><s4><a1> 12",
    ],
)
def test_legal_outputs_are_accepted(tokenizer: Any, grammar_tokens: Any, text: str) -> None:
    assert accepts(tokenizer, grammar_tokens, table(picture(), TWO, EMPTY), text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<call><s0><a1><boxes_3>", "an id that does not exist"),
        ("<call><s0><a0><img_2><a1><boxes_1>", "a picture that does not exist"),
        ("<call><s0><a1><boxes_2>", "an empty value"),
        ("<call><s0><a1><boxes_1><[2]>", "an element that does not exist"),
        ("<call><s2><a1><boxes_1>", "two boxes where one region is taken"),
        ("<call><s0><a1><img_1>", "a picture as a region"),
        ("<call><s0>", "a call without its region"),
        ("<call><s5>", "a skill that is not on offer"),
        ("<call><s1><a1> re", "part of a word"),
        ("<call><s1><a1> blue car", "a word that is not in the request"),
        ("<call><s1><a1>", "an empty text"),
        ("<call><s1><a1> ", "a space for a text"),
        ("<call><s3><a1> 3 + ", "half an expression"),
        ("<call><s3><a1> __import__", "no expression"),
        ("<say> There are 2 cars.", "a digit in prose"),
        ("<say> There are <boxes_3><.count>", "a citation of nothing"),
        ("<say> There are [boxes_1]", "a citation that is spelled"),
        ("<say>", "an empty answer"),
        ("<think> find it first", "a thought alone"),
        ("<say> Done.<call><s3><a1> 3 + 4", "a call behind an answer"),
        (" find", "text of no branch"),
        ("<call><a1> red", "an argument of no skill"),
    ],
)
def test_anything_else_is_refused(tokenizer: Any, grammar_tokens: Any, text: str, why: str) -> None:
    assert not accepts(tokenizer, grammar_tokens, table(picture(), TWO, EMPTY), text), why


def test_a_region_skill_is_not_offered_while_there_is_no_region(tokenizer: Any, grammar_tokens: Any) -> None:
    assert not accepts(tokenizer, grammar_tokens, table(picture(), EMPTY), "<call><s0><a1><boxes_1>")
    assert accepts(tokenizer, grammar_tokens, table(picture(), EMPTY), "<call><s1><a1> car")


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("<say> I can't: <call_1><.error>", True),
        ("<say><call_1><.error>", True),
        ("<say> I tried: <call_1><.error>. See <boxes_1>.", True),
        ("<say> All done.", False),
        ("<say> Here it is: <boxes_1>", False),
        ("<call><s1><a1> car", True),
    ],
)
def test_an_answer_behind_a_failed_call_cites_its_error(
    tokenizer: Any, grammar_tokens: Any, text: str, legal: bool
) -> None:
    error = CallError(type="unavailable", message="no weights")
    failed = Observation(tool_call_id="call_1", status="error", error=error)
    step = Step(output=PlannerOutput(calls=(call(1, "say", words="car"),)), observations=(failed,))
    found = step.model_copy(update={"observations": (Observation(tool_call_id="call_1", status="success"),)})
    ids = tokenizer(text, add_special_tokens=False).input_ids
    artifacts = table(picture(), TWO)
    slots = Slots(SKILLS, range(len(SKILLS)))

    def accepted(*steps: Step) -> bool:
        trace = Trace(id="t", turns=(Turn(request=REQUEST, steps=steps),))
        rules = grammar(slots, trace, artifacts, tokenizer.convert_tokens_to_ids)
        matcher = llguidance.LLMatcher(grammar_tokens, rules)
        assert not matcher.is_error(), matcher.get_error()
        return bool(matcher.validate_tokens(ids) == len(ids) and matcher.consume_tokens(ids) and matcher.is_accepting())

    assert accepted(step) == legal
    assert accepted(step, found) == ("<.error>" in text or "<call>" in text or not legal)


@pytest.mark.parametrize(
    ("error", "read"),
    [
        (
            CallError(type="unavailable", message="say cannot run here: checkpoint 'a/b' is not here"),
            "say cannot run here",
        ),
        (CallError(type="bad_arguments", message="say: 'words' is missing; expected say(words)"), None),
    ],
)
def test_why_a_skill_is_unavailable_is_not_read_but_what_can_be_mended_is(error: CallError, read: str | None) -> None:
    failed = Observation(tool_call_id="call_1", status="error", error=error)
    step = Step(output=PlannerOutput(calls=(call(1, "say", words="car"),)), observations=(failed,))
    trace = Trace(id="t", turns=(Turn(request=REQUEST, steps=(step,)),))
    segments = Slots(SKILLS, range(len(SKILLS))).turn(trace.turn, trace)
    assert f" {error.type}: {read or error.message}" in [segment.text for segment in segments]


def call(number: int, name: str, **args: Any) -> ToolCall:
    return ToolCall(id=f"call_{number}", name=name, args=args)


OUTPUTS = [
    PlannerOutput(answer="Done."),
    PlannerOutput(answer="[text_1]"),
    PlannerOutput(answer="There are [boxes_1.count] of them: [boxes_1[0].label], [boxes_1[1].label]."),
    PlannerOutput(answer="¿Es [num_1]? (see [img_2])", thought="add it up"),
    PlannerOutput(answer="I could not: [call_1.error]"),
    PlannerOutput(answer="I can use: [skills]"),
    PlannerOutput(answer="Añadí el precio de 日本 ☕ aquí."),
    PlannerOutput(calls=(call(3, "paint", regions="boxes_1"),)),
    PlannerOutput(calls=(call(3, "paint", image="img_1", regions=["boxes_1[0]", "mask_2"], color=0.5),), thought="two"),
    PlannerOutput(calls=(call(3, "say", words="red car", loud=True), call(4, "say", words="the", loud=False))),
    PlannerOutput(calls=(call(3, "crop", region="text_1[23]"),)),
    PlannerOutput(calls=(call(3, "calculate", expression="(3 + 4) * 2"),)),
    PlannerOutput(calls=(call(3, "draw_number", limit=12, seed=-3),)),
    PlannerOutput(calls=(call(3, "say", words="café del ☕ 12"),)),
]


@pytest.mark.parametrize("output", OUTPUTS, ids=range(len(OUTPUTS)))
def test_the_reader_gives_back_what_was_rendered(tokenizer: Any, output: PlannerOutput) -> None:
    slots = Slots(SKILLS, range(len(SKILLS)))
    encoded = encode(slots.output(output), tokenizer, 4, lambda name: 1)
    assert all(encoded.targets)
    reader = SlotsReader(slots, tokenizer, first_call=3)
    *ids, end = encoded.ids
    assert tokenizer.convert_ids_to_tokens(end) == "<end>"
    events = [event for token in ids for event in reader.take(token)] + list(reader.end())
    assert reader.output == output
    shown = "".join(event.text for event in events if getattr(event, "branch", "") == "answer")
    assert shown.strip() == (output.answer or "")
    assert tuple(event.call for event in events if hasattr(event, "call")) == output.calls


def test_slots_may_be_drawn_in_any_order(tokenizer: Any) -> None:
    slots = Slots(SKILLS, (7, 40, 0, 3, 11))
    output = PlannerOutput(calls=(call(1, "say", words="car"),))
    encoded = encode(slots.output(output), tokenizer, 4, lambda name: 1)
    assert "<s40>" in tokenizer.convert_ids_to_tokens(encoded.ids)
    reader = SlotsReader(slots, tokenizer, first_call=1)
    for token in encoded.ids[:-1]:
        list(reader.take(token))
    list(reader.end())
    assert reader.output == output


@pytest.mark.parametrize(
    "text",
    [
        "<call><a1> car", "<call><s5>", "<call><s1><a7> car", "<say> x<end> y", "<think><boxes_1>", "<image>",
        "<call><s1><a1><.count>", "<call>", "<ok> fine", "", "<think> only a thought", " no branch",
    ],
)  # fmt: skip
def test_control_tokens_where_none_may_stand_are_malformed(tokenizer: Any, text: str) -> None:
    """Broke with a KeyError where an argument came before its skill."""
    reader = SlotsReader(Slots(SKILLS, range(len(SKILLS))), tokenizer, first_call=1)
    for token in tokenizer(text, add_special_tokens=False).input_ids:
        list(reader.take(token))
    list(reader.end())
    assert reader.output == PlannerOutput(malformed=text)


def test_skills_of_the_contract_have_slots_of_their_own_whatever_is_on_offer() -> None:
    registry = Registry.load()
    whole = Slots(registry.offer()).slot
    narrow = Slots([say, *registry.offer(["crop", "blur"]), paint]).slot
    assert narrow == {"say": len(CONTRACT), "crop": whole["crop"], "blur": whole["blur"], "paint": len(CONTRACT) + 1}
    assert len(set(whole.values())) == len(whole)


def test_more_added_skills_than_slots_says_so() -> None:
    text = f"49 added skills are on offer; this planner reads at most {SLOTS - len(CONTRACT)}: use --offer"
    with pytest.raises(InputError, match=text):
        Slots([say] * 49)


def test_each_line_of_the_offer_stands_between_its_slot_twice_in_lower_case():
    text = "".join(segment.text for segment in Slots(SKILLS, range(len(SKILLS))).offer())
    first = SKILLS[0]
    assert text.startswith(f"<s><offer><s0> {first.name}(")
    assert first.description.lower() in text
    assert all(text.count(f"<s{n}>") == 2 for n in range(len(SKILLS)))


def test_without_a_picture_only_skills_that_need_none_can_be_called(tokenizer: Any, grammar_tokens: Any) -> None:
    skills = (Registry.load().get("rotate"), Registry.load().get("calculate"))
    trace = Trace(id="t", turns=(Turn(request=REQUEST),))

    def legal(artifacts: Artifacts, text: str) -> bool:
        rules = grammar(Slots(skills, (0, 1)), trace, artifacts, tokenizer.convert_tokens_to_ids)
        ids = tokenizer(text, add_special_tokens=False).input_ids
        return bool(llguidance.LLMatcher(grammar_tokens, rules).validate_tokens(ids) == len(ids))

    assert legal(table(), "<call><s1><a1> 3 + 4")
    assert not legal(table(), "<call><s0><a1> 90")
    assert legal(table(picture()), "<call><s0><a1> 90")
