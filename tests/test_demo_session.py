"""A visitor's chat without a page: asking, stopping, marking, and what bad input gets."""

import threading
import time

import pytest

from agent import Agent, Delta, PlannerOutput, ScriptedPlanner, ToolCall
from demo.loader import LOADING, Loader
from demo.session import Session
from skills import Context, InputError, Picture, skill


@skill()
def doze(image: Picture, *, ctx: Context) -> Picture:
    """Sleep until told to stop, deaf to it."""
    ctx.progress(1, 9, "dozing")
    time.sleep(30)
    return image


@skill()
def break_down(image: Picture) -> Picture:
    """Hold a bug."""
    raise ZeroDivisionError("a bug")


def session(tmp_path, *lines, planner=None):
    agent = Agent(planner or ScriptedPlanner(lines), skills=[doze, break_down])
    return Session(Loader(agent), tmp_path)


def shown(view):
    return "\n".join(f"{m.title} {m.text}" for m in view.messages)


def png(tmp_path, plain, name="a.png"):
    path = tmp_path / name
    path.write_bytes(plain.png)
    return path


def test_a_picture_is_sent_changed_and_shown(tmp_path, plain):
    visitor = session(tmp_path, {"name": "rotate", "args": {"degrees": 90}}, "turned: [img_2]")
    *_, last = visitor.ask("turn it", [png(tmp_path, plain)])
    assert not last.running
    assert last.refill is None
    pictures = [name for message in last.messages for name in message.pictures]
    assert pictures == ["img_1", "img_2"]
    assert all(visitor.file(name).parent == visitor.folder for name in pictures)
    assert visitor.chat.trace.turn.stop_reason == "answered"


def test_loading_is_said_within_a_second_and_the_turn_goes_on(tmp_path):
    loaded = threading.Event()

    class Slow(Agent):
        @property
        def planner(self):
            loaded.wait()
            return self._planner

    visitor = Session(Loader(Slow(ScriptedPlanner(["hello"]))), tmp_path)
    started = time.monotonic()
    views = visitor.ask("hi")
    first = next(views)
    assert LOADING.replace(".", "&#46;") in shown(first)
    assert time.monotonic() - started < 1
    loaded.set()
    *_, last = views
    assert "hello" in shown(last)


def test_a_planner_that_cannot_be_loaded_is_said_and_tried_again(tmp_path):
    class Missing(Agent):
        tries = 0

        @property
        def planner(self):
            self.tries += 1
            if self.tries == 1:
                raise InputError("no checkpoint at 'x'; pull it")
            return self._planner

    visitor = Session(Loader(Missing(ScriptedPlanner(["hello"]))), tmp_path)
    *_, last = visitor.ask("hi")
    assert "no checkpoint at &#39;x&#39;&#59; pull it" in shown(last)
    assert last.refill == ("hi", ())
    *_, last = visitor.ask("hi")
    assert visitor.chat.trace.turn.answer == "hello"


def test_stop_ends_the_turn_as_cancelled_and_the_next_message_works(tmp_path, plain):
    visitor = session(tmp_path, {"name": "doze"}, "awake")
    views = visitor.ask("sleep", [png(tmp_path, plain)])
    for view in views:
        if "dozing" in shown(view):
            break
    visitor.stop()
    stopped = time.monotonic()
    *_, last = views
    assert time.monotonic() - stopped < 2
    assert "■ stopped" in shown(last)
    assert visitor.chat.trace.turn.stop_reason == "cancelled"
    *_, last = visitor.ask("wake up")
    assert "awake" in shown(last)
    assert [turn.stop_reason for turn in visitor.chat.trace.turns] == ["cancelled", "answered"]


def test_a_planner_deaf_to_stop_is_left_behind_and_waited_for(tmp_path):
    free = threading.Event()

    class Deaf:
        name = checkpoint = "deaf"

        def plan(self, trace, skills, artifacts, cancel):
            yield Delta("thought", "hm")
            if len(trace.turns) == 1:
                free.wait()
            yield PlannerOutput(answer="well")

    visitor = session(tmp_path, planner=Deaf())
    views = visitor.ask("think")
    next(views)
    visitor.stop()
    *_, last = views
    assert "ends in the background" in shown(last)
    views = visitor.ask("and now?")
    assert "waiting for the stopped turn to end" in shown(next(views))
    free.set()
    *_, last = views
    assert [turn.stop_reason for turn in visitor.chat.trace.turns] == ["cancelled", "answered"]
    assert "well" in shown(last)


def test_closing_the_page_stops_the_turn(tmp_path, plain):
    visitor = session(tmp_path, {"name": "doze"})
    views = visitor.ask("sleep", [png(tmp_path, plain)])
    while "dozing" not in shown(next(views)):
        pass
    views.close()
    limit = time.monotonic() + 3
    while visitor.chat.trace.turn.stop_reason is None and time.monotonic() < limit:
        time.sleep(0.05)
    assert visitor.chat.trace.turn.stop_reason == "cancelled"


def test_a_second_request_while_one_runs_is_refused_and_kept(tmp_path, plain):
    visitor = session(tmp_path, {"name": "doze"})
    views = visitor.ask("sleep", [png(tmp_path, plain)])
    next(views)
    (refused,) = visitor.ask("hurry")
    assert "press Stop first" in shown(refused)
    assert refused.refill == ("hurry", ())
    views.close()


def test_a_bad_picture_is_named_and_nothing_is_lost(tmp_path, plain):
    visitor = session(tmp_path, "fine")
    good, bad = png(tmp_path, plain), tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    (view,) = visitor.ask("look", [good, bad])
    assert "&#39;bad&#46;png&#39; is not a picture of a known format" in shown(view)
    assert str(tmp_path) not in shown(view)
    assert view.refill == ("look", (good,))
    assert visitor.chat.trace.turns == ()
    *_, last = visitor.ask("look", [good])
    assert "fine" in shown(last)


def test_an_empty_request_is_refused_with_its_picture_kept(tmp_path, plain):
    visitor = session(tmp_path)
    path = png(tmp_path, plain)
    (view,) = visitor.ask("  ", [path])
    assert "the request is empty" in shown(view)
    assert view.refill == ("  ", (path,))


def test_a_bug_of_a_skill_is_said_and_the_chat_goes_on(tmp_path, plain):
    visitor = session(tmp_path, {"name": "break_down"}, "still here")
    *_, last = visitor.ask("break", [png(tmp_path, plain)])
    assert "ZeroDivisionError" in shown(last)
    assert shown(last).count("ZeroDivisionError") == 1
    *_, last = visitor.ask("and now?")
    assert "still here" in shown(last)


def test_a_mark_is_sent_with_the_request_and_cleared(tmp_path, plain):
    call = ToolCall(id="call_1", name="blur", args={"regions": "boxes_1"})
    visitor = session(tmp_path, PlannerOutput(calls=(call,)), "done")
    path = png(tmp_path, plain)
    visitor.look([path])
    visitor.marking.click(12, 8)
    visitor.marking.click(60, 40)
    *_, last = visitor.ask("blur this", [path])
    trace = visitor.chat.trace
    assert trace.turn.marks == ("boxes_1",)
    assert visitor.chat.artifacts.value("boxes_1").xyxy == ((12.0, 8.0, 60.0, 40.0),)
    assert trace.turn.steps[0].observations[0].status == "success"
    assert last.messages[0].pictures == ("img_1", "boxes_1")
    assert visitor.file("boxes_1") is not None
    assert visitor.marking.mark == ()


def test_a_mark_on_another_picture_is_refused(tmp_path, plain):
    visitor = session(tmp_path, "done")
    first, second = png(tmp_path, plain), png(tmp_path, plain, "b.png")
    visitor.look([first])
    visitor.marking.click(12, 8)
    (view,) = visitor.ask("this", [first, second])
    assert "mark the place again" in shown(view)
    *_, last = visitor.ask("this", [first, second])
    assert "done" in shown(last)


def test_visitors_have_folders_of_their_own_that_go_with_them(tmp_path, plain):
    agent = Agent(ScriptedPlanner(["one", "two"]))
    loader = Loader(agent)
    one, two = Session(loader, tmp_path), Session(loader, tmp_path)
    list(one.ask("hi", [png(tmp_path, plain)]))
    list(two.ask("hi"))
    assert one.folder != two.folder
    assert two.file("img_1") is None
    assert two.chat.trace.artifacts == {}
    one.close()
    assert not one.folder.exists()
    assert not (tmp_path / "a.png").exists()
    assert two.folder.exists()


@pytest.mark.parametrize("name", ["img_9", "../../etc/passwd", ""])
def test_a_name_that_is_no_artifact_has_no_file(tmp_path, name):
    assert session(tmp_path).file(name) is None
