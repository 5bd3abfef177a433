"""Where checkpoints lie: the hub's cache, a URL's file, a folder; what counts as complete; pinned hashes."""

import json
from pathlib import Path

import pytest
import torch

from skills import Checkpoint, InputError, Weights
from skills.builtin._pretrained import original_state
from skills.checkpoint import check_sha256, disk_bytes, file_sha256, is_complete, url_path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub" / "models--org--name"


def _snapshot(cache: Path, commit: str = COMMIT) -> Path:
    folder = cache / "snapshots" / commit
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"1234")
    return folder


def test_a_hub_id_is_found_by_branch_and_by_commit(cache: Path) -> None:
    assert Checkpoint("org/name").path() is None
    folder = _snapshot(cache)
    assert Checkpoint("org/name").path() is None
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(COMMIT)
    assert Checkpoint("org/name").path() == folder
    assert Checkpoint("org/name", revision=COMMIT).path() == folder
    assert Checkpoint("org/name", revision="v2").path() is None


def test_only_a_commit_or_a_hash_pins() -> None:
    url = "https://example.org/a/model.onnx"
    assert not Checkpoint("org/name").pinned
    assert Checkpoint("org/name", revision=COMMIT).pinned
    assert not Checkpoint(url).pinned
    assert Checkpoint(url, sha256={"model.onnx": "ab"}).pinned


def test_a_url_is_kept_by_its_hash() -> None:
    url = "https://example.org/a/model.onnx"
    one, other = (Checkpoint(url, sha256={"model.onnx": mark * 64}) for mark in "ab")
    assert one.path() is None
    url_path(one).parent.mkdir(parents=True)
    url_path(one).write_bytes(b"1")
    assert one.path() == url_path(one)
    assert url_path(one).name == "model.onnx"
    assert other.path() is None


def test_a_folder_is_complete_with_every_shard_and_part(tmp_path: Path) -> None:
    assert not is_complete(tmp_path)
    (tmp_path / "one.safetensors").write_bytes(b"123")
    assert Checkpoint(str(tmp_path)).path() == tmp_path
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    assert not is_complete(tmp_path)
    (tmp_path / "two.safetensors").write_bytes(b"12")
    assert is_complete(tmp_path)
    pipeline = {"_class_name": "P", "unet": ["diffusers", "UNet"], "safety_checker": [None, None]}
    (tmp_path / "model_index.json").write_text(json.dumps(pipeline))
    assert Checkpoint(str(tmp_path)).path() is None
    (tmp_path / "unet").mkdir()
    assert is_complete(tmp_path)
    (tmp_path / "one.bin").write_bytes(b"12345678")
    assert disk_bytes(tmp_path) == 5


def test_another_hash_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    file.write_bytes(b"123")
    check_sha256(file, file_sha256(file))
    with pytest.raises(InputError) as caught:
        check_sha256(file, "0" * 64)
    found = "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3"
    assert str(caught.value) == (
        f"'model.pth' has the SHA-256 {found}, expected {'0' * 64}; "
        "fetch it again, or correct the hash if you trust the file"
    )


def test_an_original_file_needs_a_pinned_hash_and_may_hold_only_tensors(tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    torch.save({"a": torch.ones(2)}, file)
    mark = file_sha256(file)
    assert torch.equal(original_state(Weights(file, "cpu", "float32", {}, {"model.pth": mark}))["a"], torch.ones(2))
    with pytest.raises(InputError) as caught:
        original_state(Weights(file, "cpu", "float32"))
    assert str(caught.value) == (
        f"'model.pth' has no pinned hash; if you trust it, set sha256 = \"{mark}\" in the profile"
    )
    torch.save({"a": Path("x")}, file)
    with pytest.raises(Exception, match="weights_only"):
        original_state(Weights(file, "cpu", "float32", {}, {"model.pth": file_sha256(file)}))
