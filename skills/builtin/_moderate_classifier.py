"""Any image classifier of transformers, read as a judge of what is unsafe to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..errors import SkillError
from ..implementation import Implementation, Weights
from ..values import Picture
from ._pretrained import pretrained, processor


class Judged(NamedTuple):
    """What a classifier says of a picture."""

    labels: tuple[str, ...]
    """(N,) the classifier's own labels."""
    scores: tuple[float, ...]
    """(N,) 0-1, how much the picture is each."""
    unsafe: float
    """0-1, how unsafe it is."""


@dataclass(frozen=True)
class _Classifier:
    """A loaded checkpoint."""

    model: Any
    images: Any
    """Image processor."""


def _load(weights: Weights) -> _Classifier:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    return _Classifier(pretrained(AutoModelForImageClassification, weights), processor(AutoImageProcessor, weights))


def _judge(image: Picture, ctx: Context) -> Judged:
    """Score every label; raises SkillError where none of the profile's unsafe labels is one of the classifier's."""
    return ctx.infer(lambda classifier: _judged(classifier, image, ctx.setting("unsafe")))


def _judged(classifier: _Classifier, image: Picture, unsafe: Sequence[str]) -> Judged:
    import torch

    config = classifier.model.config
    labels = tuple(str(config.id2label[i]) for i in range(config.num_labels))
    meant = {str(name).casefold() for name in unsafe}
    columns = [i for i, label in enumerate(labels) if label.casefold() in meant]
    if not columns:
        raise SkillError(
            f"none of {', '.join(map(repr, unsafe)) or 'no label'} is a label of this classifier, which knows "
            f"{', '.join(map(repr, labels))}; say which are `unsafe` in the profile's [skills.moderate]"
        )
    pixels = classifier.images(images=np.array(image.rgb), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        logits = classifier.model(pixel_values=pixels.to(classifier.model.device, classifier.model.dtype)).logits[0]
    several = config.problem_type == "multi_label_classification"
    scores = (logits.float().sigmoid() if several else logits.float().softmax(dim=-1)).cpu()
    picked = scores[columns]
    return Judged(labels, tuple(scores.tolist()), float(picked.max() if several else picked.sum().clamp(max=1)))


CLASSIFIER = Implementation(
    name="classifier",
    run=_judge,
    load=_load,
    needs=("torch", "transformers"),
    checkpoint=Checkpoint("Falconsai/nsfw_image_detection", licence="Apache-2.0", size=343_000_000),
    settings={"unsafe": ["nsfw", "porn", "hentai", "sexy", "nudity", "violence", "gore", "unsafe"], "threshold": 0.5},
)
"""`unsafe`: labels (in any case) whose scores make a picture unsafe, added up where the classifier chooses one label
and the largest where it judges each by itself. `threshold`: score from which a picture is unsafe."""
