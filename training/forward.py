"""The forward pass: an offer read once, then its chats behind the kept keys and values, each blind to the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .encode import Chats, Group


@dataclass(frozen=True)
class Prefix:
    """An offer that was read."""

    hidden: Any
    """(1, P, width) float32: its last hidden states."""
    layers: tuple[tuple[Any, Any], ...]
    """Keys and values of each layer, (1, heads, P, HEAD) float32; gradients flow back through them."""


@dataclass(frozen=True)
class Seen:
    """A chunk of chats that was read."""

    hidden: Any
    """(N, C, width) float32: last hidden states."""
    keys: Any
    """(N, heads, P + C, HEAD) float32: the last layer's keys, turned to their positions, the offer's first."""
    visible: Any
    """(N, C, P + C) bool: which places (last axis) each token sees."""


def read_offer(model: Any, group: Group) -> Prefix:
    """Read an offer once for all its chats."""
    from transformers import DynamicCache

    llama = model.model.language_model
    cache: Any = DynamicCache()
    seen = llama(input_ids=group.offer, past_key_values=cache, use_cache=True)
    return Prefix(seen.last_hidden_state, tuple((layer.keys, layer.values) for layer in cache.layers))


def read_chats(model: Any, prefix: Prefix, chats: Chats, pixels: Mapping[str, Any]) -> Seen:
    """Read a chunk of chats behind their offer; `pixels` is SHA-256 -> (3, side, side) float32."""
    import torch
    from transformers import DynamicCache

    embedded = _embedded(model, chats, pixels)
    cache: Any = DynamicCache()
    for number, parts in enumerate(prefix.layers):
        cache.update(*(part.expand(len(chats.ids), -1, -1, -1) for part in parts), number)
    visible = _visible(chats, prefix.hidden.shape[1])
    mask = torch.zeros(visible.shape).masked_fill_(~visible, -1e9).unsqueeze(1)
    seen = model.model.language_model(
        inputs_embeds=embedded,
        attention_mask=mask,
        position_ids=chats.positions,
        past_key_values=cache,
        use_cache=True,
    )
    return Seen(seen.last_hidden_state, cache.layers[-1].keys, visible)


def _visible(chats: Chats, before: int) -> Any:
    import torch

    count, length = chats.ids.shape
    own = torch.ones(length, length, dtype=torch.bool).tril().expand(count, -1, -1)
    offer = torch.ones(count, length, before, dtype=torch.bool)
    return torch.cat((offer, own), dim=-1)


def _embedded(model: Any, chats: Chats, pixels: Mapping[str, Any]) -> Any:
    """Return the tokens' embeddings (N, C, width), pictures in their places."""
    llava = model.model
    embedded = llava.get_input_embeddings()(chats.ids)
    if not chats.pictures:
        return embedded
    pictures, order = _stacked(pixels, chats.pictures)
    tower = llava.vision_tower(pictures).last_hidden_state[:, 1:]
    features = llava.multi_modal_projector(tower)[order].reshape(-1, embedded.shape[-1])
    where = (chats.ids == model.config.image_token_id).unsqueeze(-1).expand_as(embedded)
    return embedded.masked_scatter(where, features)


def _stacked(table: Mapping[str, Any], digests: Sequence[str]) -> tuple[Any, Any]:
    """Return (distinct pictures (N, 3, side, side), for each digest its index among them (M,))."""
    import torch

    distinct = list(dict.fromkeys(digests))
    index = {digest: n for n, digest in enumerate(distinct)}
    pictures = torch.stack([table[digest] for digest in distinct])
    return pictures, torch.tensor([index[digest] for digest in digests])
