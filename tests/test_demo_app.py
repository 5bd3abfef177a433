"""The page, driven over the loopback as a browser would."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

from agent import Agent, Delta, PlannerOutput
from demo.app import launch, main
from demo.layout import privacy
from skills import InputError, Picture, Text, skill

HOSTILE = "<img src=x onerror=alert(1)>"


@skill()
def read_sign(image: Picture) -> Text:
    """Read what a stranger wrote."""
    return Text.of(HOSTILE, "[x](javascript:alert(1))", untrusted=True)


class Clerk:
    """A planner without a memory of its own, so that visitors do not share a script."""

    name, checkpoint = "clerk", ""

    def plan(self, trace, skills, artifacts, cancel):
        if trace.turn.request == "wait":
            yield Delta("thought", "waiting")
            while True:
                cancel.check()
                time.sleep(0.01)
        if "text_1" not in artifacts and trace.turn.request == "read":
            yield Delta("thought", "read the sign")
            yield PlannerOutput(calls=({"id": "call_1", "name": "read_sign"},), thought="read the sign")
        else:
            yield PlannerOutput(answer=f"[text_1] for {trace.turn.request}, {len(trace.artifacts)} artifacts")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("root").resolve()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
            patch.setenv(name, "")
        page = launch(Agent(Clerk(), skills=[read_sign]), root, "127.0.0.1", free_port())
        yield page
        page.close(verbose=False)


@pytest.fixture
def client(page, tmp_path):
    from gradio_client import Client

    return Client(page.local_url, verbose=False, download_files=tmp_path, analytics_enabled=False)


def send(client, text, *paths):
    from gradio_client import handle_file

    files = [handle_file(str(path)) for path in paths]
    return client.submit({"text": text, "files": files}, api_name="/send")


def said(result):
    """Return the texts of the chat in a result."""
    return json.dumps(result[0], ensure_ascii=False)


@pytest.fixture
def picture(tmp_path, plain):
    path = tmp_path / "plain.png"
    path.write_bytes(plain.png)
    return path


def test_a_request_with_a_picture_streams_to_its_answer(client, picture):
    job = send(client, "read", picture)
    final = said(job.result(timeout=20))
    assert "read_sign" in final.replace("&#95;", "_")
    assert "&#60;img src&#61;x onerror" in final
    assert HOSTILE not in final
    assert "](javascript" not in final
    assert len(job.outputs()) > 1


def test_stop_ends_the_turn_and_the_next_message_works(client):
    job = send(client, "wait")
    while "waiting" not in str(job.outputs()):
        time.sleep(0.05)
    client.predict(api_name="/stop")
    stopped = time.monotonic()
    assert "■ stopped" in said(job.result(timeout=20))
    assert time.monotonic() - stopped < 3
    assert "for go on" in said(send(client, "go on").result(timeout=20))


def test_a_bad_picture_gets_a_line_and_the_text_stays_in_the_box(client, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    result = send(client, "read", bad).result(timeout=20)
    assert "is not a picture of a known format" in said(result)
    assert result[1]["text"] == "read"


def test_visitors_see_only_their_own_chat_and_run_side_by_side(page, client, picture):
    from gradio_client import Client

    other = Client(page.local_url, verbose=False, analytics_enabled=False)
    waiting = send(client, "wait", picture)
    assert "for hello&#44; 0 artifacts" in said(send(other, "hello").result(timeout=20))
    client.predict(api_name="/stop")
    waiting.result(timeout=20)


def test_a_new_chat_forgets_the_old_one(client, picture):
    send(client, "read", picture).result(timeout=20)
    client.predict(api_name="/new")
    assert "for fresh&#44; 0 artifacts" in said(send(client, "fresh").result(timeout=20))


def test_the_page_asks_nobody_else_for_anything(page):
    with urllib.request.urlopen(page.local_url) as answer:
        text = answer.read().decode()
    for outside in ("fonts.googleapis", "cdn.", '<script src="http', '<link rel="stylesheet" href="http'):
        assert outside not in text
    config = json.loads(urllib.request.urlopen(f"{page.local_url}config").read())
    assert config["analytics_enabled"] is False
    assert page.share is False
    assert page.allowed_paths == []


def test_other_files_of_the_machine_are_not_served(page):
    for path in ("/etc/passwd", "pyproject.toml"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{page.local_url}gradio_api/file={path}")
        assert refused.value.code in (403, 404)


def test_a_path_that_was_not_uploaded_is_refused(page):
    """A request made by hand names a file of the machine; the client would upload it first."""
    stranger = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [{"text": "read", "files": [stranger]}]}).encode()
    call = f"{page.local_url}gradio_api/call/send"
    request = urllib.request.Request(call, body, {"Content-Type": "application/json"})
    event = json.loads(urllib.request.urlopen(request).read())["event_id"]
    told = urllib.request.urlopen(f"{call}/{event}").read().decode()
    assert "event: error" in told
    assert "it was not uploaded by a user" in told


def test_the_privacy_line_names_skills_that_use_the_network():
    @skill(effects="network")
    def ask_server(image: Picture) -> Text:
        """Ask a server."""
        return Text.of("x")

    agent = Agent(Clerk(), skills=[ask_server])
    assert privacy(agent).endswith("Except: ask_server may use the network.")
    assert "Except" not in privacy(Agent(Clerk()))


def test_options_that_cannot_be_used_are_refused():
    with pytest.raises(InputError, match="no skill is named 'nothing'"):
        main(["--offer", "nothing", "--planner", "x"])


def test_a_port_that_is_taken_is_said(monkeypatch, tmp_path, page):
    monkeypatch.setattr("demo.app.signal.signal", lambda *_: None)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "")
    script = tmp_path / "script.json"
    script.write_text("[]")
    with pytest.raises(InputError, match=rf"cannot listen on 127.0.0.1:{page.server_port} .*choose another --port"):
        main(["--planner", f"scripted:{script}", "--port", str(page.server_port)])


def test_main_listens_and_ends_when_told(monkeypatch, tmp_path):
    seen = []
    script = tmp_path / "script.json"
    script.write_text('["hello"]')
    monkeypatch.setattr("demo.app.signal.signal", lambda *_: None)
    monkeypatch.setattr("demo.app.launch", lambda agent, root, host, port: seen.append((root, host, port)) or Page())
    assert main(["--planner", f"scripted:{script}", "--port", "9"]) == 0
    (root, host, port) = seen[0]
    assert (host, port) == ("127.0.0.1", 9)
    assert not root.exists()


class Page:
    """A page that ends at once."""

    def block_thread(self):
        assert threading.current_thread() is threading.main_thread()
