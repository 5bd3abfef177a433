"""The embedded detector's tokeniser: WordPiece over the names it is taught, with BERT's marks at BERT's ids.

transformers' Grounding DINO holds the ids of "[CLS]", "[SEP]", "." and "?" in its code: they part the phrases.
"""

from collections.abc import Iterable, Mapping
from typing import Any

MARKS: Mapping[int, str] = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
"""Tokens that must lie where BERT has them."""

LEAST = max(MARKS) + 1
"""Fewest tokens that hold every mark."""


def train_tokenizer(texts: Iterable[str], size: int = 2000) -> Any:
    """Train at most `size` tokens on texts in any case and return a BertTokenizer; letters are always known.

    Places that no token takes up to the last mark are filled with "[unused7]" and the like.
    """
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizer

    raw = BertWordPieceTokenizer()
    raw.train_from_iterator(texts, vocab_size=size - len(MARKS), min_frequency=1, show_progress=False)
    learnt = [token for token, _ in sorted(raw.get_vocab().items(), key=lambda item: item[1])]
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = dict.fromkeys([*letters, *(f"##{letter}" for letter in letters), *learnt])
    waiting = [token for token in tokens if token not in MARKS.values()]
    placed: list[str] = []
    while waiting or len(placed) < LEAST:
        place = len(placed)
        placed.append(MARKS.get(place) or (waiting.pop(0) if waiting else f"[unused{place}]"))
    return BertTokenizer(vocab={token: place for place, token in enumerate(placed)}, model_max_length=256)
