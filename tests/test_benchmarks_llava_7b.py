"""What the benchmark of LLaVA-1.5-7B's architecture says of a run's log."""

from benchmarks.llava_7b import recipes, told
from benchmarks.random_llava import SEVEN


def test_steps_to_warm_up_are_not_counted_and_mfu_is_weighed_by_time():
    slow = {"tokens": 100, "supervised": 10, "seconds": 100.0, "memory": 3_000_000, "mfu": 0.01}
    one = {"tokens": 300, "supervised": 30, "seconds": 1.0, "memory": 2_000_000, "mfu": 0.5}
    two = {"tokens": 300, "supervised": 60, "seconds": 3.0, "memory": 1_000_000, "mfu": 0.1}
    line = told("full", [slow, slow, one, two])
    assert line == "full       150 tokens/s      22 supervised/s, memory 3.0 MB, MFU 20.0% (2 steps)"
    bare = [{key: value for key, value in row.items() if key != "mfu"} for row in (slow, slow, one)]
    assert "MFU" not in told("LoRA", bare)


def test_both_ways_move_projector_and_language_model():
    lora, full = recipes(4, 1024, 989.0).values()
    assert (lora.moves, full.moves) == (("projector", "language"),) * 2
    assert lora.lora is not None
    assert full.lora is None
    assert SEVEN.width == SEVEN.heads * 128
