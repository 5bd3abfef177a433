"""The embedded planner's tokeniser: byte-level BPE trained on generated rows, one token for each control token."""

from collections.abc import Iterable
from typing import Any

from agent.slots import special_tokens


def train_tokenizer(texts: Iterable[str], size: int) -> Any:
    """Train a tokeniser of `size` tokens, control tokens included, and return a PreTrainedTokenizerFast.

    Digits stand alone. Text encoded with `split_special_tokens=True` gives no control token.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokens = special_tokens()
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in tokens],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<end>",
        unk_token="<unk>",
        extra_special_tokens={"image_token": "<image>"},
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )


class Cached:
    """A tokeniser that remembers what it encoded; rows repeat most of their segments."""

    def __init__(self, tokenizer: Any, most: int = 200_000) -> None:
        """Wrap `tokenizer`; at most `most` texts are remembered."""
        self.tokenizer = tokenizer
        self.most = most
        self._ids: dict[tuple[str, bool], list[int]] = {}

    def __call__(self, text: str, *, add_special_tokens: bool, split_special_tokens: bool) -> "Cached.Ids":
        """Return the ids of `text`, as the tokeniser itself would give them."""
        key = (text, split_special_tokens)
        ids = self._ids.get(key)
        if ids is None:
            encoded = self.tokenizer(
                text, add_special_tokens=add_special_tokens, split_special_tokens=split_special_tokens
            )
            ids = encoded.input_ids
            if len(self._ids) < self.most:
                self._ids[key] = ids
        return Cached.Ids(ids)

    @property
    def added_tokens_decoder(self) -> Any:
        """The tokeniser's added tokens by id."""
        return self.tokenizer.added_tokens_decoder

    class Ids:
        """Token ids under the name the tokeniser's own result has."""

        def __init__(self, input_ids: list[int]) -> None:
            self.input_ids = input_ids
            """The ids."""
