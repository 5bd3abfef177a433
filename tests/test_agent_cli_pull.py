"""`handeye pull` against a server on this machine: a broken transfer is resumed, a wrong hash is refused."""

import functools
import hashlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from agent.cli import main
from agent.fetch import fetch
from agent.sources import read_sums
from skills import InputError
from skills.checkpoint import Checkpoint, url_path

CONTENT = bytes(range(256)) * 4096


class Server(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    breaks = 0
    deaf = False
    shift = 0

    def do_GET(self):
        told = self.headers.get("Range", "")
        type(self).asked.append(told)
        begin = int(told.removeprefix("bytes=").rstrip("-")) if told else 0
        rest = CONTENT[begin:]
        if type(self).deaf:
            rest, told = CONTENT, ""
        if told and begin >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.end_headers()
            return
        self.send_response(206 if told else 200)
        if told:
            start = begin + type(self).shift
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
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
    Server.asked, Server.breaks, Server.deaf, Server.shift = [], 0, False, 0
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


@pytest.mark.parametrize(("deaf", "shift"), [(True, 0), (False, 7)])
def test_a_server_that_does_not_go_on_there_sends_all_of_it_again(url, deaf, shift):
    Server.breaks, Server.deaf, Server.shift = 1, deaf, shift
    with pytest.raises(InputError, match="the next pull goes on where it stopped"):
        fetch(_checkpoint(url))
    assert fetch(_checkpoint(url)).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT, CONTENT + b"more"])
def test_what_was_whole_is_taken_and_what_is_too_long_is_fetched_anew(url, content):
    checkpoint = _checkpoint(url)
    kept = url_path(checkpoint)
    kept.parent.mkdir(parents=True)
    kept.with_name("small.onnx.part").write_bytes(content)
    assert fetch(checkpoint).read_bytes() == CONTENT


def test_without_a_pinned_hash_nothing_is_pieced_together(url):
    Server.breaks = 1
    with pytest.raises(InputError, match="1048576 bytes came; try again later"):
        fetch(Checkpoint(url))
    assert fetch(Checkpoint(url)).read_bytes() == CONTENT
    assert Server.asked == ["", ""]


def test_a_pickle_without_a_pinned_hash_is_not_asked_for(url):
    pickle = url.replace("small.onnx", "model.pth")
    with pytest.raises(InputError, match=r"'model\.pth' of 'http.*' is a pickle and no hash is pinned, so it is not"):
        fetch(Checkpoint(pickle))
    with pytest.raises(InputError, match=r"'sam\.pth' of 'org/sam' is a pickle"):
        fetch(Checkpoint("org/sam", files=("sam.pth",)))
    assert Server.asked == []
    mark = hashlib.sha256(CONTENT).hexdigest()
    assert fetch(Checkpoint(pickle, sha256={"model.pth": mark})).read_bytes() == CONTENT


def test_a_full_disk_is_said_before_and_while_it_is_written(url, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=70_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(InputError, match=r"^690\.0 MB are to be written and 2\.9 MB are free at '.*'; free space, or"):
        fetch(Checkpoint("org/large", size=690_000_000))
    partial = url_path(_checkpoint(url)).with_name("small.onnx.part")
    partial.parent.mkdir(parents=True)
    partial.symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"^the disk is full, '.*\.part' could not be written to its end; free space"):
        fetch(_checkpoint(url))


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
    assert "\n1 in all, size unknown\n" in said.out


def _laid_out(folder: Path) -> dict[str, bytes]:
    """Lay out a checkpoint `org/tiny` in a folder, with a pickle nobody pinned, and return the files to be fetched."""
    files = {"config.json": b"{}", "unet/model.safetensors": b"weights"}
    for name, content in {**files, "pytorch_model.bin": b"pickle"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files


def _sums(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  ./{f.relative_to(folder).as_posix()}" for f in files]
    (folder / "SHA256SUMS").write_text("\n".join(lines))


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


TINY = Checkpoint("org/tiny", size=7)


@pytest.mark.parametrize("layout", ["org/tiny", f"models--org--tiny/snapshots/{'a' * 40}"])
def test_a_folder_by_checkpoint_id_or_a_hubs_cache_is_copied(layout, tmp_path):
    files = _laid_out(tmp_path / "usb" / layout)
    if "models" in layout:
        (tmp_path / "usb/models--org--tiny/refs").mkdir()
        (tmp_path / "usb/models--org--tiny/refs/main").write_text("a" * 40)
    assert TINY.path() is None
    kept = fetch(TINY, str(tmp_path / "usb"))
    assert TINY.path() == kept
    assert _files(kept) == files


def test_a_folder_that_lacks_it_or_holds_another_file_is_said(tmp_path):
    with pytest.raises(InputError) as caught:
        fetch(TINY, str(tmp_path))
    assert str(caught.value) == (
        f"'org/tiny' is not in {str(tmp_path)!r} (looked for 'org/tiny', 'models--org--tiny/snapshots/main'); "
        "put it there or correct --from"
    )
    _laid_out(tmp_path / "org/tiny")
    _sums(tmp_path / "org/tiny")
    (tmp_path / "org/tiny/config.json").write_text("{1}")
    with pytest.raises(InputError, match=r"'config\.json\.part' has the SHA-256"):
        fetch(TINY, str(tmp_path))
    assert TINY.path() is None
    with pytest.raises(
        InputError, match=r"'https://e\.org/a/m\.onnx' is not in .* \(looked for 'e\.org/a/m\.onnx', 'm\."
    ):
        fetch(Checkpoint("https://e.org/a/m.onnx"), str(tmp_path))
    (tmp_path / "m.onnx").write_bytes(b"1")
    assert fetch(Checkpoint("https://e.org/a/m.onnx"), str(tmp_path)).read_bytes() == b"1"


@pytest.fixture
def site(tmp_path):
    """A plain web server of a folder, and the folder."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *told):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    server.server_close()


def test_a_plain_server_by_checkpoint_id_names_its_files_in_sums(site, capsys, tmp_path):
    address, folder = site
    files = _laid_out(folder / "org/tiny")
    _sums(folder / "org/tiny")
    table = tmp_path / "mine.toml"
    table.write_text("[skills.detect]\ncheckpoint = 'org/tiny'\nlicence = 'MIT'\nsize = 7\n")
    assert main(["pull", "detect", "--profile", str(table), "--from", address, "--yes"]) == 0
    kept = TINY.path()
    assert capsys.readouterr().out == (
        "detect: org/tiny (main), 7 B, licence MIT; not pinned, what it is may change\n"
        f"1 in all, 7 B, from {address}\n"
        f"org/tiny -> {kept}\n"
    )
    assert {name: content for name, content in _files(kept).items() if name != "SHA256SUMS"} == files
    (folder / "e.org").mkdir()
    (folder / "e.org/m.onnx").write_bytes(b"1")
    assert fetch(Checkpoint("https://e.org/m.onnx"), address).read_bytes() == b"1"
    assert main(["pull", "detect", "--from", "nowhere"]) == 2
    assert "--from 'nowhere' is no folder; expected one, or a URL with" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["no line", f"{'a' * 64}  ../outside", f"{'a' * 64}  /etc/outside"])
def test_sums_that_lead_elsewhere_are_refused(line):
    with pytest.raises(InputError, match=r"^line 1 of 'there' is '.*; expected a SHA-256, two spaces and a file$"):
        read_sums(line, "there")


def _entry(name: str, content: bytes) -> dict[str, object]:
    """Return what a hub's listing says of one large file."""
    size, mark = len(content), hashlib.sha256(content).hexdigest()
    large = {"oid": mark, "size": size, "pointerSize": 130}
    return {"type": "file", "path": name, "oid": mark[:40], "size": size, "lfs": large}


class Hub(BaseHTTPRequestHandler):
    """What a hub answers, of one repository."""

    commit = "c" * 40
    files: ClassVar[dict[str, bytes]] = {"config.json": b"{}", "model.safetensors": b"weights", "model.bin": b"pickle"}
    wrong = False
    tokens: ClassVar[set[object]] = set()

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        type(self).tokens.add(self.headers.get("Authorization"))
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        head = {"X-Repo-Commit": self.commit}
        if self.path.startswith("/api/models/org/tiny/revision/"):
            siblings = [{"rfilename": name} for name in self.files]
            content = json.dumps({"id": "org/tiny", "sha": self.commit, "siblings": siblings}).encode()
        elif self.path.startswith(f"/api/models/org/tiny/tree/{self.commit}"):
            content = json.dumps([_entry(name, kept) for name, kept in self.files.items()]).encode()
        elif self.path.startswith(f"/org/tiny/resolve/{self.commit}/") and name in self.files:
            content = self.files[name]
            head["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            content = content[::-1] if type(self).wrong and name.endswith("safetensors") else content
        else:
            self.send_error(404)
            return
        self.send_response(200)
        for key, value in {**head, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content if body else b"")

    def log_message(self, *told):
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    Hub.wrong = False
    Hub.tokens.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_mirror_of_the_hub_is_checked_and_told_no_password(hub, tmp_path):
    with pytest.raises(InputError, match=r"^'org/gone' cannot be fetched from http.*; what came is kept$"):
        fetch(Checkpoint("org/gone"), hub)
    Hub.wrong = True
    with pytest.raises(InputError, match=r"'model\.safetensors' has the SHA-256"):
        fetch(TINY, hub)
    assert TINY.path() is None
    Hub.wrong = False
    kept = fetch(TINY, hub)
    assert TINY.path() == kept == tmp_path / "hub/models--org--tiny/snapshots" / Hub.commit
    assert sorted(path.name for path in kept.iterdir()) == ["config.json", "model.safetensors"]
    assert Hub.tokens == {None}
    (kept.parents[1] / "blobs" / "half.incomplete").touch()
    assert TINY.path() is None


def test_a_repository_without_safetensors_is_said(hub, monkeypatch):
    monkeypatch.setattr(Hub, "files", {"config.json": b"{}", "model.bin": b"pickle"})
    with pytest.raises(
        InputError, match=r"^'org/tiny' was fetched to .* but is not complete there \(looked for \*\.safe"
    ):
        fetch(TINY, hub)
