"""Pictures of a folder by words or by a picture, beside the passages of its text files, with CLIP."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..checkpoint import Checkpoint, home
from ..context import Context
from ..errors import InputError, SkillError
from ..implementation import Implementation
from ..pictures import read_picture
from ..spec import SkillResult
from ..values import Line, Picture, Text
from ._clip import load, vectors, wanted
from ._folder import files_of, place
from ._picture_index import PictureIndex
from ._retrieve_bm25 import passages, text_files, words_of

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""The kinds of picture file that are searched."""

LARGEST = 100_000_000
"""Bytes of the largest file that is searched."""

BATCH = 8
"""Pictures that are read, pass the model and are kept together."""


def _search(query: str | None, image: Picture | None, k: int, ctx: Context) -> SkillResult:
    """Return Text, passages first, then the names of the pictures; and the pictures, as views in that order."""
    asked = (query or "").strip()
    if not asked and image is None:
        raise SkillError("nothing is asked; give a query in words, a picture or both")
    files = files_of(ctx.folder, SUFFIXES, LARGEST)
    lines = _passages(asked, k, ctx)
    if not files and not lines:
        kinds = ", ".join(SUFFIXES)
        raise SkillError(
            f"the folder {str(ctx.folder)!r} holds no picture to search ({kinds}) and no text about it; "
            "name another with --folder DIR"
        )
    found, notes = _pictures(files, asked, image, k, ctx)
    named = tuple(Line(text=name, score=score) for name, score, _ in found)
    text = Text(lines=(*lines, *named), untrusted=True)
    return SkillResult(values=(text, *(picture for _, _, picture in found)), note="; ".join(notes))


def _passages(asked: str, k: int, ctx: Context) -> tuple[Line, ...]:
    words = words_of(asked) if ctx.setting("passages") else []
    files = text_files(ctx.folder) if words else []
    return passages(files, words, k, ctx) if files else ()


def _pictures(
    files: Sequence[Path], asked: str, image: Picture | None, k: int, ctx: Context
) -> tuple[list[tuple[str, float, Picture]], list[str]]:
    """Return (name, score, view) of the `k` pictures nearest to words and picture, and what must be said of it."""
    if not files:
        return [], []
    folder = home() / "index" / f"clip-{ctx.infer(lambda clip: clip.mark)}"
    index = ctx.model(f"picture index:{folder}", lambda: PictureIndex(folder))
    paths, notes = _indexed(index, files, ctx)
    if not paths:
        return [], notes
    aim = ctx.infer(lambda clip: wanted(clip, asked, image))
    cosines = np.stack([index.vectors[digest] for digest in paths]) @ aim  # (N,)
    places = list(paths.values())
    order = [int(i) for i in np.argsort(-cosines, kind="stable")]
    least = ctx.setting("threshold")
    kept = [i for i in order[:k] if cosines[i] >= least]
    if not kept:
        nearest = place(ctx.folder, places[order[0]])
        notes.insert(0, f"no picture found at {least:g}; best {cosines[order[0]]:.2f} {nearest!r}")
    found = []
    for i in kept:
        score = round(min(1.0, max(0.0, float(cosines[i]))), 4)
        try:
            view = read_picture(places[i])[0].model_copy(update={"view": True})
        except InputError as error:  # indexed before, and gone since it was listed
            notes.append(f"a picture was left out: {error}")
            continue
        found.append((place(ctx.folder, places[i]), score, view))
    return found, notes


def _indexed(index: PictureIndex, files: Sequence[Path], ctx: Context) -> tuple[dict[str, Path], list[str]]:
    """Return content hash -> file of every picture that can be read, all of them in the index; and what cannot."""
    unread: list[str] = []
    paths: dict[str, Path] = {}
    try:
        for path in files:
            ctx.cancel.check()
            try:
                paths.setdefault(index.digest(path), path)
            except OSError as error:
                unread.append(f"{str(path)!r} cannot be read: {error.strerror}")
        missing = [(digest, path) for digest, path in paths.items() if digest not in index.vectors]
        for start in range(0, len(missing), BATCH):
            ctx.progress(start, len(missing), "indexing pictures")
            unread += _made(index, missing[start : start + BATCH], ctx)
    finally:
        index.save()
    known = {digest: path for digest, path in paths.items() if digest in index.vectors}
    return known, [f"{len(unread)} files were left out: {unread[0]}"] if unread else []


def _made(index: PictureIndex, batch: Sequence[tuple[str, Path]], ctx: Context) -> list[str]:
    """Put a batch of pictures into the index; return why some could not be read."""
    unread, digests, pictures = [], [], []
    for digest, path in batch:
        ctx.cancel.check()
        try:
            pictures.append(read_picture(path)[0])
            digests.append(digest)
        except InputError as error:
            unread.append(str(error))
    if pictures:
        index.add(digests, ctx.infer(lambda clip: vectors(clip, pictures)))
    return unread


CLIP = Implementation(
    name="clip",
    run=_search,
    load=load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint(
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        licence="MIT",
        size=605_000_000,
        files=("model.safetensors", "*.json", "*.txt"),
    ),
    settings={"threshold": 0.2, "passages": True},
)
"""`threshold`: cosine (-1 to 1) from which a picture counts; words and a picture that fit have about 0.3. `passages`:
whether the text files are searched beside the pictures."""
