"""The forward pass over packed rows: pictures into their places, each chat blind to the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from .encode import Batch


def hidden_states(model: Any, batch: Batch, pixels: Mapping[str, Any]) -> Any:
    """Return the last hidden states (B, T, width), float32; `pixels` is SHA-256 -> (3, side, side)."""
    import torch

    llava = model.model
    embedded = llava.get_input_embeddings()(batch.ids)
    if batch.pictures:
        pictures, order = _stacked(pixels, batch.pictures)
        tower = llava.vision_tower(pictures).last_hidden_state[:, 1:]
        features = llava.multi_modal_projector(tower)[order].reshape(-1, embedded.shape[-1])
        where = (batch.ids == model.config.image_token_id).unsqueeze(-1).expand_as(embedded)
        embedded = embedded.masked_scatter(where, features)
    mask = torch.zeros(batch.visible.shape).masked_fill_(~batch.visible, -1e9).unsqueeze(1)
    seen = llava.language_model(
        inputs_embeds=embedded, attention_mask=mask, position_ids=batch.positions, use_cache=False
    )
    return seen.last_hidden_state


def _stacked(table: Mapping[str, Any], digests: Sequence[str]) -> tuple[Any, Any]:
    """Return (distinct pictures (N, 3, side, side), for each digest its index among them (M,))."""
    import torch

    distinct = list(dict.fromkeys(digests))
    index = {digest: n for n, digest in enumerate(distinct)}
    pictures = torch.stack([table[digest] for digest in distinct])
    return pictures, torch.tensor([index[digest] for digest in digests])
