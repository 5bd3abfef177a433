"""`handeye pull` against a server on this machine: a broken transfer is resumed, a wrong hash is refused."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from agent.cli import main
from agent.fetch import fetch
from skills import InputError
from skills.checkpoint import Checkpoint, url_path

CONTENT = bytes(range(256)) * 4096


class Server(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    breaks = 0

    def do_GET(self):
        told = self.headers.get("Range", "")
        type(self).asked.append(told)
        begin = int(told.removeprefix("bytes=").rstrip("-")) if told else 0
        rest = CONTENT[begin:]
        self.send_response(206 if told else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if type(self).breaks:
            type(self).breaks -= 1
            self.wfile.write(rest[: len(rest) // 3])
            self.connection.close()
            return
        self.wfile.write(rest)

    def log_message(self, *told):
        """Say nothing."""


@pytest.fixture
def url(monkeypatch, tmp_path):
    monkeypatch.setenv("HANDEYE_HOME", str(tmp_path))
    Server.asked, Server.breaks = [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/small.onnx"
    server.shutdown()
    server.server_close()


def _checkpoint(url: str, content: bytes = CONTENT) -> Checkpoint:
    return Checkpoint(url, licence="MIT", size=len(CONTENT), sha256={"small.onnx": hashlib.sha256(content).hexdigest()})


def test_a_file_is_fetched_once_checked_and_then_here(url):
    checkpoint = _checkpoint(url)
    assert checkpoint.path() is None
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert checkpoint.path() == url_path(checkpoint)


def test_a_transfer_that_broke_off_goes_on_where_it_stopped(url):
    Server.breaks = 1
    checkpoint = _checkpoint(url)
    with pytest.raises(
        InputError, match=r"broke off: \d+ of 1048576 bytes came; the next pull goes on where it stopped"
    ):
        fetch(checkpoint)
    assert fetch(checkpoint).read_bytes() == CONTENT
    assert Server.asked == ["", f"bytes={len(CONTENT) // 3}-"]


def test_a_file_with_another_hash_is_refused_and_not_kept(url):
    checkpoint = _checkpoint(url, b"something else")
    with pytest.raises(InputError, match=r"'small\.onnx\.part' has the SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}"):
        fetch(checkpoint)
    assert checkpoint.path() is None
    assert list(url_path(checkpoint).parent.iterdir()) == []


def test_a_path_that_is_not_there_is_no_download(tmp_path):
    with pytest.raises(InputError, match="is no hub id and no URL, and nothing lies there; correct its path"):
        fetch(Checkpoint(str(tmp_path / "gone" / "deep")))


def test_what_would_be_fetched_is_listed_and_asked_first(url, tmp_path, capsys):
    profile = tmp_path / "mine.toml"
    table = f'[skills.detect]\nimplementation = "fastest_det"\ncheckpoint = "{url}"\n'
    sha = hashlib.sha256(CONTENT).hexdigest()
    profile.write_text(f'{table}sha256 = "{sha}"\n')
    assert main(["pull", "detect", "--profile", str(profile)]) == 2
    said = capsys.readouterr()
    assert f"detect: {url}" in said.out
    assert "licence" in said.out
    assert said.err == "handeye: nobody is here to be asked; add --yes to fetch what is listed\n"
    assert Server.asked == []
    assert main(["pull", "detect", "--profile", str(profile), "--yes"]) == 0
    assert main(["pull", "detect", "--profile", str(profile)]) == 0
    assert capsys.readouterr().out.endswith("nothing to fetch: every checkpoint of these skills is here\n")
