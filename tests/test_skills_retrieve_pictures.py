"""`retrieve` by a picture index, on a small random CLIP."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skills import Context, Picture, SkillError
from skills.builtin._picture_index import PictureIndex
from skills.builtin.retrieve import retrieve
from skills.context import Cancel
from skills.errors import Cancelled
from skills.pictures import read_picture
from tests import tiny_models


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def search(clip: Path):  # type: ignore[no-untyped-def]
    return retrieve.using(implementation="clip", checkpoint=str(clip), threshold=-1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures of noise, one of them twice, and what is not searched."""
    folder = tmp_path / "album"
    (folder / "deep").mkdir(parents=True)
    random = np.random.default_rng(0)
    for i in range(12):
        noise = random.integers(0, 255, (20 + i, 40, 3)).astype(np.uint8)
        Image.fromarray(noise).save(folder / ("deep" if i % 2 else "") / f"{i:02}.png")
    (folder / "copy.png").write_bytes((folder / "00.png").read_bytes())
    (folder / ".hidden.png").write_bytes((folder / "02.png").read_bytes())
    (tmp_path / "outside.png").write_bytes(b"secret")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    return folder


def _picture(path: Path) -> Picture:
    return read_picture(path)[0].model_copy(update={"frame": "img_1"})


def _names(made: Any) -> list[str]:
    return [line.text for line in made.values[0].lines]


def test_a_picture_finds_itself_and_what_is_found_is_a_view(search, folder: Path) -> None:  # type: ignore[no-untyped-def]
    made = search(image=_picture(folder / "deep" / "05.png"), k=2, ctx=Context(folder=folder))
    text, *pictures = made.values
    assert text.lines[0].text == "album/deep/05.png"
    assert text.lines[0].score == pytest.approx(1, abs=1e-3)
    assert (len(text), text.untrusted, text.frame, made.note) == (2, True, "", "")
    assert [(found.view, found.frame) for found in pictures] == [(True, ""), (True, "")]
    assert pictures[0].size == (40, 25)
    assert pictures[0].pixels == _picture(folder / "deep" / "05.png").pixels


def test_words_find_pictures_as_the_model_scores_them(search, clip: Path, folder: Path) -> None:  # type: ignore[no-untyped-def]
    import torch
    from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

    made = search("red  cat", k=20, ctx=Context(folder=folder))
    assert len(made.values[0]) == 12, "the copy is one picture"
    assert len(made.values) == 13
    model = CLIPModel.from_pretrained(clip).eval()
    images = [Image.open(folder / name.removeprefix("album/")) for name in _names(made)]
    pixels = CLIPImageProcessorPil.from_pretrained(clip)(images=images, return_tensors="pt")["pixel_values"]
    text = AutoTokenizer.from_pretrained(clip)(["red cat"], return_tensors="pt")
    with torch.inference_mode():
        out = model(pixel_values=pixels, **text)
    cosines = (out.image_embeds @ out.text_embeds[0]).tolist()
    assert cosines == sorted(cosines, reverse=True) or cosines == pytest.approx(sorted(cosines, reverse=True), abs=2e-3)
    found = [line.score for line in made.values[0].lines]
    assert found == pytest.approx([max(0.0, c) for c in cosines], abs=5e-3)


def test_words_and_a_picture_together(search, folder: Path) -> None:  # type: ignore[no-untyped-def]
    picture = _picture(folder / "02.png")
    both = search("dog", picture, ctx=Context(folder=folder)).values[0]
    alone = search(image=picture, ctx=Context(folder=folder)).values[0]
    assert len(both) == 3
    assert [line.score for line in both.lines] != [line.score for line in alone.lines]


def test_nothing_near_enough_is_said_with_the_best_there_was(clip: Path, folder: Path) -> None:
    strict = retrieve.using(implementation="clip", checkpoint=str(clip), threshold=1.1)
    made = strict(image=_picture(folder / "04.png"), ctx=Context(folder=folder))
    assert made.values[0].lines == ()
    assert len(made.values) == 1
    assert made.note == "no picture found at 1.1; best 1.00 'album/04.png'"


def test_passages_stand_before_the_pictures(search, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "notes.md").write_text("# Trip\n\nThe dog swam in the lake.\n")
    made = search("dog", k=2, ctx=Context(folder=folder))
    assert _names(made)[0] == "album/notes.md: Trip: The dog swam in the lake."
    assert len(made.values[0]) == 3
    assert len(made.values) == 3
    without = search.using(passages=False)("dog", k=2, ctx=Context(folder=folder))
    assert without.values[0].lines == made.values[0].lines[1:]


class _Told:
    """Counts the pictures that were embedded, by the steps reported."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, int, str]] = []

    def __call__(self, done: int, total: int, text: str) -> None:
        self.lines.append((done, total, text))


def test_the_index_is_kept_on_disk_by_content(search, folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    told = _Told()
    first = search("cat", ctx=Context(folder=folder, progress=told))
    assert told.lines == [(0, 12, "indexing pictures"), (8, 12, "indexing pictures")]
    (kept,) = (tmp_path / "home" / "index").iterdir()
    assert len(list(kept.glob("*.npy"))) == 2
    assert not list(kept.glob("*.part"))
    (folder / "00.png").rename(folder / "renamed.png")
    told = _Told()
    again = search("cat", ctx=Context(folder=folder, progress=told))
    assert told.lines == [], "a new runtime reads the vectors from disk; a new name is no new content"
    assert [line.score for line in again.values[0].lines] == [line.score for line in first.values[0].lines]
    Image.new("RGB", (30, 30), "red").save(folder / "02.png")
    search("cat", ctx=Context(folder=folder, progress=told))
    assert told.lines == [(0, 1, "indexing pictures")]


def test_a_search_that_was_stopped_goes_on_where_it_was(search, folder: Path) -> None:  # type: ignore[no-untyped-def]
    cancel = Cancel()

    def stop(done: int, total: int, text: str) -> None:
        if done == 8:
            cancel.set()

    with pytest.raises(Cancelled):
        search("cat", ctx=Context(folder=folder, progress=stop, cancel=cancel))
    told = _Told()
    made = search("cat", ctx=Context(folder=folder, progress=told))
    assert told.lines == [(0, 4, "indexing pictures")]
    assert len(made.values[0]) == 3


def test_another_checkpoint_has_an_index_of_its_own(search, folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    search("cat", ctx=Context(folder=folder))
    other = search.using(checkpoint=str(tiny_models.clip(tmp_path / "other", seed=1)))
    told = _Told()
    other("cat", ctx=Context(folder=folder, progress=told))
    assert len(told.lines) == 2
    assert len(list((tmp_path / "home" / "index").iterdir())) == 2


def test_files_that_are_no_pictures_are_left_out_and_said(search, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "broken.png").write_bytes((folder / "02.png").read_bytes()[:300])
    (folder / "words.jpg").write_text("no picture")
    made = search("cat", ctx=Context(folder=folder))
    assert len(made.values[0]) == 3
    assert made.note.startswith(f"2 files were left out: {str(folder / 'broken.png')!r} is damaged or cut short (")


def test_wrong_arguments(search, plain: Picture, folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SkillError) as caught:
        search("  ", ctx=Context(folder=folder))
    assert str(caught.value) == "nothing is asked; give a query in words, a picture or both"
    with pytest.raises(SkillError, match=r"^there is no folder '.*gone' to search; name one with --folder DIR$"):
        search("cat", ctx=Context(folder=tmp_path / "gone"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SkillError) as caught:
        search(image=plain, ctx=Context(folder=tmp_path / "empty"))
    assert str(caught.value) == (
        f"the folder {str(tmp_path / 'empty')!r} holds no picture to search (.png, .jpg, .jpeg, .webp, .tif, .tiff, "
        ".bmp, .gif) and no text about it; name another with --folder DIR"
    )


def test_it_is_unavailable_until_it_is_pulled_and_text_search_is_the_default() -> None:
    assert retrieve.unavailable() == ""
    missing = retrieve.using(implementation="clip").unavailable()
    expected = "checkpoint 'laion/CLIP-ViT-B-32-laion2B-s34B-b79K' is not on this machine; handeye pull retrieve"
    assert missing == expected


def test_what_is_damaged_on_disk_is_made_again(tmp_path: Path) -> None:
    index = PictureIndex(tmp_path / "index")
    index.add(["a" * 64, "b" * 64], np.eye(2, 3, dtype=np.float32))
    index.save()
    (whole,) = (tmp_path / "index").glob("*.npy")
    again = PictureIndex(tmp_path / "index")
    assert again.vectors.keys() == {"a" * 64, "b" * 64}
    assert again.vectors["b" * 64].tolist() == [0, 1, 0]
    whole.write_bytes(whole.read_bytes()[:40])
    (tmp_path / "index" / "files.json").write_text("{")
    assert PictureIndex(tmp_path / "index").vectors == {}
    assert not whole.exists()


def test_a_file_is_read_again_only_once_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    index = PictureIndex(tmp_path / "index")
    first = index.digest(path)
    index.save()
    assert json.loads((tmp_path / "index" / "files.json").read_text())[str(path.resolve())][2] == first
    again = PictureIndex(tmp_path / "index")
    monkeypatch.setattr("skills.builtin._picture_index.file_sha256", lambda _: "read")
    assert again.digest(path) == first
    path.write_bytes(b"other")
    assert again.digest(path) == "read"


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    index = PictureIndex(tmp_path / "file" / "index")
    with pytest.raises(SkillError) as caught:
        index.add(["a" * 64], np.eye(1, 3, dtype=np.float32))
    assert str(caught.value) == (
        f"the picture index cannot be kept in {str(tmp_path / 'file' / 'index')!r}: Not a directory; "
        "set HANDEYE_HOME to another"
    )
