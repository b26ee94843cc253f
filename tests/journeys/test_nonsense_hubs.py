"""Servers that are no hub, or hostile: every call ends with an error of this package that shows no token."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import entrepot
from entrepot.client import transport
from entrepot.errors import EntrepotError

TOKEN = "hf_" + "aB3" * 11

Reply = tuple[int, dict[str, str], bytes]
JSON = {"Content-Type": "application/json"}
REPLIES: dict[str, Reply] = {
    "page": (200, {"Content-Type": "text/html"}, b"<html>welcome</html>"),
    "cut off": (200, JSON, b'{"sha": "abc'),
    "another shape": (200, JSON, b"[1, 2]"),
    "null": (200, JSON, b"null"),
    "deep": (200, JSON, b"[" * 100_000),
    "deep object": (400, JSON, b'{"a":' * 100_000),
    "nothing": (200, {}, b""),
    "echo": (401, JSON, b'{"error": "bad token Bearer ' + TOKEN.encode() + b'"}'),
    "echo of a mistake": (409, JSON, b'{"error": "' + TOKEN.encode() + b'"}'),
    "negative length": (200, {"Content-Length": "-5"}, b""),
    "shorter than it says": (200, {"Content-Length": "500"}, b"{}"),
    "not compressed": (200, {"Content-Encoding": "gzip"}, b"plain"),
    "evil headers": (200, {"X-Repo-Commit": "../../etc", "ETag": '"../../x"', "Content-Length": "3"}, b"abc"),
    "unknown status": (999, {}, b""),
    "no address": (302, {"Location": f"http://u:{TOKEN}@[::1"}, b""),
}


class NonsenseHub(ThreadingHTTPServer):
    """Responds to everything with ``reply``."""

    reply: Reply = REPLIES["page"]


class _Handler(BaseHTTPRequestHandler):
    server: NonsenseHub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, headers, body = self.server.reply
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


for _method in ("POST", "PUT", "HEAD", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler.do_GET)


@pytest.fixture(scope="module")
def nonsense() -> Iterator[NonsenseHub]:
    with NonsenseHub(("127.0.0.1", 0), _Handler) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()


@pytest.mark.parametrize("kind", REPLIES)
def test_every_call_ends_in_words_and_without_the_token(
    nonsense: NonsenseHub, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(transport, "_MAX_WAIT_S", 0.0)
    monkeypatch.setattr("time.sleep", lambda _: None)
    nonsense.reply = REPLIES[kind]
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "a.txt").write_text("x")
    api = entrepot.HubApi(f"http://127.0.0.1:{nonsense.server_port}", TOKEN)
    calls: tuple[Callable[[], object], ...] = (
        api.whoami,
        lambda: api.model_info("a/b"),
        lambda: api.list_repo_files("a/b"),
        lambda: api.hf_hub_download("a/b", "x.txt"),
        lambda: api.snapshot_download("a/b"),
        lambda: api.snapshot_download("a/b", revision="a" * 40),
        lambda: api.upload_folder(repo_id="a/b", folder_path=tmp_path / "up"),
        lambda: api.upload_file(path_or_fileobj=os.urandom(100_000), path_in_repo="b.bin", repo_id="a/b"),
        lambda: api.create_repo("a/b"),
        lambda: api.delete_file("x", "a/b"),
    )
    for call in calls:
        with pytest.raises(EntrepotError) as caught:
            call()
        assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert {path.name for path in tmp_path.iterdir()} <= {"up", "home"}
