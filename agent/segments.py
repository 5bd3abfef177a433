"""A rendered trace before tokenising: who wrote each piece decides how it is encoded and whether it is trained.

Only the template's own markup may become control tokens; what a user typed or a picture said is plain text.
"""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Segment:
    """One piece of a rendered trace."""

    text: str
    """The characters; for a picture, empty."""
    markup: bool = False
    """True where the template wrote it: special tokens in it are real."""
    target: bool = False
    """True where the planner wrote it: the tokens training learns to predict."""
    image: str = ""
    """Id of the picture that stands here, or empty."""


@dataclass(frozen=True)
class Encoded:
    """A rendered trace as tokens."""

    ids: tuple[int, ...]
    """Token ids; every picture is a run of the image token."""
    targets: tuple[bool, ...]
    """True for each token the planner wrote."""
    images: tuple[tuple[int, str], ...]
    """(position of a picture's first token in `ids`, picture id), in order."""


def encode(
    segments: Sequence[Segment],
    tokenizer: Any,
    image_token_id: int,
    image_tokens: Callable[[str], int],
) -> Encoded:
    """Encode segment by segment; `image_tokens` says how many tokens a picture takes.

    Neighbouring segments of one kind are joined before encoding, so a word is never split at a seam; between what the
    planner wrote and what it did not, it is split only where a token would hold some of both.
    """
    ids: list[int] = []
    targets: list[bool] = []
    images: list[tuple[int, str]] = []
    for run in _runs(segments):
        if run[0].image:
            images.append((len(ids), run[0].image))
            pieces = [([image_token_id] * image_tokens(run[0].image), run[0].target)]
        else:
            pieces = _pieces(run, tokenizer)
        for new, target in pieces:
            ids.extend(new)
            targets.extend([target] * len(new))
    return Encoded(tuple(ids), tuple(targets), tuple(images))


def encode_text(text: str, tokenizer: Any, *, markup: bool) -> list[int]:
    """Encode one piece of text; with `markup` False no control token can come of it."""
    if not text:
        return []
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=not markup).input_ids
    if markup:
        return ids
    added = _plain_added(tokenizer)
    if added.keys().isdisjoint(ids):
        return ids
    spelled = "|".join(re.escape(added[number]) for number in set(ids) & added.keys())
    pieces = re.split(f"({spelled})", text)
    if len(pieces) == 1:
        return [number for number in ids if number not in added]
    parts = [part for i, piece in enumerate(pieces) for part in ((piece[0], piece[1:]) if i % 2 else (piece,))]
    return [number for part in parts for number in encode_text(part, tokenizer, markup=False)]


@functools.lru_cache(maxsize=8)
def _plain_added(tokenizer: Any) -> dict[int, str]:
    """Return the added tokens that `split_special_tokens` does not split ("<tool_call>" is often not special)."""
    added = tokenizer.added_tokens_decoder.items()
    return {number: token.content for number, token in added if not token.special and len(token.content) > 1}


def _runs(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return neighbours that are encoded together: pictures alone, text of one kind, joined where one side wrote it."""
    runs: list[list[Segment]] = []
    for segment in segments:
        last = runs[-1][-1] if runs else None
        if last is None or last.image or segment.image or last.markup != segment.markup:
            runs.append([segment])
        elif last.target == segment.target:
            runs[-1][-1] = Segment(last.text + segment.text, segment.markup, segment.target)
        else:
            runs[-1].append(segment)
    return runs


def _pieces(run: Sequence[Segment], tokenizer: Any) -> list[tuple[list[int], bool]]:
    """Return (tokens, whether the planner wrote them) of a run of text of one kind.

    The tokens are those of the whole run as long as what precedes a seam, read alone, has the same ones: a prompt that
    ends there is then a prefix of the whole. Where it has others, the run is split.
    """
    whole = encode_text("".join(part.text for part in run), tokenizer, markup=run[0].markup)
    pieces: list[tuple[list[int], bool]] = []
    done, read = 0, ""
    for number, part in enumerate(run, start=1):
        read += part.text
        until = whole if number == len(run) else encode_text(read, tokenizer, markup=part.markup)
        if whole[: len(until)] != until:
            return [*_pieces(run[:number], tokenizer), *_pieces(run[number:], tokenizer)]
        pieces.append((until[done:], part.target))
        done = len(until)
    return pieces
