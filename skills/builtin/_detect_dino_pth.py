"""Grounding DINO (Liu et al., 2023) from its authors' own `.pth`, through their package groundingdino-py.

The package was written for transformers 4: it takes BERT apart and calls methods that transformers 5 has no more, and
it fetches BERT's weights only to write the checkpoint's over them. Here BERT stays whole, built from its configuration
on disk. The layout of the model is read off the weights' shapes. It runs in float32, as its code mixes formats.
"""

import math
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..errors import InputError
from ..implementation import Implementation, Weights
from ..values import Picture
from ._detect_dino import already_seen, find
from ._pretrained import LOCAL, original_state

_BACKBONES = {
    (96, 7): "swin_T_224_1k",
    (128, 7): "swin_B_224_22k",
    (128, 12): "swin_B_384_22k",
    (192, 7): "swin_L_224_22k",
    (192, 12): "swin_L_384_22k",
}
"""(channels, window) of the backbone -> the package's name for it."""

_building = threading.Lock()


@dataclass(frozen=True)
class _Seen:
    """What the backbone made of one picture."""

    pixels: Any
    """(1, 3, H, W) float32, the resized, normalised picture."""
    maps: tuple[tuple[Any, Any], ...]
    """(feature map (1, C, h, w), mask (1, h, w) True where padded) of each level."""
    positions: tuple[Any, ...]
    """(1, d, h, w) position embedding of each level."""


@dataclass(frozen=True)
class _OriginalDino:
    """A loaded checkpoint; what its attributes mean says `_detect_dino.Dino`."""

    model: Any
    images: Any

    @property
    def tokenizer(self) -> Any:
        return self.model.tokenizer

    @property
    def room(self) -> int:
        return int(self.model.max_text_len) - 2

    def features(self, image: Picture) -> _Seen:
        from groundingdino.util.misc import nested_tensor_from_tensor_list

        made = self.images(images=np.array(image.rgb), return_tensors="pt")
        pixels = made["pixel_values"].to(next(self.model.parameters()).device)
        maps, positions = self.model.backbone(nested_tensor_from_tensor_list(pixels))
        return _Seen(pixels, tuple(level.decompose() for level in maps), tuple(positions))

    def answers(self, seen: _Seen, prompt: str) -> tuple[Any, Any]:
        from groundingdino.util.misc import NestedTensor

        with already_seen(
            self.model.backbone, lambda: ([NestedTensor(*level) for level in seen.maps], list(seen.positions))
        ):
            made = self.model(seen.pixels, captions=[prompt])
        return made["pred_boxes"], made["pred_logits"]


def _load(weights: Weights) -> _OriginalDino:
    import transformers

    library: Any = transformers
    kept = original_state(weights)
    state = {name.removeprefix("module."): value for name, value in kept.get("model", kept).items()}
    folder = weights.parts["text"]
    text = library.BertModel(library.BertConfig.from_pretrained(folder, **LOCAL))
    model = build(layout(state), library.AutoTokenizer.from_pretrained(folder, **LOCAL), text)
    missing = model.load_state_dict(state, strict=False).missing_keys
    lacking = [name for name in missing if not name.startswith("bert.pooler.")]
    if lacking:
        raise InputError(f"{weights.path.name!r} lacks {len(lacking)} weights of Grounding DINO (first {lacking[0]!r})")
    side = int(weights.settings["side"])
    images = library.GroundingDinoImageProcessorPil(size={"shortest_edge": side, "longest_edge": side * 5 // 3})
    return _OriginalDino(model.to(weights.device).eval(), images)


def layout(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the package's own configuration, with the sizes that an original state dict has.

    Raises InputError for weights of another model.
    """
    from groundingdino.config import GroundingDINO_SwinT_OGC as published

    try:
        queries, width = state["transformer.tgt_embed.weight"].shape
        channels = state["backbone.0.patch_embed.proj.weight"].shape[0]
        table = state["backbone.0.layers.0.blocks.0.attn.relative_position_bias_table"].shape[0]
        offsets = state["transformer.encoder.layers.0.self_attn.sampling_offsets.bias"].shape[0]
        feed_forward = state["transformer.encoder.layers.0.linear1.weight"].shape[0]
        backbone = _BACKBONES[channels, (math.isqrt(table) + 1) // 2]
    except KeyError as error:
        raise InputError(f"these are no weights of the original Grounding DINO: they have no {error}") from None
    levels = _count(state, r"input_proj\.(\d+)\.")
    read = {
        "backbone": backbone,
        "hidden_dim": width,
        "num_queries": queries,
        "num_feature_levels": levels,
        "nheads": offsets // (levels * published.enc_n_points * 2),
        "dim_feedforward": feed_forward,
        "enc_layers": _count(state, r"transformer\.encoder\.layers\.(\d+)\."),
        "dec_layers": _count(state, r"transformer\.decoder\.layers\.(\d+)\."),
        "use_checkpoint": False,
        "use_transformer_ckpt": False,
    }
    return {name: value for name, value in vars(published).items() if not name.startswith("_")} | read


def _count(state: Mapping[str, Any], pattern: str) -> int:
    """Return one more than the highest number in names that begin like `pattern`."""
    return 1 + max((int(found[1]) for name in state if (found := re.match(pattern, name))), default=-1)


def build(arguments: Mapping[str, Any], tokenizer: Any, text: Any) -> Any:
    """Return the package's GroundingDINO with this tokenizer and this BertModel, its own weights at random.

    `arguments` is a configuration of the package's, as `layout` returns it.
    """
    from groundingdino.models.GroundingDINO import groundingdino as package
    from groundingdino.models.registry import MODULE_BUILD_FUNCS
    from groundingdino.util import get_tokenlizer as texts

    text.register_forward_pre_hook(_widened, with_kwargs=True)
    ours = {"get_tokenlizer": lambda _: tokenizer, "get_pretrained_language_model": lambda _: text}
    with _building, _replaced(texts, ours), _replaced(package, {"BertModelWarper": lambda bert_model: bert_model}):
        return MODULE_BUILD_FUNCS.get("groundingdino")(SimpleNamespace(**arguments))


def _widened(text: Any, positional: Any, told: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Give BERT the mask of who may look at whom, (B, T, T), as transformers 5 takes one: (B, 1, T, T)."""
    return positional, {**told, "attention_mask": told["attention_mask"][:, None]}


@contextmanager
def _replaced(module: ModuleType, ours: Mapping[str, Any]) -> Iterator[None]:
    """Let names of a module mean something else for a while; the caller holds `_building`."""
    before = {name: getattr(module, name) for name in ours}
    try:
        for name, value in ours.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


GROUNDING_DINO_PTH = Implementation(
    name="grounding_dino_pth",
    run=find,
    load=_load,
    needs=("torch", "transformers", "groundingdino"),
    extra="originals",
    checkpoint=Checkpoint(
        "https://github.com/IDEA-Research/GroundingDINO/releases/download/v0.1.0-alpha/groundingdino_swint_ogc.pth",
        licence="Apache-2.0",
        size=693_997_677,
        sha256={
            "groundingdino_swint_ogc.pth": "3b3ca2563c77c69f651d7bd133e97139c186df06231157a64c507099c52bc799",
        },
    ),
    parts={
        "text": Checkpoint(
            "google-bert/bert-base-uncased",
            revision="86b5e0934494bd15c9632b12f734a8a67f723594",
            licence="Apache-2.0",
            size=700_000,
            files=("config.json", "tokenizer.json", "tokenizer_config.json"),
        )
    },
    settings={"threshold": 0.35, "overlap": 0.8, "side": 800},
)
"""`threshold` and `overlap` are as in Grounding DINO's. `side`: pixels of the shorter side of what it sees.
The part `text` is BERT's tokenizer and configuration."""
