"""The chat's messages, made of traces and events without a page."""

import html
import re

from agent import (
    CallReady,
    CallStarted,
    Citation,
    Delta,
    Observation,
    PlannerOutput,
    Progress,
    Step,
    StepEnded,
    ToolCall,
    Trace,
    Turn,
)
from agent.trace import CallError
from demo.markup import block, marked, plain
from demo.view import Running, messages

HOSTILE = "<img src=x onerror=alert(1)>\n[x](javascript:alert(1)) **b** `c` $x$ https://evil.example &amp; _u_"
CALL = ToolCall(id="call_1", name="find_faces", args={"image": "img_1"})


def seen(**changes):
    return Observation(**{"tool_call_id": "call_1", "status": "success", "args": {"image": "img_1"}, **changes})


def trace(*steps, **turn):
    return Trace(id="t", turns=(Turn(request="how many?", images=("img_1",), steps=steps, **turn),))


def step(observation, thought="look for faces"):
    return Step(output=PlannerOutput(thought=thought, calls=(CALL,)), observations=(observation,))


def visible(markup):
    """Return what a browser shows of markup: tags taken out, references resolved."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def test_hostile_text_keeps_its_characters_and_is_neither_html_nor_markdown():
    written = plain(HOSTILE)
    assert html.unescape(written) == HOSTILE
    assert "\n" not in written
    assert not set("<>[]()*`_$:/\"'") & set(written)


def test_control_characters_are_dropped_and_line_breaks_kept():
    assert html.unescape(plain("a\x00\x1bb\r\nc\td\x7f")) == "ab\nc\td"


def test_a_block_of_nothing_is_nothing():
    assert block("") == ""
    assert block("a.b", "error") == '<div class="he-error">a&#46;b</div>'


def test_citations_name_their_source_and_escape_what_they_insert():
    shown = marked("It says <b>!", [(8, 12, "text_1")])
    assert shown == (
        '<div class="he-text">It says <span class="he-cite" title="text&#95;1">&#60;b&#62;&#33;</span></div>'
    )


def test_a_finished_turn_shows_thought_call_pictures_and_answer():
    done = step(seen(content="boxes_1: 1 face", data={"boxes_1": "1 face"}, artifacts=("boxes_1",), seconds=0.5))
    answer = {"answer": "1 face", "citations": (Citation(start=0, end=1, ref="boxes_1.count"),)}
    user, thought, call, pictures, said = messages(trace(done, **answer, stop_reason="answered"))
    assert (user.role, visible(user.text), user.pictures) == ("user", "how many?", ("img_1",))
    assert (visible(thought.title), thought.status) == ("Thought: look for faces", "done")
    assert (visible(call.title), call.parent) == ("⚙ find_faces · 1 face", "0.0")
    assert (call.status, call.seconds) == ("done", 0.5)
    assert visible(call.text) == 'image = "img_1"boxes_1: 1 face'
    assert pictures.pictures == ("boxes_1",)
    assert visible(said.text) == "1 face"


def test_an_error_stays_open_with_its_mending_line():
    failed = seen(status="error", error=CallError(type="unavailable", message="detect cannot run here: pull it"))
    _, thought, call = messages(trace(step(failed)))
    assert (thought.status, call.status) == ("", "")
    assert visible(call.title) == "✗ find_faces · unavailable"
    assert "he-error" in call.text
    assert "detect cannot run here: pull it" in visible(call.text)


def test_a_cached_result_says_so_and_a_call_without_thought_stands_alone():
    _, call = messages(trace(step(seen(cached=True), thought="")))
    assert (visible(call.title), call.parent) == ("⚙ find_faces · cached", "")


def test_what_ended_a_turn_is_said():
    *_, stopped = messages(trace(step(seen(status="cancelled")), stop_reason="cancelled"))
    assert visible(stopped.text).startswith("■ stopped")
    *_, bug = messages(trace(step(seen()), notes=("ended by a bug: ZeroDivisionError('x')",)))
    assert "he-error" in bug.text
    assert "ZeroDivisionError" in visible(bug.text)


def test_a_malformed_output_is_shown():
    error = CallError(type="bad_arguments", message="'<x>' could not be read")
    note = seen(tool_call_id="", status="error", error=error)
    _, shown = messages(trace(Step(output=PlannerOutput(malformed="<x>"), observations=(note,))))
    assert visible(shown.title) == "✗ not understood"
    assert visible(shown.text) == "'<x>' could not be read"


def test_a_running_turn_grows_with_its_events():
    running = Running("how many?", ("sent_1",), line="loading the planner ...")
    assert visible(messages(Trace(id="t"), running)[-1].text) == "loading the planner ..."
    running.take(Delta("thought", "look for "))
    running.take(Delta("thought", "faces"))
    running.take(Delta("call", "find_fa"))
    *_, thought, writing = messages(Trace(id="t"), running)
    assert (visible(thought.title), thought.status) == ("Thought: look for faces", "pending")
    assert visible(writing.text) == "find_fa"
    running.take(CallReady(CALL))
    running.take(CallStarted(CALL))
    running.take(Progress("call_1", 3, 10, "cascades"))
    *_, call = messages(Trace(id="t"), running)
    assert (call.status, call.parent) == ("pending", "now")
    assert visible(call.text) == 'image = "img_1"cascades 3 of 10'
    running.take(seen(content="boxes_1: 1 face"))
    *_, call = messages(Trace(id="t"), running)
    assert call.status == "done"


def test_a_step_that_ended_is_shown_once():
    running = Running("how many?", ("sent_1",))
    running.take(Delta("thought", "look for faces"))
    whole = trace(step(seen()))
    running.take(StepEnded(whole))
    assert messages(whole, running) == messages(whole)


def test_long_thoughts_are_short_in_the_title_and_whole_inside():
    long = "word " * 60
    _, thought, _ = messages(trace(step(seen(), thought=long)))
    assert len(visible(thought.title)) < 110
    assert visible(thought.text) == long
