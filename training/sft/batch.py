"""Samples to tensors: a pack in one row whose samples do not see each other, or a padded batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from agent.rendering import Rendering
from skills import InputError
from tool_data.formats.base import Refused

from .rows import Sample

IGNORED = -100
"""The label of a place that is not trained."""


@dataclass(frozen=True)
class Batch:
    """What one forward pass reads."""

    inputs: Mapping[str, Any]
    """The model's own arguments: input_ids (B, T) int64, position_ids, pixel_values ...; of a padded batch the mask."""
    labels: Any
    """(B, K) int64: the token that follows each place of `keep`, IGNORED where it is not trained."""
    keep: Any
    """(K,) int64: the places whose next token is trained in some row; logits are computed for these alone."""
    tokens: int
    """Tokens of the samples, padding not counted."""
    pictures: int
    """Pictures among them."""
    lengths: tuple[int, ...] = ()
    """Tokens of each sample of a pack; empty for a padded batch."""

    def on(self, device: Any) -> "Batch":
        """Return the batch on a device, a pack with the places its samples end at (`attention.attend`)."""
        inputs = {key: value.to(device, non_blocking=True) for key, value in self.inputs.items()}
        if self.lengths:
            inputs["cu_seq_lens_q"] = (0, *accumulate(self.lengths))
        return replace(self, inputs=inputs, labels=self.labels.to(device), keep=self.keep.to(device))


@dataclass(frozen=True)
class Loaded:
    """A sample with its pictures' model inputs."""

    sample: Sample
    """The sample."""
    pictures: tuple[Mapping[str, Any], ...]
    """Model inputs of each picture, as `Rendering.prepare` gives them."""


class Samples:
    """Samples by number, their pictures read when they are asked for: a map-style data set."""

    def __init__(self, samples: Sequence[Sample], rendering: Rendering) -> None:
        """Use a checkpoint's rendering."""
        self._samples = samples
        self._rendering = rendering

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._samples)

    def __getitem__(self, number: int) -> Loaded:
        """Return one sample; raises InputError where a picture has gone since it was counted."""
        sample = self._samples[number]
        prepare = self._rendering.prepare
        try:
            return Loaded(sample, tuple(prepare(s.place.picture(s.name, s.record))[1] for s in sample.pictures))
        except Refused as gone:
            raise InputError(f"row {sample.row!r}: {gone}; put it back and go on with --resume") from None


def pack(loaded: Sequence[Loaded]) -> Batch:
    """Return samples as one row: each sees itself alone (`attention`), its position_ids (1, T) begin anew."""
    import torch

    lengths = [len(item.sample.ids) for item in loaded]
    inputs = {
        "input_ids": torch.cat([_ids(item) for item in loaded])[None],
        "position_ids": torch.cat([torch.arange(length) for length in lengths])[None],
    }
    batch = _batch(loaded, inputs, torch.cat([_labels(item) for item in loaded])[None])
    return replace(batch, lengths=tuple(lengths))


def pad(loaded: Sequence[Loaded], filler: int) -> Batch:
    """Return samples as rows, padded at their ends with the token `filler`; attention_mask is (B, T) int64."""
    import torch

    def rows(values: Sequence[Any], fill: int) -> Any:
        return torch.nn.utils.rnn.pad_sequence(list(values), batch_first=True, padding_value=fill)

    ids = [_ids(item) for item in loaded]
    mask = rows([torch.ones_like(row) for row in ids], 0)
    inputs = {"input_ids": rows(ids, filler), "attention_mask": mask}
    return _batch(loaded, inputs, rows([_labels(item) for item in loaded], IGNORED))


def _batch(loaded: Sequence[Loaded], inputs: dict[str, Any], following: Any) -> Batch:
    pictures = [picture for item in loaded for picture in item.pictures]
    inputs |= {key: _stacked([picture[key] for picture in pictures]) for key in (pictures[0] if pictures else ())}
    keep = (following != IGNORED).any(0).nonzero().flatten()
    tokens = sum(len(item.sample.ids) for item in loaded)
    return Batch(inputs, following[:, keep], keep, tokens, len(pictures))


def _stacked(parts: Sequence[Any]) -> Any:
    """Return the inputs of several pictures along their first axis; where a picture has fewer tiles, zeros follow."""
    import torch

    most = max((part.shape[1] for part in parts if part.dim() > 1), default=0)
    tiled = parts[0].dim() == 5
    return torch.cat(
        [torch.cat((p, p.new_zeros(1, most - p.shape[1], *p.shape[2:])), 1) if tiled else p for p in parts]
    )


def _ids(item: Loaded) -> Any:
    import torch

    return torch.from_numpy(item.sample.ids).long()


def _labels(item: Loaded) -> Any:
    """Return (T,) the token after each place, IGNORED where it is not trained and at the last place."""
    import torch

    ids, targets = _ids(item), torch.from_numpy(item.sample.targets)
    following = torch.full_like(ids, IGNORED)
    following[:-1] = torch.where(targets[1:], ids[1:], IGNORED)
    return following
