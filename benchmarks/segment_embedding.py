"""Eight prompts on one picture through `segment`, encoded once, against encoding it for each: SAM's ViT-B at 512 px.

`python -m benchmarks.segment_embedding`: random weights, one run, the masks of both ways asserted equal. Prints the
ratio. The model is loaded before the clock starts.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from skills import Context, Masks, Picture, Region, Regions
from skills.builtin.segment import segment
from skills.kept import Kept
from skills.runtime import Runtime

SIDE = 512
"""Side of the model's input and of the picture, pixels."""

SPREAD = 0.05
"""Standard deviation of the random weights: enough for masks that are neither empty nor full."""


def checkpoint(folder: Path) -> Path:
    """Save a SamModel of ViT-B's layout with random weights for pictures of SIDE pixels."""
    import torch
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    torch.manual_seed(0)
    config = SamConfig(
        vision_config={"image_size": SIDE, "initializer_range": SPREAD},
        prompt_encoder_config={"image_size": SIDE, "image_embedding_size": SIDE // 16},
        initializer_range=SPREAD,
    )
    SamModel(config).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    SamProcessor(SamImageProcessorPil(size={"longest_edge": SIDE}, pad_size=size)).save_pretrained(folder)
    return folder


def prompts() -> list[Regions]:
    """Return four boxes and four clicks."""
    boxes = [Region(box=(40.0 * i, 30.0 * i, 200 + 40.0 * i, 180 + 30.0 * i)) for i in range(4)]
    clicks = [Region(box=(x, x, x, x), point=(x, x)) for x in (60.0, 180.0, 300.0, 420.0)]
    return [Regions(items=(item,)) for item in (*boxes, *clicks)]


def run(folder: Path, picture: Picture, asked: Sequence[Regions], kept: int) -> tuple[float, list[Masks]]:
    """Return the seconds that the prompts took and their masks; embeddings of `kept` bytes outlive a call."""
    sam = segment.using(implementation="sam", checkpoint=str(folder), device="cpu")
    ctx = Context(runtime=Runtime(embeddings=Kept(kept)))
    replace(ctx, chosen=sam.chosen).infer(lambda model: None)  # loads it
    begun = time.perf_counter()
    found = [sam(picture, item, ctx=ctx).values[0] for item in asked]
    return time.perf_counter() - begun, [item for item in found if isinstance(item, Masks)]


def main() -> None:
    """Print the ratio."""
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    picture, asked = Picture.from_array(noise, frame="img_1"), prompts()
    with TemporaryDirectory() as name:
        folder = checkpoint(Path(name))
        once, masks = run(folder, picture, asked, 1 << 30)
        each, same = run(folder, picture, asked, 0)
    assert masks == same, "the masks differ"
    print(f"{len(asked)} prompts: {once:.1f} s encoded once, {each:.1f} s encoded for each, {each / once:.1f} x faster")


if __name__ == "__main__":
    main()
