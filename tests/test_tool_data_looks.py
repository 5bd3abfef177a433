"""Pictures that look alike are one for the rules of a mix."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from skills import Picture
from skills.store import Store
from tests.test_tool_data_mix import mixed, trace, write
from tool_data.looks import Looks, difference_hash


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(3)
    return [
        Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((160, 120), Image.Resampling.BICUBIC)
        for _ in range(40)
    ]


def test_a_copy_looks_like_its_picture_and_others_do_not(photos):
    for photo in photos:
        small = photo.resize((80, 60), Image.Resampling.BILINEAR)
        brighter = ImageEnhance.Brightness(photo).enhance(1.1)
        for copy in (small, brighter):
            assert (difference_hash(photo) ^ difference_hash(copy)).bit_count() <= 8
    hashes = [difference_hash(photo) for photo in photos]
    least = min((one ^ other).bit_count() for n, one in enumerate(hashes) for other in hashes[:n])
    assert least > 12


def test_the_first_of_like_pictures_names_them(photos):
    store, looks = Store(), Looks(8)
    first, other = (store.put(Picture.from_image(photo)) for photo in photos[:2])
    copy = store.put(Picture.from_image(photos[0].resize((100, 75))))
    assert [looks.name(digest, store) for digest in (first, other, copy, first)] == [first, other, first, first]
    assert looks.name("f" * 64, store) == "f" * 64


def test_a_mix_leaves_out_what_looks_the_same_and_says_so(tmp_path, photos, capsys):
    store = Store(tmp_path / "a.store")
    digests = [store.put(Picture.from_image(photo)) for photo in (photos[0], photos[0].resize((100, 75)), photos[1])]
    write(tmp_path / "a.jsonl", [trace(f"a-{n}", "what is it?", [digest]) for n, digest in enumerate(digests)])
    recipe = {"sources": [{"file": "a.jsonl", "licence": "CC0-1.0"}], "duplicates": {"text_on_same_picture": 0.9}}
    assert len(mixed(tmp_path, recipe)[0]) == 3
    rows, card = mixed(tmp_path, recipe | {"duplicates": {"text_on_same_picture": 0.9, "picture_bits": 8}})
    assert {row.id for row in rows} == {"a-0", "a-2"}
    assert "near-duplicate text on the same picture" in card
