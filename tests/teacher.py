"""A teacher for tests: an OpenAI-compatible endpoint on 127.0.0.1 that answers well, unless it is told to misbehave."""

import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

from tool_data.teach_lesson import seeds

DESCRIPTION = (
    "A quiet room with a table in the middle, on which two cups stand side by side near the left edge; behind them a "
    "window lets in some light, and a chair is pushed against the wall."
)
STAGES = (
    "<SUMMARY> I will count the cups. </SUMMARY>\n\n<CAPTION> Two cups stand on a table. </CAPTION>\n\n"
    "<REASONING> One cup and one more cup are two. </REASONING>\n\n<CONCLUSION> 2 </CONCLUSION>"
)
CALLS = {
    "detect": ("Where is the {0}?", {"objects": ["{0}"]}),
    "segment": ("Outline the upper left part.", {"regions": [0, 0, 0.5, 0.5]}),
    "erase": ("Take away the corner.", {"regions": [0, 0, 0.3, 0.3]}),
    "blur": ("Make the corner soft.", {"regions": [0, 0, 0.3, 0.3]}),
    "crop": ("Only the left half, please.", {"region": [0, 0, 0.5, 1]}),
    "cut_out": ("Give me the middle alone.", {"regions": [0.2, 0.2, 0.8, 0.8]}),
    "annotate": ("Mark the middle.", {"regions": [0.2, 0.2, 0.8, 0.8]}),
    "rotate": ("Turn it upside down.", {"degrees": 180}),
    "adjust": ("A bit brighter, please.", {"brightness": 1.3}),
}


@dataclass
class Answer:
    """What the endpoint sends."""

    text: str = ""
    status: int = 200
    headers: dict = field(default_factory=dict)
    wait: float = 0.0
    raw: bytes | None = None
    finish: str = "stop"
    usage: bool = True


def kind_of(body):
    """Return the prompt that a request is made of."""
    system = body["messages"][0]["content"]
    return next(name for name, seed in seeds().items() if seed["system"] == system)


def good(body):
    """Return what a good teacher writes."""
    again = body["messages"][-1]["content"].startswith("That cannot be used")
    kind, asked = kind_of(body), body["messages"][-3 if again else -1]["content"]
    if kind == "description":
        return DESCRIPTION
    if kind == "conversation":
        turns = [{"question": f"Question {n}?", "answer": f"Answer {n}."} for n in (1, 2, 3)]
        return json.dumps({"turns": turns})
    if kind == "reasoning":
        return json.dumps({"question": "Why are there two?", "answer": "Because two people drank."})
    if kind == "stages":
        return STAGES
    if kind == "verify":
        return json.dumps({"valid": True, "reason": "all of it is true"})
    return chat(asked) if kind == "chat" else answer(asked)


def chat(asked):
    task = asked.splitlines()[-1]
    made = re.search(r"generate one of exactly '([^']*)'", task)
    if made:
        return draft([turn(f"Draw {made[1]} and a line to post it with.", "generate", {"prompt": made[1]})])
    absent = re.search(r"looks for '([^']*)'", task)
    offered = re.findall(r"^- ([a-z_]+)\(", asked, re.MULTILINE)
    names = [name for name in re.findall(r"(?:needs?|later one) ([a-z_]+)", task) if name in offered]
    thing = absent[1] if absent else (re.findall(r"can be found: ([^,.]+)", task) or ["cup"])[0]
    turns = [called(name, thing) for name in names]
    return draft([*turns, {"request": "Thanks, what a nice table.", "steps": []}] if "no skill" in task else turns)


def called(name, thing):
    request, args = CALLS.get(name, ("What about this one?", {}))
    filled = json.loads(json.dumps(args).replace("{0}", thing))
    return turn(request.format(thing), name, filled)


def turn(request, name, args):
    return {"request": request, "steps": [{"thought": "It is asked for.", "calls": [{"name": name, "args": args}]}]}


def draft(turns):
    return "```json\n" + json.dumps({"turns": turns}) + "\n```"


def answer(asked):
    found = re.findall(r"\b(boxes_\d+|text_\d+|mask_\d+|img_\d+)\b", asked.partition("Results:")[2])
    return f"Here it is: [{found[-1]}]." if found else "You are welcome."


class Endpoint:
    """A running endpoint; `behave(body, number)` returns an Answer, or None for a good one."""

    def __init__(self, behave=lambda body, number: None):
        self.behave, self.bodies, self.headers, self.times = behave, [], [], []
        self.guard = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, body, headers):
        with self.guard:
            self.bodies.append(body)
            self.headers.append(headers)
            self.times.append(time.monotonic())
            number = len(self.bodies)
        found = self.behave(body, number)
        return found if isinstance(found, Answer) else Answer(good(body) if found is None else found)


def handler(endpoint):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = endpoint.answer(body, dict(self.headers))
            time.sleep(said.wait)
            try:
                self.send(said)
            except OSError:
                endpoint.gone = True

        def send(self, said):
            data = said.raw if said.raw is not None else payload(said)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            return

    return Handler


def payload(said):
    if said.status != 200:
        return json.dumps({"error": {"message": said.text or "no"}}).encode()
    choice = {"message": {"role": "assistant", "content": said.text}, "finish_reason": said.finish}
    usage = {"usage": {"prompt_tokens": 100, "completion_tokens": 50}} if said.usage else {}
    return json.dumps({"choices": [choice], **usage}).encode()


def source(number, **more):
    """Return a source about two cups on a table."""
    boxes = [
        {"label": "cup", "box": [0.1, 0.4, 0.2, 0.6]},
        {"label": "cup", "box": [0.3, 0.4, 0.4, 0.6]},
        {"label": "table", "box": [0, 0.5, 1, 1]},
    ]
    known = {"id": f"s{number}", "image": "room.png", "captions": [f"Two cups on table {number}."], "boxes": boxes}
    return known | more


def write(folder: Path, *found):
    """Write sources and their picture; return the file's name."""
    Image.new("RGB", (64, 48), (120, 90, 60)).save(folder / "room.png")
    (folder / "sources.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    return str(folder / "sources.jsonl")
