"""SAM (Kirillov et al., 2023) through its own package, segment-anything, from its own `.pth`.

The layout is read off the shapes of the weights, so ViT-B, ViT-L, ViT-H and what was fine-tuned from them load alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..errors import InputError
from ..implementation import Implementation, Weights
from ..values import Picture
from ._pretrained import original_state
from ._segment_model import Prompts, Seen
from ._segment_prompts import prompted
from ._shapes import check_shape


@dataclass(frozen=True)
class OriginalSam:
    """A loaded segment_anything.modeling.Sam."""

    model: Any
    """Its image encoder in the dtype of the profile, the rest in float32."""

    @property
    def device(self) -> Any:
        """Where its tensors live."""
        return self.model.device

    @property
    def mask_side(self) -> int:
        """The side of the decoder's masks."""
        side: int = self.model.prompt_encoder.mask_input_size[0]
        return side

    def encode(self, image: Picture) -> Seen:
        """Run the image encoder on the picture, its longer side resized to the model's input."""
        import torch
        from segment_anything.utils.transforms import ResizeLongestSide

        side = self.model.image_encoder.img_size
        check_shape(image, side)
        resized = ResizeLongestSide(side).apply_image(np.array(image.rgb))
        pixels = torch.from_numpy(resized).to(self.device).permute(2, 0, 1)[None].float()
        dtype = next(self.model.image_encoder.parameters()).dtype
        made = self.model.image_encoder(self.model.preprocess(pixels).to(dtype))
        return Seen((made.float(),), (resized.shape[0], resized.shape[1]), side)

    def decode(self, seen: Seen, prompts: Prompts) -> tuple[Any, Any]:
        """Return logits (N, 3, S, S) and predicted IoU (N, 3)."""
        encoder = self.model.prompt_encoder
        points = None if prompts.points is None else (prompts.points, prompts.labels)
        sparse, dense = encoder(points=points, boxes=prompts.boxes, masks=None)
        if prompts.masks is not None:
            dense = encoder.mask_downscaling(prompts.masks).where(prompts.masked[:, None, None, None], dense)
        logits, fits = self.model.mask_decoder(
            image_embeddings=seen.maps[0],
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
        return logits, fits


def _load(weights: Weights) -> OriginalSam:
    state = original_state(weights)
    try:
        model = _built(state)
    except KeyError as error:
        raise InputError(f"{weights.path.name!r} lacks the weight {error}; it is no checkpoint of SAM") from error
    model.load_state_dict(state)
    model.to(weights.device).eval()
    model.image_encoder.to(weights.torch_dtype)
    return OriginalSam(model)


def _built(state: Mapping[str, Any]) -> Any:
    """Return a Sam of the layout that the shapes in `state` tell, without its weights; KeyError for no SAM."""
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    out = len(state["prompt_encoder.no_mask_embed.weight"][0])
    encoder = _image_encoder(state, out)
    grid = len(state["image_encoder.pos_embed"][0])
    prompts = PromptEncoder(
        embed_dim=out,
        image_embedding_size=(grid, grid),
        input_image_size=(encoder.img_size, encoder.img_size),
        mask_in_chans=len(state["prompt_encoder.mask_downscaling.3.bias"]),
    )
    decoder = MaskDecoder(
        num_multimask_outputs=len(state["mask_decoder.mask_tokens.weight"]) - 1,
        transformer=TwoWayTransformer(
            depth=_count(state, "mask_decoder.transformer.layers"),
            embedding_dim=out,
            mlp_dim=len(state["mask_decoder.transformer.layers.0.mlp.lin1.bias"]),
            num_heads=8,
        ),
        transformer_dim=out,
        iou_head_depth=_count(state, "mask_decoder.iou_prediction_head.layers"),
        iou_head_hidden_dim=len(state["mask_decoder.iou_prediction_head.layers.0.bias"]),
    )
    return Sam(image_encoder=encoder, prompt_encoder=prompts, mask_decoder=decoder)


def _image_encoder(state: Mapping[str, Any], out: int) -> Any:
    """Return the ViT; a block whose relative positions span the whole grid attends to all of it, others to windows."""
    import torch
    from segment_anything.modeling import ImageEncoderViT

    _, grid, _, width = state["image_encoder.pos_embed"].shape
    patch = state["image_encoder.patch_embed.proj.weight"].shape[-1]
    depth = _count(state, "image_encoder.blocks")
    reach = [(len(state[f"image_encoder.blocks.{i}.attn.rel_pos_h"]) + 1) // 2 for i in range(depth)]
    return ImageEncoderViT(
        img_size=grid * patch,
        patch_size=patch,
        embed_dim=width,
        depth=depth,
        num_heads=width // state["image_encoder.blocks.0.attn.rel_pos_h"].shape[1],
        mlp_ratio=len(state["image_encoder.blocks.0.mlp.lin1.bias"]) / width,
        out_chans=out,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=min(reach),
        global_attn_indexes=tuple(i for i in range(depth) if reach[i] == grid),
    )


def _count(state: Mapping[str, Any], prefix: str) -> int:
    """Return how many numbered modules stand under a prefix."""
    return len({name[len(prefix) + 1 :].partition(".")[0] for name in state if name.startswith(f"{prefix}.")})


ORIGINAL = Implementation(
    name="segment_anything",
    run=prompted,
    load=_load,
    needs=("torch", "torchvision", "segment_anything"),
    extra="originals",
    checkpoint=Checkpoint(
        "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
        licence="Apache-2.0",
        size=375_042_383,
        sha256={"sam_vit_b_01ec64.pth": "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"},
    ),
)
"""The `.pth` of ViT-B; for ViT-L or ViT-H name its URL and sha256 in the profile."""
