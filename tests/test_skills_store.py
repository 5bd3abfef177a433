"""The store and the table: content-addressed payloads, ids that are never reused."""

import hashlib
import threading
from pathlib import Path

import pytest

from skills import Boxes, Line, Number, Picture, Text
from skills.store import KEEP, Artifact, Artifacts, Store
from skills.values import value_bytes
from tests.probes import picture, table


def test_a_payload_lies_under_its_own_hash(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    value = Text.of("é")
    digest = store.put(value)
    assert digest == hashlib.sha256(value_bytes(value)).hexdigest() == store.put(value)
    assert [path.name for path in (tmp_path / "store").iterdir()] == [digest]
    assert store.payload(digest) == value_bytes(value)


def test_values_come_back_from_disk_as_they_were(tmp_path: Path, plain: Picture) -> None:
    values = [
        plain,
        plain.model_copy(update={"view": True}),
        picture(grey=9).model_copy(update={"frame": "img_3", "made": "made from 'é': seed 7"}),
        Text(lines=(Line(text="a", box=(0, 0, 1, 1)),), frame="img_1"),
    ]
    first = Artifacts(Store(tmp_path))
    ids = [first.add(value) for value in values]
    again = Artifacts(Store(tmp_path), first.records)
    assert [again.value(name) for name in ids] == values
    assert len(list(tmp_path.iterdir())) == 3


def test_missing_and_damaged_payloads_say_so(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.put(Number(value=1))
    store.path(digest).write_bytes(b"{}")
    with pytest.raises(KeyError, match=f"payload {digest} in '.*' is damaged"):
        store.payload(digest)
    with pytest.raises(KeyError, match="payload abc is missing from"):
        store.payload("abc")


def test_ids_count_from_one_for_each_kind_and_are_never_reused() -> None:
    artifacts = table(picture(), Boxes(), picture(), Number(value=1), Boxes())
    assert artifacts.ids() == ("img_1", "boxes_1", "img_2", "num_1", "boxes_2")
    gap = Artifacts(artifacts.store, {"boxes_7": artifacts.record("boxes_1")})
    assert gap.add(Boxes()) == "boxes_8"


def test_a_picture_without_a_frame_starts_its_own() -> None:
    artifacts = table(picture())
    artifacts.add(picture(grey=2).model_copy(update={"frame": "img_1"}), "call_1")
    records = artifacts.records
    assert [(r.frame, r.source, r.size, r.media_type) for r in records.values()] == [
        ("img_1", "user", (40, 20), "image/png"),
        ("img_1", "call_1", (40, 20), "image/png"),
    ]
    records.clear()
    assert len(artifacts.ids()) == 2


def test_the_newest_picture_is_no_view_and_may_be_asked_for_by_frame() -> None:
    artifacts = table(picture(), picture())
    artifacts.add(picture().model_copy(update={"frame": "img_1", "view": True}))
    assert (artifacts.newest_picture(), artifacts.newest_picture("img_1")) == ("img_2", "img_1")
    assert artifacts.newest_picture("img_9") is None
    assert table().newest_picture() is None


def test_a_lookup_of_nothing_is_a_key_error() -> None:
    artifacts = table(Number(value=1))
    assert "num_1" in artifacts
    with pytest.raises(KeyError, match="'num_1' is no picture"):
        artifacts.picture("num_1")
    with pytest.raises(KeyError):
        artifacts.value("img_1")


def test_more_values_than_are_kept_in_memory_are_still_there() -> None:
    artifacts = table(*(Number(value=n) for n in range(KEEP + 9)))
    assert artifacts.value("num_1") == Number(value=0)
    assert artifacts.value(f"num_{KEEP + 9}") == Number(value=KEEP + 8)


def test_many_threads_may_write_one_payload(tmp_path: Path) -> None:
    store = Store(tmp_path)
    threads = [threading.Thread(target=store.put, args=(Text.of("x" * 10_000),)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_stranger_wrote_is_marked() -> None:
    record = table(Text.of("x", untrusted=True)).record("text_1")
    assert record.untrusted
    assert Artifact.model_validate_json(record.model_dump_json()) == record
