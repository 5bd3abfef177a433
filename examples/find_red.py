"""A whole skill: handeye ask photo.jpg "find what is red" --skills examples/find_red.py."""

import numpy as np

from skills import Boxes, Picture, SkillError, skill


@skill(examples=["find what is red", "encuentra lo rojo"])
def find_red(image: Picture, threshold: float = 0.3) -> Boxes:
    """Find and box red things."""
    red, green, blue = (image.rgb[:, :, channel].astype(int) for channel in range(3))
    mask = red - np.maximum(green, blue) > 255 * threshold
    ys, xs = np.nonzero(mask)
    if not len(xs):
        raise SkillError(f"nothing is redder than threshold {threshold}; try a lower one")
    box = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    return Boxes(xyxy=(box,), labels=("red",))
