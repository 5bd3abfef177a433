"""Models between calls, and the cancel flag."""

import threading
import time

import pytest

from skills import Cancel, Cancelled, Context
from skills.runtime import Runtime


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
    held = runtime.lock("m")
    assert held.acquire(timeout=1)
    runtime.abandon()
    assert runtime.model("m", lambda: "new") == "new"
    assert runtime.lock("m").acquire(timeout=1)
    release.set()
    thread.join(timeout=5)
    assert runtime.model("m", lambda: "never") == "new"


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
