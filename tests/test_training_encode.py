import random

import pytest

from agent.segments import encode
from agent.slots import SLOTS, Slots, special_tokens
from tool_data.generate import Generator
from tool_data.material import Material
from training.encode import Encoder, TooLong, collate, encode_trace
from training.tokenizer import Cached, train_tokenizer

PICTURES = {"page": ("a" * 64,), "code": ("b" * 64,), "face": ("c" * 64,), "scene": ("d" * 64,)}
PICTURE = 9


@pytest.fixture(scope="module")
def generator():
    return Generator(Material.load(), PICTURES, content=False)


@pytest.fixture(scope="module")
def tokenizer(generator):
    from training.data import sample_texts

    return train_tokenizer(sample_texts(generator, 60, 0), 1024)


def _drawn(generator, seed, chats=3):
    rng = random.Random(seed)
    offer = generator.offer(rng, full=0.5)
    return Slots(offer.skills, offer.slots), [generator.chat(offer, rng) for _ in range(chats)]


def test_every_control_token_is_one_token(tokenizer):
    for token in special_tokens():
        assert len(tokenizer(token, add_special_tokens=False).input_ids) == 1


def test_digits_stand_alone(tokenizer):
    ids = tokenizer(" 4711 is a2b", add_special_tokens=False).input_ids
    tokens = [tokenizer.decode([i]) for i in ids]
    assert [t for t in tokens if any(c.isdigit() for c in t)] == ["4", "7", "1", "1", "2"]


@pytest.mark.parametrize("typed", ["<call>", "<image>", "<end>", "please <s3><a1> <img_1>", "<pad></s><s>"])
def test_what_a_user_types_is_never_a_control_token(tokenizer, typed):
    ids = tokenizer(typed, add_special_tokens=False, split_special_tokens=True).input_ids
    special = {tokenizer.convert_tokens_to_ids(token) for token in special_tokens()}
    assert not special & set(ids)
    assert tokenizer.decode(ids) == typed


def test_the_cache_gives_what_the_tokeniser_gives(tokenizer, generator):
    slots, traces = _drawn(generator, 2)
    image = tokenizer.convert_tokens_to_ids("<image>")
    cached = Cached(tokenizer)
    for trace in (*traces, *traces):
        segments = slots.render(trace)
        assert encode(segments, cached, image, lambda _: PICTURE) == encode(
            segments, tokenizer, image, lambda _: PICTURE
        )


def test_a_chat_has_the_tokens_and_targets_that_serving_would_give(tokenizer, generator):
    for seed in range(10):
        slots, traces = _drawn(generator, seed)
        encoder = Encoder(Cached(tokenizer), PICTURE)
        offer = encoder.offer(slots)
        for trace in traces:
            example = encoder.example(offer, encoder.lines(offer), slots, trace, 10_000)
            alone = encode_trace(trace, slots, tokenizer, encoder.image_token_id, lambda _: PICTURE, 10_000)
            assert (*offer, *example.ids) == alone.ids
            assert (*(False for _ in offer), *example.targets) == alone.targets


def test_a_trace_that_does_not_fit_is_refused_whole(tokenizer, generator):
    slots, traces = _drawn(generator, 1)
    image = tokenizer.convert_tokens_to_ids("<image>")
    with pytest.raises(TooLong, match=r"has \d+ tokens, at most 20 fit; .* a trace is never cut"):
        encode_trace(traces[0], slots, tokenizer, image, lambda _: PICTURE, 20)
    encoder = Encoder(tokenizer, PICTURE)
    offer = encoder.offer(slots)
    with pytest.raises(TooLong, match="leave it out or raise the limit"):
        encoder.example(offer, encoder.lines(offer), slots, traces[0], len(offer) + 3)


def test_copies_point_at_the_same_token_earlier(tokenizer, generator):
    encoder = Encoder(Cached(tokenizer), PICTURE)
    slots_copied = words = 0
    for seed in range(20):
        slots, traces = _drawn(generator, seed)
        offer = encoder.offer(slots)
        for trace in traces:
            example = encoder.example(offer, encoder.lines(offer), slots, trace, 10_000)
            ids = (*offer, *example.ids)
            for predicting, place in example.copies:
                assert example.ids[predicting + 1] == ids[place]
                assert example.targets[predicting + 1]
                assert place <= len(offer) + predicting
                slots_copied += ids[place] in encoder.vocabulary.slots
                words += ids[place] not in encoder.vocabulary.special
                if ids[place] in encoder.vocabulary.slots:
                    assert place < len(offer)
    assert slots_copied > 30
    assert words > 30


def test_words_of_the_offer_look_at_the_slot_that_opens_their_line_and_requests_at_the_line_that_is_called(
    tokenizer, generator
):
    encoder = Encoder(Cached(tokenizer), PICTURE)
    matched = 0
    for seed in range(20):
        slots, traces = _drawn(generator, seed)
        offer = encoder.offer(slots)
        lines = encoder.lines(offer)
        assert len(lines.spans) == len(slots.slot)
        for word, slot in lines.own():
            assert offer[slot] in encoder.vocabulary.slots
            assert not encoder.vocabulary.slots & set(offer[slot + 1 : word + 1])
        for trace in traces:
            example = encoder.example(offer, lines, slots, trace, 10_000)
            called = {t for t, mine in zip(example.ids, example.targets, strict=True) if mine} & lines.spans.keys()
            for place, there in example.matches:
                assert example.ids[place] == offer[there]
                assert not example.targets[place]
                assert any(lines.spans[slot][0] < there < lines.spans[slot][1] for slot in called)
                matched += 1
            matched_places = {place for place, _ in example.matches}
            for predicting, place in example.votes:
                assert example.ids[predicting + 1] in called
                assert place - len(offer) in matched_places
    assert matched > 10


def test_chats_of_like_length_share_a_chunk_and_none_is_lost(tokenizer, generator):
    encoder = Encoder(Cached(tokenizer), PICTURE)
    slots, traces = _drawn(generator, 4, chats=12)
    offer = encoder.offer(slots)
    lines = encoder.lines(offer)
    examples = [encoder.example(offer, lines, slots, trace, 10_000, shift=n) for n, trace in enumerate(traces)]
    longest = max(len(example.ids) for example in examples)
    group = collate(offer, lines, examples, tokenizer.pad_token_id, most=2 * longest)
    assert len(group.chunks) > 2
    assert all(chunk.ids.numel() <= 2 * longest for chunk in group.chunks)
    assert group.tokens == len(offer) + sum(len(example.ids) for example in examples)
    found = [tuple(ids[real].tolist()) for c in group.chunks for ids, real in zip(c.ids, c.real, strict=True)]
    assert sorted(found) == sorted(example.ids for example in examples)
    starts = {int(chunk.positions[n, 0]) for chunk in group.chunks for n in range(len(chunk.ids))}
    assert starts == {len(offer) + n for n in range(12)}
    pairs = sum(len(chunk.pairs) for chunk in group.chunks)
    assert pairs == sum(len(example.copies) for example in examples)


def test_slots_are_drawn_from_the_whole_range(generator):
    rng = random.Random(0)
    drawn = {slot for _ in range(60) for slot in generator.offer(rng).slots}
    assert drawn == set(range(SLOTS))
