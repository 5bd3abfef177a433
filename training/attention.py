"""Attention supervision: where the last layer's first two heads should look when the planner copies a token.

Used in training only; the shipped model is a plain Llama. `copies` says which places are meant.
"""

from typing import Any

from .forward import Seen
from .model import HEAD

HEADS = 2
"""Heads of the last layer that are supervised."""


class Supervisor:
    """Takes the last layer's inputs from a hook and measures where its first heads look."""

    def __init__(self, llama: Any) -> None:
        """Put a hook on the last layer of a LlamaModel."""
        self._attention = llama.layers[-1].self_attn
        self._seen: dict[str, Any] = {}
        self._attention.register_forward_pre_hook(self._keep, with_kwargs=True)

    def _keep(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._seen = kwargs

    def losses(self, seen: Seen, pairs: Any) -> Any:
        """Return -log of the attention on the right places (HEADS, M); call it right after `read_chats`.

        `pairs` is (M, 3) int64: chat, predicting place in it, place to look at in offer and chat.
        """
        import torch
        from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

        hidden = self._seen["hidden_states"]
        cos, sin = self._seen["position_embeddings"]
        rows = slice(0, HEADS * HEAD)
        told = self._attention.q_proj
        query = torch.nn.functional.linear(hidden, told.weight[rows], told.bias[rows])
        query = query.view(*hidden.shape[:2], HEADS, HEAD).transpose(1, 2)
        query, _ = apply_rotary_pos_emb(query, query, cos, sin)
        scores = query @ seen.keys[:, :HEADS].transpose(2, 3) / HEAD**0.5
        chat, predicting, place = pairs.T
        mine = scores.transpose(0, 1)[:, chat, predicting].masked_fill(~seen.visible[chat, predicting], float("-inf"))
        each = torch.nn.functional.cross_entropy(mine.flatten(0, 1), place.repeat(HEADS), reduction="none")
        return each.view(HEADS, -1)
