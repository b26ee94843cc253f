from __future__ import annotations

import gzip
import hashlib
import http.server
import random
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from entrepot.client import response_bodies
from entrepot.client.response_bodies import ResponseBody

DATA = random.Random(3).randbytes(1 << 20)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind = self.path.strip("/")
        body = gzip.compress(DATA) if kind == "gzip" else b"" if kind == "empty" else DATA
        self.send_response(200)
        if kind == "gzip":
            self.send_header("Content-Encoding", "gzip")
        if kind == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind == "silent":
            self.wfile.write(body[:300_000])
            self.rfile.read(1)  # until the reader closes the connection
        elif kind == "broken":
            self.wfile.write(body[:300_000])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def serve(wrap: Callable[[http.server.HTTPServer], None]) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    wrap(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def url() -> Iterator[str]:
    for port in serve(lambda server: None):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def wrap(server: http.server.HTTPServer) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True)

    for port in serve(wrap):
        yield f"https://localhost:{port}", ssl.create_default_context(cafile=str(certificate))


def received(client: httpx2.Client, url: str, into: bytearray, step: int = 100_000, timeout_s: float = 10) -> None:
    """Receive a body in steps; received bytes stay in ``into`` if the connection breaks."""
    space = memoryview(bytearray(step))
    with client.stream("GET", url) as response:
        body = ResponseBody(response, timeout_s)
        while count := body.read_into(space):
            into += space[:count]
        assert body.read_into(space) == 0


@pytest.fixture(params=["direct", "through the library"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_bodies, "DIRECT_FROM", 1 if request.param == "direct" else 1 << 60)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", ["plain", "gzip", "chunked", "empty"])
@pytest.mark.parametrize("step", [999, 1 << 21])
def test_every_kind_of_body_arrives_whole(url: str, kind: str, step: int) -> None:
    found = bytearray()
    with httpx2.Client() as client:
        received(client, f"{url}/{kind}", found, step)
        received(client, f"{url}/{kind}", found, step)  # on the same connection, or a new one
    assert found == (b"" if kind == "empty" else DATA * 2)


@pytest.mark.usefixtures("way")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing here makes certificates")
def test_a_body_arrives_whole_through_tls(tls: tuple[str, ssl.SSLContext]) -> None:
    found = bytearray()
    with httpx2.Client(verify=tls[1]) as client:
        received(client, f"{tls[0]}/plain", found)
    assert hashlib.sha256(found).digest() == hashlib.sha256(DATA).digest()


@pytest.mark.usefixtures("way")
def test_bytes_before_a_broken_connection_are_returned(url: str) -> None:
    found = bytearray()
    with httpx2.Client() as client, pytest.raises(httpx2.RemoteProtocolError):
        received(client, f"{url}/broken", found)
    assert found == DATA[:300_000]


@pytest.mark.usefixtures("way")
def test_a_peer_that_falls_silent_is_not_waited_for_for_ever(url: str) -> None:
    found = bytearray()
    with httpx2.Client(timeout=0.3) as client, pytest.raises(httpx2.ReadTimeout):
        received(client, f"{url}/silent", found, timeout_s=0.3)
    assert found == DATA[:300_000]


def test_only_long_plain_bodies_leave_the_library(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_bodies, "DIRECT_FROM", len(DATA))
    taken = {}
    with httpx2.Client() as client:
        for kind in ("plain", "gzip", "chunked", "empty"):
            with client.stream("GET", f"{url}/{kind}") as response:
                taken[kind] = ResponseBody(response, 10)._socket is not None
    assert taken == {"plain": True, "gzip": False, "chunked": False, "empty": False}
