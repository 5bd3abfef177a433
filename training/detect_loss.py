"""The loss of the embedded detector: Grounding DINO's own, mended, and one on every cell of the encoder.

transformers' loss is wrong in two ways. Where prompts of a batch differ, pictures after the second take class targets
of another picture. And with its two stages nothing reaches the encoder's box and class heads, since the proposals it
is given are detached: here every cell inside a thing is told its phrase and box, as one-stage detectors are (Tian et
al., 2019, FCOS; Ouyang-Zhang et al., 2022, on many cells a thing in DETR's first stage).
"""

from collections.abc import Mapping, Sequence
from typing import Any

CENTRAL = 0.3
"""Share of a box's width and height, either way from its centre, whose cells are told of it."""

COARSE = 1.5
"""Cells that the longer side of a box must take for a level after the first to be told of it."""

CLASS = 2.0
"""Weight of the focal loss; those of the boxes stand in the configuration."""

Target = Mapping[str, Any]
"""A picture's truth: `class_labels` (N,) int64, phrases of its prompt; `boxes` (N, 4) centre and size in 0-1."""


def criterion(config: Any) -> Any:
    """Return transformers' GroundingDinoImageLoss with class targets of each picture's own prompt."""
    import torch
    from transformers.loss.loss_grounding_dino import GroundingDinoHungarianMatcher, GroundingDinoImageLoss

    class Mended(GroundingDinoImageLoss):
        def _get_target_classes_one_hot(self, outputs: Any, targets: Sequence[Target], indices: Any) -> Any:
            told = zip(outputs["label_maps"], targets, indices, strict=True)
            chosen = [maps[target["class_labels"][own]] for maps, target, (_, own) in told]
            found = torch.zeros_like(outputs["logits"], dtype=torch.long)
            matched = self._get_source_permutation_idx(indices)  # type: ignore[no-untyped-call]
            found[matched] = torch.cat(chosen).to(torch.long)
            return found

    matcher = GroundingDinoHungarianMatcher(
        class_cost=config.class_cost, bbox_cost=config.bbox_cost, giou_cost=config.giou_cost
    )
    return Mended(matcher, config.focal_alpha, ["labels", "boxes"])  # type: ignore[no-untyped-call]


def decoder_loss(
    logits: Any,
    labels: Sequence[Target],
    device: Any,
    pred_boxes: Any,
    config: Any,
    label_maps: Sequence[Any],
    text_mask: Any,
    outputs_class: Any,
    outputs_coord: Any,
    **_: Any,
) -> tuple[Any, dict[str, Any], None]:
    """Return the loss of all decoder layers, its parts by name, and None: a `loss_function` for the model class."""
    told = {"label_maps": label_maps, "text_mask": text_mask}
    layers = [
        {"logits": each.float(), "pred_boxes": boxes.float(), **told}
        for each, boxes in zip(outputs_class, outputs_coord, strict=True)
    ]
    losses = criterion(config)({**layers[-1], "auxiliary_outputs": layers[:-1]}, labels)
    weights = {
        "loss_ce": CLASS,
        "loss_bbox": config.bbox_loss_coefficient,
        "loss_giou": config.giou_loss_coefficient,
    }
    total = sum(weight * value for kind, weight in weights.items() for n, value in losses.items() if n.startswith(kind))
    return total, losses, None


def cells(shapes: Sequence[tuple[int, int]]) -> Any:
    """Return (S, 3) centre x, y in 0-1 and level of every cell of feature maps (rows, columns), in their order."""
    import torch

    found = []
    for level, (rows, columns) in enumerate(shapes):
        y, x = torch.meshgrid((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij")
        found.append(torch.stack((x, y, torch.full_like(x, level)), dim=-1).flatten(0, 1))
    return torch.cat(found)


def assigned(boxes: Any, shapes: Sequence[tuple[int, int]]) -> Any:
    """Return (S,) the box that each cell is told of, -1 for none; of several the smallest.

    `boxes` is (N, 4) centre and size in 0-1. Every box has at least one cell of its own unless a smaller one takes it.
    """
    import torch

    places = cells(shapes)
    found = torch.full((len(places),), -1)
    spacing = torch.tensor([[1 / columns, 1 / rows] for rows, columns in shapes])[places[:, 2].long()]
    for number in boxes[:, 2:].prod(1).argsort(descending=True).tolist():
        centre, size = boxes[number, :2], boxes[number, 2:]
        inside = ((places[:, :2] - centre).abs() <= torch.maximum(CENTRAL * size, 0.501 * spacing)).all(1)
        large = (size >= COARSE * spacing).any(1) | (places[:, 2] == 0)
        found[inside & large] = number
    return found


def encoder_loss(
    outputs: Any, labels: Sequence[Target], maps: Sequence[Any], mask: Any, shapes: Any, config: Any
) -> Any:
    """Return the loss of the encoder's heads over all cells, a float32 scalar; `config` is the model's.

    `outputs` is the model's, `maps` (phrases, T) of each picture tells which tokens a phrase has, `mask` (B, T) which
    tokens there are, `shapes` the (rows, columns) of the feature maps.
    """
    import torch
    from transformers.loss.loss_for_object_detection import generalized_box_iou
    from transformers.loss.loss_grounding_dino import sigmoid_focal_loss

    logits = outputs.enc_outputs_class.float()  # (B, S, T)
    wanted = torch.zeros_like(logits)
    where, boxes = [], []
    for number, (target, own) in enumerate(zip(labels, maps, strict=True)):
        told = assigned(target["boxes"], shapes)
        places = (told >= 0).nonzero()[:, 0]
        wanted[number, places] = own[target["class_labels"][told[places]]].to(wanted.dtype)
        where.append(torch.stack((torch.full_like(places, number), places)))
        boxes.append(target["boxes"][told[places]])
    picture, place = torch.cat(where, dim=1)
    truth = torch.cat(boxes)
    count = max(1, len(truth))
    each = mask[:, None].expand_as(logits)
    focal = sigmoid_focal_loss(logits[each], wanted[each], count, alpha=config.focal_alpha)
    made = outputs.enc_outputs_coord_logits[picture, place].float().sigmoid()
    near = (made - truth).abs().sum() / count
    ious = generalized_box_iou(corners(made), corners(truth))  # type: ignore[no-untyped-call]
    overlap = (1 - ious.diagonal()).sum() / count
    return CLASS * focal + config.bbox_loss_coefficient * near + config.giou_loss_coefficient * overlap


def corners(boxes: Any) -> Any:
    """Return (N, 4) boxes x0, y0, x1, y1 of boxes with centre and size."""
    import torch

    return torch.cat((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), dim=1)
