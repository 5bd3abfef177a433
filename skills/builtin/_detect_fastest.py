"""FastestDet (dog-qiuqiu, 2022) through onnxruntime: the 80 things of COCO, one megabyte, quick on any CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..errors import SkillError
from ..implementation import Implementation
from ..values import Picture
from ._detections import Candidates
from ._onnx import session

SIDE = 352
"""The model sees the picture at this width and height in pixels."""

CLASSES = (
    "person bicycle car motorbike aeroplane bus train truck boat traffic_light fire_hydrant stop_sign "
    "parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella "
    "handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat baseball_glove skateboard "
    "surfboard tennis_racket bottle wine_glass cup fork knife spoon bowl banana apple sandwich orange "
    "broccoli carrot hot_dog pizza donut cake chair sofa pottedplant bed diningtable toilet tvmonitor "
    "laptop mouse remote keyboard cell_phone microwave oven toaster sink refrigerator book clock vase "
    "scissors teddy_bear hair_drier toothbrush"
)
"""The names of COCO in the order of the model's outputs."""

NAMES = tuple(name.replace("_", " ") for name in CLASSES.split())

ALIASES = {
    "people": "person", "man": "person", "men": "person", "woman": "person", "women": "person", "child": "person",
    "children": "person", "boy": "person", "girl": "person", "pedestrian": "person", "rider": "person",
    "bike": "bicycle", "motorcycle": "motorbike", "airplane": "aeroplane", "plane": "aeroplane", "ship": "boat",
    "automobile": "car", "lorry": "truck", "puppy": "dog", "kitten": "cat", "lamb": "sheep", "calf": "cow",
    "ball": "sports ball", "racket": "tennis racket", "mug": "cup", "glass": "cup", "doughnut": "donut",
    "couch": "sofa", "potted plant": "pottedplant", "houseplant": "pottedplant", "dining table": "diningtable",
    "table": "diningtable", "tv": "tvmonitor", "television": "tvmonitor", "monitor": "tvmonitor",
    "screen": "tvmonitor", "phone": "cell phone", "smartphone": "cell phone", "mobile phone": "cell phone",
    "fridge": "refrigerator", "knives": "knife", "hair dryer": "hair drier", "bag": "handbag", "rucksack": "backpack",
}  # fmt: skip
"""Other words for them; what is narrower ("man") is looked for as the wider and the result says so."""


def known_as(item: str) -> str | None:
    """Return the class that an object's last words mean, "a red car" -> "car", or None."""
    words = item.lower().split()
    for start in range(len(words)):
        phrase = " ".join(words[start:])
        for form in (phrase, phrase.removesuffix("s"), phrase.removesuffix("es")):
            name = ALIASES.get(form, form)
            if name in NAMES:
                return name
    return None


def _find(image: Picture, objects: Sequence[str], ctx: Context) -> Candidates:
    """Score every cell of the model's grid for every object; raises SkillError where it knows none of them."""
    classes = [known_as(item) for item in objects]
    unknown = [item for item, name in zip(objects, classes, strict=True) if name is None]
    if len(unknown) == len(objects):
        raise SkillError(
            f"this detector does not know {', '.join(map(repr, unknown))}; it knows {', '.join(NAMES)}; "
            "ask for one of these, or use the full profile"
        )
    boxes, scores = ctx.infer(lambda model: _decoded(model, image))
    sure = scores * (scores == scores.max(axis=1, keepdims=True))
    columns = [sure[:, NAMES.index(name)] if name else np.full(len(sure), -1.0) for name in classes]
    wider = [f"{o!r} was looked for as {n!r}" for o, n in zip(objects, classes, strict=True) if n and n not in _same(o)]
    lost = [f"{item!r} is nothing this detector knows" for item in unknown]
    return Candidates(boxes, np.stack(columns, axis=1), "; ".join([*wider, *lost]))


def _same(item: str) -> set[str]:
    """Return the names that an object's words are, but for number and spelling."""
    word = item.lower()
    spelt = {
        "motorcycle",
        "airplane",
        "couch",
        "tv",
        "television",
        "potted plant",
        "dining table",
        "doughnut",
        "people",
    }
    alike = {ALIASES[form] for form in (word, word.removesuffix("s")) if form in spelt}
    return {word, word.removesuffix("s"), word.removesuffix("es"), *alike}


def _decoded(model: Any, image: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, 4) boxes in pixels of the picture and (N, 80) scores, one row for each of the 22 x 22 cells."""
    import cv2

    small = cv2.resize(np.ascontiguousarray(image.rgb), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    tensor = small[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255  # BGR
    (grid,) = model.run(None, {model.get_inputs()[0].name: tensor})
    _, _, rows, columns = grid.shape
    cells = grid[0].reshape(85, -1).T  # objectness, dx, dy, w, h, 80 classes
    scores = np.clip(cells[:, :1], 0, 1) ** 0.6 * np.clip(cells[:, 5:], 0, 1) ** 0.4
    y, x = np.divmod(np.arange(rows * columns), columns)
    centre = np.stack([(x + np.tanh(cells[:, 1])) / columns, (y + np.tanh(cells[:, 2])) / rows], axis=1)
    half = 0.5 / (1 + np.exp(-cells[:, 3:5]))
    width, height = image.size
    return np.concatenate([centre - half, centre + half], axis=1) * np.array([width, height, width, height]), scores


FASTEST_DET = Implementation(
    name="fastest_det",
    run=_find,
    load=session,
    needs=("onnxruntime", "cv2"),
    checkpoint=Checkpoint(
        "https://github.com/dog-qiuqiu/FastestDet/raw/main/example/onnx-runtime/FastestDet.onnx",
        licence="BSD-3-Clause",
        size=998_169,
        sha256={"FastestDet.onnx": "31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880"},
    ),
    settings={"threshold": 0.5, "overlap": 0.45},
)
"""`threshold` and `overlap` are as in Grounding DINO's."""
