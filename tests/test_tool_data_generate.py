import random
import re
from collections import Counter

import pytest

from agent.citations import PATTERN
from agent.slots import IDS, Slots
from agent.trace import Trace, Turn
from tool_data.generate import Generator, Mix
from tool_data.material import Material
from tool_data.phrasings import is_held_back

PICTURES = {"page": ("a" * 64,), "code": ("b" * 64,), "face": ("c" * 64,), "scene": ("d" * 64, "e" * 64)}


@pytest.fixture(scope="module")
def material():
    return Material.load()


@pytest.fixture(scope="module")
def drawn(material):
    generator = Generator(material, PICTURES)
    rng = random.Random(7)
    rows = []
    for _ in range(200):
        offer = generator.offer(rng, full=0.5)
        rows.append((offer, generator.chat(offer, rng)))
    return rows


def _calls(drawn):
    return [
        (offer, trace, turn, call)
        for offer, trace in drawn
        for turn in trace.turns
        for step in turn.steps
        for call in step.output.calls
    ]


def test_every_call_fits_its_skills_schema(drawn):
    for offer, _, _, call in _calls(drawn):
        skill = next(s for s in offer.skills if s.name == call.name)
        skill.arguments.model_validate(call.args)
        assert all(call.args.get(p.name) is not None for p in skill.params if p.required)


def test_every_id_in_a_call_exists_and_lies_in_the_pictures_frame(drawn):
    named = 0
    for _, trace, _, call in _calls(drawn):
        for value in call.args.values():
            if isinstance(value, str) and re.fullmatch(r"(img|boxes|mask|text|points)_\d+(\[\d+\])?", value):
                named += 1
                assert value.partition("[")[0] in trace.artifacts
        image = call.args.get("image")
        frames = {trace.artifacts[v.partition("[")[0]].frame for v in _regions(call.args, trace)}
        if image in trace.artifacts and frames:
            assert frames == {trace.artifacts[image].frame}
    assert named > 50


def _regions(args, trace):
    return [
        v for k, v in args.items() if k != "image" and isinstance(v, str) and v.partition("[")[0] in trace.artifacts
    ]


def test_artifacts_are_those_of_users_and_observations(drawn):
    for _, trace in drawn:
        made = [a for turn in trace.turns for step in turn.steps for seen in step.observations for a in seen.artifacts]
        given = [a for turn in trace.turns for a in (*turn.images, *turn.marks)]
        assert sorted(made + given) == sorted(trace.artifacts)


def test_observations_read_as_the_executor_writes_them(drawn):
    messages = Counter()
    for _, trace in drawn:
        for seen in (seen for turn in trace.turns for step in turn.steps for seen in step.observations):
            if seen.status == "error":
                assert seen.content == f"{seen.error.type}: {seen.error.message}"
                messages[seen.error.type] += 1
            else:
                assert list(seen.data) == list(seen.artifacts)
                assert all(seen.content.count(f"{name}: ") for name in seen.artifacts)
    assert messages["unavailable"] > 20
    assert len(messages) > 1


def test_a_thought_stands_before_the_first_of_several_steps_only(drawn):
    for _, trace in drawn:
        for turn in trace.turns:
            assert all(not step.output.thought for step in turn.steps[1:])
            assert not (turn.steps[0].output.thought and turn.steps[0].output.answer)


def test_answers_cite_what_exists_and_hold_no_digit_of_their_own(drawn):
    for _, trace in drawn:
        calls = {c.id for turn in trace.turns for step in turn.steps for c in step.output.calls}
        for turn in trace.turns:
            answer = turn.steps[-1].output.answer
            assert all(m[1] in trace.artifacts or m[1] in calls or m[1] == "skills" for m in PATTERN.finditer(answer))
            assert not re.search(r"[\d$]", PATTERN.sub("", answer))


def test_a_read_text_is_the_whole_answer(drawn):
    answers = [_last_answer(turn) for _, _, turn, call in _calls(drawn) if _read(turn, call)]
    assert answers
    assert all(re.fullmatch(r"\[text_\d+\]", answer) for answer in answers)


def _read(turn: Turn, call):
    last = turn.steps[-2]
    return (
        call.name == "read_text"
        and last.output.calls[0].id == call.id
        and "found" not in str(last.observations[0].data)
    ) and last.observations[0].status == "success"


def _last_answer(turn: Turn):
    return turn.steps[-1].output.answer


def test_traces_round_trip_and_fit_the_dialect(drawn):
    for offer, trace in drawn:
        assert Trace.from_json(trace.to_json()) == trace
        text = "".join(s.text for s in Slots(offer.skills, offer.slots).render(trace))
        assert text.startswith("<s><offer>")
        assert all(int(n.rpartition("_")[2]) <= IDS for n in trace.artifacts)


def test_equal_seeds_give_equal_chats(material):
    def draw(seed: int) -> tuple[str, Trace]:
        rng = random.Random(seed)
        generator = Generator(material, PICTURES)
        offer = generator.offer(rng)
        return "".join(s.text for s in Slots(offer.skills, offer.slots).offer()), generator.chat(offer, rng)

    assert draw(3) == draw(3)
    assert draw(3)[1] != draw(4)[1]


def test_held_back_phrasings_are_not_drawn_for_training(material):
    texts = [p.text for phrases in material.by_skill.values() for p in phrases]
    kept = [p.text for phrases in Material.load(held_back=True).by_skill.values() for p in phrases]
    assert not any(is_held_back(text) for text in texts)
    assert all(is_held_back(text) for text in kept)
    assert 0.05 < len(kept) / len(texts) < 0.2


def test_several_steps_are_planned_in_words_before_the_first(drawn):
    planned = 0
    for _, trace in drawn:
        for turn in trace.turns:
            thoughts = [step.output.thought for step in turn.steps]
            assert not any(thoughts[1:])
            planned += bool(thoughts[0])
            assert len(turn.steps) <= 2 or thoughts[0].count(", ") >= len(turn.steps) - 2
    assert planned > 10


def test_clauses_are_joined_into_requests_whose_steps_refer_to_what_stands_before(material):
    names = {skill.name for skill in material.skills}
    rng = random.Random(3)
    made = [drawn for _ in range(400) if (drawn := material.joiner.join(names, rng.choice(("en", "es")), rng))]
    assert len(made) > 300
    for text, intent in made:
        used = set(re.findall(r"\{\w+\}", str([step.args for step in intent.steps])))
        assert used == set(re.findall(r"\{\w+\}", text))
        for number, step in enumerate(intent.steps):
            earlier = [int(n) for n in re.findall(r"\$(\d)", str(step.args))]
            assert all(0 < n <= number for n in earlier)
            assert "$found" not in str(step.args)
    assert {len(intent.steps) for _, intent in made} >= {2, 3, 4}


def test_a_later_turn_may_mean_what_the_turn_before_says(material):
    from tool_data.relative import meanings

    generator = Generator(material, PICTURES)
    rng = random.Random(6)
    names = {skill.name: skill.name for skill in material.skills}
    found = Counter()
    for _ in range(300):
        trace = generator.chat(generator.drawer.exact(rng), rng, mix=Mix(invented=0, talk=0), most_turns=1)
        for meant in meanings(trace.turns[0], names, rng):
            found[meant.kind] += 1
            assert meant.marked == ("$mark" in str([step.args for step in meant.steps]))
            assert set(material.relative[meant.kind]) == {"en", "es"}
    assert len(found) > 5, found


def test_a_list_may_name_several_things_and_options_are_said_behind(material):
    from tool_data.phrasings import Call
    from tool_data.variants import listed, tailed

    rng = random.Random(0)
    steps = (Call("detect", {"objects": ["{object}"]}),)
    text, several = listed("find the {object}", steps, "en", rng)
    slots = several[0].args["objects"]
    assert len(slots) > 1
    assert all(text.count(slot) == 1 for slot in slots)
    said, more = tailed("find the {object}.", steps, material.tails, "en", rng)
    assert said.startswith("find the {object}")
    assert str(more[0].args["threshold"]) in said
    assert tailed("turn it", (Call("rotate", {"degrees": 90}),), material.tails, "en", rng)[0] == "turn it"


def test_a_skill_of_a_word_field_is_asked_for_in_words_of_its_concepts(material):
    from tool_data.fields import load_fields, make_up_field

    rng = random.Random(1)
    themes = load_fields()
    assert len(themes) > 90
    fresh = 0
    for _ in range(100):
        theme = rng.choice(themes)
        other = make_up_field(material.words, "made_up", theme, rng)
        known = {word for concept in theme for word in concept["en"]}
        told = other.skill.description.lower()
        for request in other.requests["en"]:
            held = [word for word in known if word in request]
            assert held
            fresh += any(word not in told for word in held)
    assert fresh > 200


def test_the_picture_decides_what_a_vague_request_means(material):
    generator = Generator(material, PICTURES)
    rng = random.Random(2)
    mix = Mix(invented=0, follow_up=0, withheld=0, talk=0, look=1)
    skills = {"a": "read_text", "b": "read_code", "c": "find_faces", "d": "caption", "e": "caption"}
    seen = Counter()
    for _ in range(80):
        trace = generator.chat(generator.drawer.exact(rng), rng, mix=mix, most_turns=1)
        shown = trace.artifacts[trace.turns[0].images[0]].sha256
        called = trace.turns[0].steps[0].output.calls[0].name
        assert called == skills[shown[0]]
        seen[called] += 1
    assert len(seen) == 4


def test_vague_requests_mean_nothing_else(material):
    vague = {p.text for phrases in material.looks.values() for p in phrases}
    assert len(vague) > 80
    assert not vague & {p.text for phrases in material.by_skill.values() for p in phrases}


def test_added_skills_are_asked_for_in_authored_words(material):
    generator = Generator(material, PICTURES)
    rng = random.Random(4)
    mix = Mix(invented=1, follow_up=0, withheld=0, talk=0)
    called = set()
    for _ in range(60):
        offer = generator.offer(rng, full=1)
        trace = generator.chat(offer, rng, mix=mix, most_turns=1)
        made_up = {other.skill.name: other.skill for other in offer.made_up}
        for call in trace.turns[0].steps[0].output.calls:
            if call.name in made_up:
                called.add(call.name)
                made_up[call.name].arguments.model_validate(call.args)
                written = [v for k, v in call.args.items() if k not in ("image", "regions")]
                assert all(
                    value in (trace.turns[0].request, *trace.turns[0].marks) or value in trace.turns[0].request
                    for value in written
                )
    assert len(called) > 10


def test_a_skill_that_is_not_on_offer_is_declined(material):
    generator = Generator(material, PICTURES)
    rng = random.Random(5)
    offer = generator.offer(rng, least=3, most=3)
    mix = Mix(invented=0, follow_up=0, withheld=1, talk=0, look=0)
    answers = {generator.chat(offer, rng, mix=mix).turn.steps[0].output.answer for _ in range(20)}
    assert answers <= {text for texts in material.answers["error.withheld"].values() for text in texts}


def test_no_offer_holds_two_skills_of_one_name_or_a_builtins_name_elsewhere(material):
    generator = Generator(material, PICTURES)
    rng = random.Random(8)
    for _ in range(300):
        offer = generator.offer(rng, full=0.5)
        names = [skill.name for skill in offer.skills]
        assert len(set(names)) == len(names)
        made_up = {other.skill.name for other in offer.made_up}
        renamed = {skill.name for known, skill in offer.contract.items() if skill.name != known}
        assert not (made_up | renamed) & {skill.name for skill in material.skills}


def test_chats_are_drawn_from_what_was_held_back_too():
    generator = Generator(Material.load(held_back=True), PICTURES, content=False)
    rng = random.Random(3)
    for _ in range(60):
        offer = generator.offer(rng, full=0.5)
        for _ in range(4):
            assert len(generator.chat(offer, rng, most_turns=2).turns) <= 2
