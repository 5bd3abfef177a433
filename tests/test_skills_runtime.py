"""Models between calls, and the cancel flag."""

import threading
import time
from typing import Any

import pytest
import torch

from skills import Cancel, Cancelled, Context, OutOfMemory, Picture
from skills.kept import Kept
from skills.runtime import Recipe, Runtime


def test_a_model_is_loaded_once_however_many_ask() -> None:
    runtime, loads = Runtime(), []

    def load() -> object:
        loads.append(1)
        time.sleep(0.1)
        return object()

    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(runtime.model("m", load))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(loads), len(set(map(id, found))), runtime.keys()) == (1, 1, ("m",))


def test_two_models_load_side_by_side() -> None:
    runtime, meeting = Runtime(), threading.Barrier(2, timeout=5)
    threads = [threading.Thread(target=runtime.model, args=(key, meeting.wait)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(runtime.keys()) == ["a", "b"]


def test_a_load_that_failed_is_tried_again() -> None:
    runtime = Runtime()
    with pytest.raises(OSError, match="no file"):
        runtime.model("m", lambda: (_ for _ in ()).throw(OSError("no file")))
    assert runtime.model("m", lambda: 3) == 3


def test_an_abandoned_load_blocks_nobody_and_is_not_kept() -> None:
    runtime, release = Runtime(), threading.Event()
    started = threading.Event()

    def stuck() -> str:
        started.set()
        release.wait()
        return "late"

    thread = threading.Thread(target=runtime.model, args=("m", stuck), daemon=True)
    thread.start()
    started.wait()
    assert not runtime.lock("m").acquire(timeout=0.01)
    runtime.abandon()
    assert runtime.model("m", lambda: "new") == "new"
    assert runtime.lock("m").acquire(timeout=1)
    release.set()
    thread.join(timeout=5)
    assert runtime.model("m", lambda: "never") == "new"


def test_only_what_the_abandoned_call_asked_for_is_forgotten() -> None:
    runtime, stuck, other = Runtime(), Cancel(), Cancel()
    first = runtime.model("a", object, stuck)
    kept = runtime.model("b", object, other)
    runtime.abandon(stuck)
    assert runtime.model("b", object) is kept
    assert runtime.model("a", object) is not first


def _model(count: int) -> torch.nn.Module:
    """A model of `count` float32 numbers: 4 * count bytes."""
    return torch.nn.Linear(count, 1, bias=False)


def _recipe(name: str, count: int, **options: Any) -> Recipe:
    return Recipe(f"{name}:tiny", lambda device, dtype: _model(count), device="cpu", **options)


def test_the_least_recently_used_model_makes_room_and_that_is_said() -> None:
    runtime, notes = Runtime(budget=1000), []
    for name in ("a", "b", "a", "c"):
        runtime.infer(_recipe(name, 100), lambda model, place: model, note=notes.append)
    kept = runtime.keys()
    assert [key.split(":")[0] for key in kept] == ["a", "c"]
    assert runtime.used("cpu") == 800
    assert notes == ["b was evicted from cpu (0.0 MB)"]


def test_room_is_made_before_the_weights_are_read() -> None:
    runtime, seen = Runtime(budget=1000), []
    runtime.infer(_recipe("a", 200), lambda model, place: None)
    late = Recipe("b:tiny", lambda device, dtype: seen.append(runtime.used("cpu")) or _model(200), 800, "cpu")
    runtime.infer(late, lambda model, place: None)
    assert seen == [0]


def test_a_model_in_use_is_not_evicted() -> None:
    runtime, notes = Runtime(budget=1000), []

    def run(model: object, place: str) -> tuple[str, ...]:
        runtime.infer(_recipe("b", 200), lambda model, place: None, note=notes.append)
        return runtime.keys()

    assert len(runtime.infer(_recipe("a", 200), run)) == 2
    assert notes == []


def test_a_model_larger_than_the_budget_is_an_error_that_names_both() -> None:
    runtime = Runtime(budget=1_000_000)
    runtime.infer(_recipe("a", 10), lambda model, place: None)
    with pytest.raises(OutOfMemory) as caught:
        runtime.infer(_recipe("b", 500_000), lambda model, place: None)
    assert str(caught.value) == (
        "the model takes 2.0 MB, more than the 1.0 MB that models may take on cpu; "
        "try a smaller picture (crop it first) or a smaller checkpoint"
    )


def test_the_ladder_evicts_the_others_then_moves_to_the_cpu() -> None:
    """The first two tries run out of memory on a device that stands for a GPU; each step is told."""
    runtime, notes, tries = Runtime(budget=10_000), [], []
    gpu = {"load": lambda device, dtype: _model(100), "device": "gpu"}
    runtime.infer(Recipe("a:tiny", **gpu), lambda model, place: None)
    runtime.embeddings.get("m", Picture(pixels=b"123", size=(1, 1)), lambda: torch.zeros(4))

    def run(model: object, place: str) -> str:
        tries.append((place, len(runtime.keys()), len(runtime.embeddings)))
        if place.endswith("@gpu:float32"):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nsee the docs")
        return place

    assert runtime.infer(Recipe("b:tiny", **gpu), run, note=notes.append) == "b:tiny@cpu:float32"
    assert [tried[0].split("@")[1] for tried in tries] == ["gpu:float32", "gpu:float32", "cpu:float32"]
    assert [tried[1:] for tried in tries] == [(2, 1), (1, 0), (1, 0)]
    assert notes == [
        "b: CUDA out of memory. Tried to allocate 2 GiB; trying again with every other model evicted",
        "a was evicted from gpu (0.0 MB)",
        "b: CUDA out of memory. Tried to allocate 2 GiB; moving to the CPU",
    ]
    assert runtime.keys() == ("b:tiny@cpu:float32",)


def test_any_other_error_is_raised_as_it_is_and_the_lock_is_free_again() -> None:
    runtime = Runtime()
    with pytest.raises(KeyError, match="no such"):
        runtime.infer(_recipe("a", 10), lambda model, place: {}["no such"])
    assert runtime.infer(_recipe("a", 10), lambda model, place: 3) == 3


def test_one_call_at_a_time_runs_a_model_and_a_waiting_one_can_be_stopped() -> None:
    runtime, inside, go = Runtime(), threading.Event(), threading.Event()
    cancel = Cancel()

    def hold(model: object, place: str) -> None:
        inside.set()
        go.wait(5)

    thread = threading.Thread(target=runtime.infer, args=(_recipe("a", 10), hold))
    thread.start()
    inside.wait(5)
    threading.Timer(0.1, cancel.set).start()
    with pytest.raises(Cancelled):
        runtime.infer(_recipe("a", 10), lambda model, place: None, wait=cancel.check)
    go.set()
    thread.join()


def test_a_call_that_waits_for_an_abandoned_one_gets_a_new_model() -> None:
    runtime, inside, go, stuck = Runtime(), threading.Event(), threading.Event(), Cancel()

    def hold(model: object, place: str) -> None:
        inside.set()
        go.wait(5)

    thread = threading.Thread(target=runtime.infer, args=(_recipe("a", 10), hold), kwargs={"user": stuck})
    thread.start()
    inside.wait(5)
    threading.Timer(0.1, runtime.abandon, (stuck,)).start()
    assert runtime.infer(_recipe("a", 10), lambda model, place: "ran") == "ran"
    assert thread.is_alive()
    go.set()
    thread.join()


def test_embeddings_are_kept_by_content_within_their_limit() -> None:
    kept, made = Kept(limit=100), []
    pictures = [Picture(pixels=bytes([i] * 3), size=(1, 1), frame=f"img_{i}") for i in range(3)]

    def embedding(model: str, picture: Picture, count: int = 10) -> torch.Tensor:
        return kept.get(model, picture, lambda: made.append(1) or torch.zeros(count))

    embedding("m", pictures[0])
    embedding("m", pictures[0].model_copy(update={"frame": "img_9"}))
    assert (len(made), kept.size) == (1, 40)
    embedding("other", pictures[0])
    embedding("m", pictures[0])
    embedding("m", pictures[1])
    assert (len(made), len(kept), kept.size) == (3, 2, 80)
    embedding("m", pictures[0])
    assert len(made) == 3
    embedding("m", pictures[2], count=1000)
    assert (len(kept), kept.size) == (2, 80)


def test_a_child_flag_stops_with_its_parent_and_alone() -> None:
    parent = Cancel()
    child, other = parent.child(), parent.child()
    child.set()
    assert (child.cancelled, other.cancelled, parent.cancelled) == (True, False, False)
    parent.set()
    with pytest.raises(Cancelled):
        other.check()


def test_a_context_needs_nothing() -> None:
    context = Context()
    context.cancel.check()
    context.progress(1, 2, "half")
    assert context.model("m", lambda: 4) == 4


def test_the_store_of_embeddings_that_is_given_is_used_though_it_is_empty() -> None:
    """Broke: an empty store is false, so that its limit was ignored."""
    given = Kept(0)
    assert Runtime(embeddings=given).embeddings is given
