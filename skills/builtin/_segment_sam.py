"""SAM (Kirillov et al., 2023) and SAM 2 (Ravi et al., 2024) in transformers.

The image encoder runs in the dtype of the profile and once a picture; prompts and masks are float32, for a click's
place has no room in bfloat16.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..implementation import Implementation, Weights
from ..values import Picture
from ._pretrained import pretrained, processor
from ._segment_model import Prompts, Seen
from ._segment_prompts import prompted
from ._shapes import check_shape


@dataclass(frozen=True)
class Sam:
    """A loaded SAM or SAM 2."""

    model: Any
    """SamModel or Sam2Model, its prompt encoder and mask decoder in float32."""
    processor: Any
    """Its processor."""

    @property
    def device(self) -> Any:
        """Where its tensors live."""
        return self.model.device

    @property
    def mask_side(self) -> int:
        """The side of the decoder's masks: four times that of the feature map."""
        side: int = 4 * self.model.prompt_encoder.image_embedding_size[0]
        return side

    def encode(self, image: Picture) -> Seen:
        """Run the image encoder; a picture that has no pixel left at the model's size is a SkillError."""
        side = self.model.prompt_encoder.input_image_size
        check_shape(image, side)
        made = self.processor.image_processor(
            images=np.array(image.rgb), input_data_format="channels_last", return_tensors="pt"
        )
        dtype = next(self.model.vision_encoder.parameters()).dtype
        maps = self.model.get_image_embeddings(made["pixel_values"].to(self.device, dtype))
        inside = made["reshaped_input_sizes"][0].tolist() if "reshaped_input_sizes" in made else (side, side)
        kept = maps if isinstance(maps, list | tuple) else (maps,)
        return Seen(tuple(item.float() for item in kept), (int(inside[0]), int(inside[1])), side)

    def decode(self, seen: Seen, prompts: Prompts) -> tuple[Any, Any]:
        """Return logits (N, 3, S, S) and predicted IoU (N, 3); one object is one row of the batch."""
        encoder = self.model.prompt_encoder
        given = {"input_points": prompts.points, "input_labels": prompts.labels, "input_boxes": prompts.boxes}
        sparse, dense = encoder(
            **{name: item if item is None else item[:, None] for name, item in given.items()}, input_masks=None
        )
        if prompts.masks is not None:
            dense = encoder.mask_embed(prompts.masks).where(prompts.masked[:, None, None, None], dense)
        *fine, coarse = seen.maps
        made = self.model.mask_decoder(
            image_embeddings=coarse.expand(len(sparse), -1, -1, -1),
            image_positional_embeddings=self.model.get_image_wide_positional_embeddings().expand_as(dense),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            **({"high_resolution_features": fine} if fine else {}),
        )
        return made[0][:, 0], made[1][:, 0]


def _load_sam(weights: Weights) -> Sam:
    from transformers import SamModel, SamProcessor

    model = pretrained(SamModel, weights)
    for part in (model.prompt_encoder, model.mask_decoder, model.shared_image_embedding):
        part.float()
    return Sam(model, processor(SamProcessor, weights))


def _load_sam2(weights: Weights) -> Sam:
    from transformers import Sam2Model, Sam2Processor

    model = pretrained(Sam2Model, weights)
    for part in (model.prompt_encoder, model.mask_decoder, model.shared_image_embedding):
        part.float()
    for part in (model.mask_decoder.conv_s0, model.mask_decoder.conv_s1):  # run by the image encoder
        part.to(weights.torch_dtype)
    return Sam(model, processor(Sam2Processor, weights))


SAM = Implementation(
    name="sam",
    run=prompted,
    load=_load_sam,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("facebook/sam-vit-base", licence="Apache-2.0", size=375_000_000),
)
"""Any checkpoint of SamModel: facebook/sam-vit-base, -large, -huge."""

SAM2 = Implementation(
    name="sam2",
    run=prompted,
    load=_load_sam2,
    needs=("torch", "torchvision", "transformers"),
    checkpoint=Checkpoint("facebook/sam2.1-hiera-small", licence="Apache-2.0", size=185_000_000),
)
"""Any checkpoint of Sam2Model: facebook/sam2.1-hiera-tiny, -small, -base-plus, -large."""
