"""What tests of several rooms need: a certificate, and a hub made of prepared answers."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest


@attrs.frozen
class Pems:
    """A certificate for 127.0.0.1 with its key, and that of the authority that signed it."""

    authority: Path
    cert: Path
    key: Path

    def renew(self, cert: Path, key: Path) -> None:
        """Put a fresh certificate of the same authority, with a fresh key, into the place of two files."""
        with tempfile.TemporaryDirectory(dir=cert.parent) as name:
            signed, secret = _issue(self.authority, Path(name))
            secret.replace(key)
            signed.replace(cert)


def _openssl(words: str, folder: Path) -> None:
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


_NEW = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


def _issue(authority: Path, folder: Path) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 and its key."""
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    _openssl(f"req {_NEW} -subj /CN=hub -keyout hub.key -out hub.csr", folder)
    signer = f"-CA {authority} -CAkey {authority.with_suffix('.key')} -CAcreateserial"
    _openssl(f"x509 -req -days 2 -in hub.csr {signer} -extfile names -out hub.pem", folder)
    return folder / "hub.pem", folder / "hub.key"


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """Made anew for each run, so that none is ever out of date or worth stealing."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("pems")

    _openssl(f"req -x509 {_NEW} -days 2 -subj /CN=authority -keyout authority.key -out authority.pem", folder)
    return Pems(folder / "authority.pem", *_issue(folder / "authority.pem", folder))


@attrs.frozen
class Reply:
    """An answer; a body that is no text or bytes becomes JSON. ``is_cut``: the connection breaks
    before its end. ``gate``: it is held back until this is set.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = attrs.field(factory=dict)
    is_cut: bool = False
    gate: threading.Event | None = None

    def content(self) -> bytes:
        """The bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@attrs.frozen
class Seen:
    """A request that came; header names are lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None when there is none."""
        return json.loads(self.body) if self.body else None


@attrs.define
class ScriptedHub:
    """Answers ``(method, path)`` with the replies that were prepared, the last one for ever; all else with 404."""

    url: str
    seen: list[Seen] = attrs.field(factory=list)
    _replies: dict[tuple[str, str], list[Reply]] = attrs.field(factory=dict)

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Prepare the answers to a request, in order."""
        self._replies[method, path] = list(replies)

    def answer(self, request: Seen) -> Reply:
        """The next answer, and a note of what came."""
        self.seen.append(request)
        waiting = self._replies.get((request.method, request.path), [Reply({"error": "nothing prepared"}, 404)])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        stand: ScriptedHub = self.server.stand  # type: ignore[attr-defined]
        reply = stand.answer(Seen(self.command, parts.path, query, headers, body))
        content = reply.content()
        if reply.gate is not None:
            reply.gate.wait(10)
        self.send_response_only(reply.status)  # without the date of today
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name in reply.headers}:
            self.send_header("Content-Length", str(len(content) + (100 if reply.is_cut else 0)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # who gave up does not listen any more
                self.wfile.write(content)
        self.close_connection = self.close_connection or reply.is_cut

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - dictated by the base

    def log_message(self, *_: object) -> None:
        pass


def _stand() -> Iterator[ScriptedHub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    stand = ScriptedHub(f"http://127.0.0.1:{server.server_port}")
    server.stand = stand  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield stand
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def scripted_hub() -> Iterator[ScriptedHub]:
    yield from _stand()


@pytest.fixture
def other_hub() -> Iterator[ScriptedHub]:
    """A hub of another origin."""
    yield from _stand()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply
