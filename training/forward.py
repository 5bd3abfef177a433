"""The forward pass of training: an offer read once, then its chats behind its keys and values, blind to each other.

The weights are those of the transformers model; the arithmetic is the same as its own (a test compares them), arranged
so that the offer's keys are multiplied with all chats at once, in bfloat16 where the processor has units for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .encode import Chats, Group
from .model import HEAD

NOWHERE = -1e4
"""Score of a place that is not seen."""


@dataclass(frozen=True)
class Layer:
    """The weights of one Llama layer, in the dtype of the matrix products."""

    qkv: Any
    """(3 width, width)."""
    bias: Any
    """(3 width,)."""
    out: Any
    """(width, width)."""
    gate_up: Any
    """(2 inner, width)."""
    down: Any
    """(width, inner)."""
    norms: tuple[Any, Any]
    """(width,) float32 each: before the attention and before the MLP."""


@dataclass(frozen=True)
class Look:
    """Where attention was asked about: scores (M, places) float32 of some rows, and the right place of each (M,)."""

    scores: Any
    """(M, P + C) float32, before the softmax; places that are not seen have about `NOWHERE`."""
    places: Any
    """(M,) int64."""


@dataclass(frozen=True)
class Seen:
    """An offer or a chunk of chats that was read."""

    hidden: Any
    """(N, C, width) float32: last hidden states."""
    layers: tuple[tuple[Any, Any], ...]
    """Keys and values of each layer, (heads, N * C, HEAD)."""
    looks: Mapping[str, Look]
    """Kind of supervision -> where its heads look."""


class Reader:
    """Reads offers and chats with a model's weights as they are when it is made; gradients flow back to them."""

    def __init__(self, model: Any, dtype: Any) -> None:
        """Cast the weights of a LlavaForConditionalGeneration to `dtype` once."""
        import torch

        self.model, self.dtype = model, dtype
        self.llama = model.model.language_model
        self.layers = tuple(_layer(layer, dtype) for layer in self.llama.layers)
        self.epsilon = self.llama.config.rms_norm_eps
        self.device = self.llama.embed_tokens.weight.device
        where = torch.arange(self.llama.config.max_position_embeddings, device=self.device).float()
        angles = torch.outer(where, self.llama.rotary_emb.inv_freq.float()).repeat(1, 2)
        self.turn = (angles.cos().to(dtype), angles.sin().to(dtype))

    def offer(self, group: Group) -> Seen:
        """Read an offer once for all its chats."""
        import torch

        embedded = self.llama.embed_tokens(group.offer)
        positions = torch.arange(group.offer.shape[1], device=self.device)[None]
        return self._read(embedded, positions, None, {"own": group.own})

    def chats(self, prefix: Seen, chats: Chats, pixels: Mapping[str, Any]) -> Seen:
        """Read a chunk of chats behind their offer; `pixels` is SHA-256 -> (3, side, side) float32."""
        embedded = self._embedded(chats, pixels)
        asked = {"copy": chats.pairs, "match": chats.matches, "vote": chats.votes}
        return self._read(embedded, chats.positions, prefix, asked)

    def _embedded(self, chats: Chats, pixels: Mapping[str, Any]) -> Any:
        """Return the tokens' embeddings (N, C, width), pictures in their places."""
        embedded = self.llama.embed_tokens(chats.ids)
        if not chats.pictures:
            return embedded
        llava = self.model.model
        pictures, order = _stacked(pixels, chats.pictures)
        tower = llava.vision_tower(pictures).last_hidden_state[:, 1:]
        features = llava.multi_modal_projector(tower)[order].reshape(-1, embedded.shape[-1])
        where = (chats.ids == self.model.config.image_token_id).unsqueeze(-1).expand_as(embedded)
        return embedded.masked_scatter(where, features)

    def _read(self, hidden: Any, positions: Any, prefix: Seen | None, asked: Mapping[str, Any]) -> Seen:
        import torch

        turn = tuple(table[positions].unsqueeze(2) for table in self.turn)
        kept, looks = [], {}
        for number, layer in enumerate(self.layers):
            before = prefix.layers[number] if prefix is not None else None
            wanted = {kind: pairs for kind, pairs in asked.items() if supervised(kind, len(self.layers))[0] == number}
            seen, pair, found = self._attend(layer, self._normed(hidden, layer.norms[0]), turn, before, wanted)
            looks.update(found)
            kept.append(pair)
            hidden = hidden + seen
            both = torch.nn.functional.linear(self._normed(hidden, layer.norms[1]), layer.gate_up)
            gate, up = both.chunk(2, dim=-1)
            hidden = hidden + torch.nn.functional.linear(torch.nn.functional.silu(gate) * up, layer.down)
        return Seen(self._final(hidden), tuple(kept), looks)

    def _normed(self, hidden: Any, weight: Any) -> Any:
        import torch

        return torch.nn.functional.rms_norm(hidden, weight.shape, weight, self.epsilon).to(self.dtype)

    def _final(self, hidden: Any) -> Any:
        import torch

        weight = self.llama.norm.weight
        return torch.nn.functional.rms_norm(hidden, weight.shape, weight, self.epsilon)

    def _attend(
        self, layer: Layer, normed: Any, turn: Any, before: tuple[Any, Any] | None, wanted: Mapping[str, Any]
    ) -> tuple[Any, tuple[Any, Any], dict[str, Look]]:
        """Return what a layer's attention writes (N, C, width), its keys and values, and the looks asked for."""
        import torch

        count, length, width = normed.shape
        heads = width // HEAD
        three = torch.nn.functional.linear(normed, layer.qkv, layer.bias).view(count, length, 3 * heads, HEAD)
        turned = _turned(three[:, :, : 2 * heads], *turn)
        query, key = (part.permute(2, 0, 1, 3) for part in (turned[:, :, :heads] * HEAD**-0.5, turned[:, :, heads:]))
        value = three[:, :, 2 * heads :].permute(2, 0, 1, 3)
        future = torch.ones(length, length, dtype=torch.bool, device=self.device).triu(1)
        scores = (query @ key.transpose(2, 3)).masked_fill(future, NOWHERE)
        flat = query.reshape(heads, count * length, HEAD)
        if before is not None:
            earlier = (flat @ before[0].transpose(1, 2)).view(heads, count, length, -1)
            scores = torch.cat((earlier, scores), dim=-1)
        shares = scores.softmax(-1)
        own = shares[..., -length:] @ value
        if before is not None:
            earlier = shares[..., :-length].reshape(heads, count * length, -1) @ before[1]
            own = own + earlier.view(own.shape)
        written = torch.nn.functional.linear(own.permute(1, 2, 0, 3).reshape(count, length, width), layer.out)
        pair = (key.reshape(heads, -1, HEAD), value.reshape(heads, -1, HEAD))
        looks = {k: _look(scores, pairs, supervised(k, len(self.layers))[1]) for k, pairs in wanted.items()}
        return written, pair, looks


def supervised(kind: str, layers: int) -> tuple[int, slice]:
    """Return the layer and the heads whose attention is supervised.

    "own": a word of the offer looks at the slot its line begins with; "match": a word of a request looks at the same
    word of the offer's line that is called for it, and so learns whose it is; "vote": where a skill is called, the
    words that matched are looked at; "copy": a token of the planner looks at what it copies, a slot at its line's end.
    """
    last = layers - 1
    return {
        "own": (0, slice(-1, None)),
        "match": (1, slice(-2, None)),
        "vote": (last - 1, slice(0, 2)),
        "copy": (last, slice(0, 2)),
    }[kind]


def _look(scores: Any, pairs: Any, heads: slice) -> Look:
    row, place, target = pairs.T
    found = scores[heads, row, place].float()
    return Look(found.flatten(0, 1), target.repeat(found.shape[0]))


def _turned(values: Any, cos: Any, sin: Any) -> Any:
    """Return queries or keys (N, C, heads, HEAD) turned to their places (rotary embedding, half by half)."""
    import torch

    first, second = values.chunk(2, dim=-1)
    return values * cos + torch.cat((-second, first), dim=-1) * sin


def _layer(layer: Any, dtype: Any) -> Layer:
    import torch

    attention, mlp = layer.self_attn, layer.mlp
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    return Layer(
        qkv=torch.cat([part.weight for part in parts]).to(dtype),
        bias=torch.cat([part.bias for part in parts]).to(dtype),
        out=attention.o_proj.weight.to(dtype),
        gate_up=torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]).to(dtype),
        down=mlp.down_proj.weight.to(dtype),
        norms=(layer.input_layernorm.weight, layer.post_attention_layernorm.weight),
    )


def _stacked(table: Mapping[str, Any], digests: Sequence[str]) -> tuple[Any, Any]:
    """Return (distinct pictures (N, 3, side, side), for each digest its index among them (M,))."""
    import torch

    distinct = list(dict.fromkeys(digests))
    index = {digest: n for n, digest in enumerate(distinct)}
    pictures = torch.stack([table[digest] for digest in distinct])
    return pictures, torch.tensor([index[digest] for digest in digests], device=pictures.device)
