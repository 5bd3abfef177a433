import random

import pytest

from agent.segments import encode
from agent.slots import SLOTS, Slots, special_tokens
from tool_data.generate import Generator, Material
from training.encode import Rows, TooLong, collate, encode_trace
from training.tokenizer import Cached, train_tokenizer

DIGESTS = ("a" * 64,)
PICTURE = 9


@pytest.fixture(scope="module")
def generator():
    return Generator(Material.load(), DIGESTS, content=False)


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


def test_a_packed_chat_has_the_tokens_and_targets_that_serving_would_give(tokenizer, generator):
    for seed in range(10):
        slots, traces = _drawn(generator, seed)
        rows = Rows(Cached(tokenizer), PICTURE)
        row = rows.start(slots)
        for number, trace in enumerate(traces, 1):
            rows.add(row, slots, trace, 10_000)
            alone = encode_trace(trace, slots, tokenizer, rows.image_token_id, lambda _: PICTURE, 10_000)
            mine = [i for i, chat in enumerate(row.chats) if chat in (0, number)]
            assert [row.ids[i] for i in mine] == list(alone.ids)
            assert [row.targets[i] for i in mine] == list(alone.targets)
            assert [row.positions[i] for i in mine] == list(range(len(mine)))


def test_a_trace_that_does_not_fit_is_refused_whole(tokenizer, generator):
    slots, traces = _drawn(generator, 1)
    image = tokenizer.convert_tokens_to_ids("<image>")
    with pytest.raises(TooLong, match=r"has \d+ tokens, at most 20 fit; .* a trace is never cut"):
        encode_trace(traces[0], slots, tokenizer, image, lambda _: PICTURE, 20)
    rows = Rows(tokenizer, PICTURE)
    row = rows.start(slots)
    before = list(row.ids)
    with pytest.raises(TooLong, match="start another row"):
        rows.add(row, slots, traces[0], len(before) + 3)
    assert row.ids == before


def test_copies_point_at_the_same_token_earlier_in_the_same_chat(tokenizer, generator):
    rows = Rows(Cached(tokenizer), PICTURE)
    slots_copied = words = 0
    for seed in range(20):
        slots, traces = _drawn(generator, seed)
        row = rows.start(slots)
        for trace in traces:
            rows.add(row, slots, trace, 10_000)
        for predicting, place in row.copies:
            token = row.ids[place]
            assert row.ids[predicting + 1] == token
            assert row.targets[predicting + 1]
            assert row.chats[place] in (0, row.chats[predicting])
            assert place <= predicting
            slots_copied += token in rows.vocabulary.slots
            words += token not in rows.vocabulary.special
            if token in rows.vocabulary.slots:
                assert row.chats[place] == 0
    assert slots_copied > 30
    assert words > 30


def test_chats_see_the_offer_and_themselves_only(tokenizer, generator):
    rows = Rows(Cached(tokenizer), PICTURE)
    slots, traces = _drawn(generator, 4, chats=2)
    long, short = rows.start(slots), rows.start(slots)
    for trace in traces:
        rows.add(long, slots, trace, 10_000)
    batch = collate([long, short], tokenizer.pad_token_id)
    chats = long.chats
    first, second = chats.index(1), chats.index(2)
    assert batch.visible[0, second, : chats.count(0)].all()
    assert not batch.visible[0, second, first:second].any()
    assert not batch.visible[0, first, first + 1 :].any()
    assert not batch.real[1, len(short.ids) :].any()
    assert batch.visible[1].any(-1).all()


def test_slots_are_drawn_from_the_whole_range(generator):
    rng = random.Random(0)
    drawn = {slot for _ in range(60) for slot in generator.offer(rng).slots}
    assert drawn == set(range(SLOTS))
