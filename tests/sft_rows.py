"""Traces to train on: chats with a picture and a call, chats without a tool, and answers in four stages."""

from pathlib import Path

from agent import Observation, PlannerOutput, Step, ToolCall, Trace, Turn
from agent.saved import store_of
from agent.trace import Meta
from skills import Boxes
from skills.store import Artifacts, Store
from tests.probes import picture

THOUGHT = "find the faces"


def tool_chat(store: Store, number: int = 0) -> Trace:
    """A chat of two turns: faces are found and blurred, then something is answered without a tool."""
    artifacts = Artifacts(store)
    artifacts.add(picture(grey=40 + number))
    turn = Turn(request=f"blur every face {number}", images=("img_1",))
    trace = Trace(id=f"tools-{number}", turns=(turn,), artifacts=artifacts.records)
    found = artifacts.add(Boxes(xyxy=((1, 1, 9, 9),), labels=("face",), scores=(0.9,), frame="img_1"), "call_1")
    trace = trace.with_step(_step("call_1", "find_faces", {}, found, THOUGHT), artifacts.records)
    made = artifacts.add(picture(grey=90 + number), "call_2")
    trace = trace.with_step(_step("call_2", "blur", {"regions": found}, made), artifacts.records)
    trace = trace.with_step(Step(output=PlannerOutput(answer=f"Blurred [{found}.count]: [{made}]")), artifacts.records)
    trace = trace.with_end(answer="Blurred 1 face", stop_reason="answered")
    said = Step(output=PlannerOutput(answer="You are welcome."))
    trace = trace.with_turn(Turn(request="thank you", steps=(said,), answer="You are welcome."), artifacts.records)
    return trace.model_copy(update={"meta": Meta(offer=("find_faces", "blur"))})


def _step(call: str, name: str, args: dict[str, str], made: str, thought: str = "") -> Step:
    output = PlannerOutput(thought=thought, calls=(ToolCall(id=call, name=name, args=args),))
    seen = Observation(
        tool_call_id=call, status="success", content=f"{made} of img_1", artifacts=(made,), data={made: "1 face"}
    )
    return Step(output=output, observations=(seen,))


def plain_chat(store: Store, number: int = 0) -> Trace:
    """A picture and one answer, no offer."""
    artifacts = Artifacts(store)
    artifacts.add(picture(grey=140 + number))
    step = Step(output=PlannerOutput(answer=f"a red car {number}" + " in the street" * (number % 3)))
    turn = Turn(request="what does it say?", images=("img_1",), steps=(step,))
    return Trace(id=f"plain-{number}", turns=(turn,), artifacts=artifacts.records)


def staged_chat(store: Store, number: int = 0) -> Trace:
    """An answer in LLaVA-o1's four stages."""
    stages = ("SUMMARY", "CAPTION", "REASONING")
    thought = "\n\n".join(f"<{stage}> the car {number} </{stage}>" for stage in stages)
    plain = plain_chat(store, number)
    turn = plain.turn.model_copy(update={"steps": (Step(output=PlannerOutput(thought=thought, answer="red")),)})
    return plain.model_copy(update={"id": f"staged-{number}", "turns": (turn,)})


def write(path: Path, *traces: Trace) -> Path:
    """Write rows to a file."""
    path.write_text("".join(f"{trace.to_json()}\n" for trace in traces), encoding="utf-8")
    return path


def mixed(path: Path, count: int = 4) -> Path:
    """Write `count` rows with tools and as many without."""
    store = Store(store_of(path))
    return write(path, *(make(store, n) for n in range(count) for make in (tool_chat, plain_chat)))
