"""RFB-320 (Linzaer, "Ultra-Light-Fast-Generic-Face-Detector-1MB", 2019) through onnxruntime: one megabyte, any CPU.

A single-shot detector (Liu et al., 2016) with receptive field blocks, trained on WIDER FACE.
"""

from typing import Any

import numpy as np

from ..checkpoint import Checkpoint
from ..context import Context
from ..implementation import Implementation
from ..spec import SkillResult
from ..values import Picture
from ._detections import Candidates, chosen
from ._onnx import session

SEEN = (320, 240)
"""The model sees the picture at this width and height in pixels."""


def _find(image: Picture, ctx: Context) -> SkillResult:
    """Return Boxes of the faces that reach the profile's threshold, best first, and how near the best one came."""
    found = ctx.infer(lambda model: _candidates(model, image))
    return chosen(found, ["face"], image, ctx.setting("threshold"), ctx.setting("overlap"))


def _candidates(model: Any, image: Picture) -> Candidates:
    """Return the model's 4420 boxes in pixels of the picture, each with how much it is a face."""
    import cv2

    small = cv2.resize(np.ascontiguousarray(image.rgb), SEEN, interpolation=cv2.INTER_AREA)
    tensor = ((small.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]  # (1, 3, 240, 320) RGB
    scores, corners = model.run(["scores", "boxes"], {model.get_inputs()[0].name: tensor})
    width, height = image.size
    return Candidates(corners[0] * np.array([width, height, width, height]), scores[0, :, 1:])


RFB_320 = Implementation(
    name="rfb_320",
    run=_find,
    load=session,
    needs=("onnxruntime", "cv2"),
    checkpoint=Checkpoint(
        "https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB/raw/master/models/onnx/version-RFB-320.onnx",
        licence="MIT",
        size=1_270_727,
        sha256={"version-RFB-320.onnx": "34cd7e60aeff28744c657de7a3dc64e872d506741de66987f3426f2b79f88017"},
    ),
    settings={"threshold": 0.7, "overlap": 0.3},
)
"""`threshold`: score from which a box is a face. `overlap`: of two boxes that share more than this (IoU), the better
one stays."""
