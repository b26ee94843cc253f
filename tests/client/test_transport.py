from __future__ import annotations

import gzip
import http.server
import io
import shutil
import ssl
import subprocess
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.client.calls import MAX_BODY, Call, ResultPage, json_as, nothing, page_of
from entrepot.client.http_errors import HubFailure
from entrepot.client.tokens import parse_token
from entrepot.client.transport import CHUNK, Transport, origin_of
from entrepot.errors import (
    AnswerUnusable,
    ConfigError,
    Conflict,
    EntrepotError,
    HubTimeout,
    HubUnreachable,
    NotFound,
    TlsFailed,
    Unavailable,
)
from tests.support.scripted_hub import Reply, ScriptedHub

TOKEN = "hf_abcdefghijklmnop"


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def transport(scripted_hub: ScriptedHub, waits: list[float]) -> Iterator[Transport]:
    with Transport(scripted_hub.url, TOKEN, user_agent="test", retries=2, wait=waits.append) as made:
        yield made


def get(path: str = "/x", **fields: Any) -> Call[Any]:
    return Call("GET", path, json_as(Any), **fields)


def text_of(path: str) -> Call[bytes]:
    return Call("GET", path, lambda answer: answer.body)


def test_a_call_travels_with_token_agent_query_and_body(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("POST", "/api/a%2Fb", reply({"ok": 1}))
    call = Call(
        "POST", "/api/a%2Fb", json_as(dict[str, int]), query=(("q", "a b"), ("q", "&")), body=b"{}", media_type="x/y"
    )
    assert transport.send(call) == {"ok": 1}
    [seen] = scripted_hub.seen
    assert seen.query == [("q", "a b"), ("q", "&")]
    assert seen.body == b"{}"
    assert seen.headers["content-type"] == "x/y"
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["user-agent"] == "test"


def test_connections_are_kept_alive(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    scripted_hub.on("GET", "/x", reply({}))
    transport.send(get())
    pool = transport._client("http")
    transport.send(get())
    assert transport._client("http") is pool
    transport.close()
    assert transport.send(get()) == {}


def test_the_token_never_goes_to_another_origin(
    scripted_hub: ScriptedHub, other_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    other_hub.on("GET", "/y", reply({}))
    transport.send(get(f"{other_hub.url}/y"))
    scripted_hub.on("GET", "/x", reply(status=302, headers={"Location": f"{other_hub.url}/y"}))
    transport.send(get())
    scripted_hub.on("GET", "/api/list", reply([1], headers={"Link": f'<{other_hub.url}/y>; rel="next"'}))
    other_hub.on("GET", "/y", reply([2]))
    assert list(transport.pages(Call("GET", "/api/list", page_of(json_as(list[int]))))) == [1, 2]
    assert len(other_hub.seen) == 3
    assert all("authorization" not in seen.headers for seen in other_hub.seen)
    assert all("authorization" in seen.headers for seen in scripted_hub.seen)


def test_the_token_is_sent_again_after_a_redirect_back(
    scripted_hub: ScriptedHub, other_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("GET", "/old", reply(status=307, headers={"Location": "/new?keep=1"}))
    scripted_hub.on("GET", "/new", reply({}))
    transport.send(get("/old"))
    assert [seen.headers.get("authorization") for seen in scripted_hub.seen] == [f"Bearer {TOKEN}"] * 2
    assert scripted_hub.seen[1].query == [("keep", "1")]


def test_a_signed_link_gets_no_token_even_at_home(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("PUT", "/part", reply())
    transport.upload("PUT", "/part", [b"x"], size=1)
    scripted_hub.on("GET", "/x", reply({}))
    transport.send(get(is_authorized=False))
    assert all("authorization" not in seen.headers for seen in scripted_hub.seen)


def test_the_body_is_sent_again_to_a_moved_repository(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("POST", "/old", reply(status=307, headers={"Location": "/new"}))
    scripted_hub.on("POST", "/new", reply())
    transport.send(Call("POST", "/old", nothing, body=b"payload"))
    assert [(seen.path, seen.body) for seen in scripted_hub.seen] == [("/old", b"payload"), ("/new", b"payload")]


def test_a_head_stays_with_the_headers_of_its_own_origin(
    scripted_hub: ScriptedHub, other_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("HEAD", "/f", reply(status=302, headers={"Location": f"{other_hub.url}/y", "X-Linked-Etag": "e"}))
    answer = transport.send(Call("HEAD", "/f", lambda answer: answer))
    assert (answer.status, answer.headers["x-linked-etag"]) == (302, "e")
    assert other_hub.seen == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://host/x"])
def test_a_redirect_out_of_the_web_is_refused(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply], location: str
) -> None:
    scripted_hub.on("GET", "/x", reply(status=302, headers={"Location": location}))
    with pytest.raises(AnswerUnusable, match="not http or https"):
        transport.send(get())


def test_redirects_in_a_circle_end(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    scripted_hub.on("GET", "/x", reply(status=302, headers={"Location": "/x"}))
    with pytest.raises(AnswerUnusable, match="too often"):
        transport.send(get())


def test_an_answer_without_end_is_not_read(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    packed = gzip.compress(b" " * 1_000_000)
    scripted_hub.on("GET", "/x", reply(packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(AnswerUnusable, match="more than 100,000 bytes"):
        transport.send(get(most_bytes=100_000))
    assert len(transport.send(attrs.evolve(text_of("/x"), most_bytes=None))) == 1_000_000
    assert MAX_BODY == 256 << 20


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate,gzip", "x"])
def test_an_encoding_that_was_not_asked_for_is_refused(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply], encoding: str
) -> None:
    scripted_hub.on("GET", "/x", reply(b"1", headers={"Content-Encoding": encoding}))
    with pytest.raises(AnswerUnusable, match="content encoding"):
        transport.send(get())
    assert scripted_hub.seen[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_temporary_errors_are_retried(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply], status: int, waits: list[float]
) -> None:
    scripted_hub.on("GET", "/x", reply(status=status), reply({"ok": 1}))
    assert transport.send(get()) == {"ok": 1}
    assert len(waits) == 1


def test_the_pause_of_the_hub_is_respected(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply], waits: list[float]
) -> None:
    limited = {"RateLimit": '"api";r=0;t=7'}
    scripted_hub.on(
        "GET", "/x", reply(status=429, headers={"Retry-After": "3"}), reply(status=429, headers=limited), reply({})
    )
    transport.send(get())
    assert waits == [3, 7]


def test_a_retry_after_header_is_capped(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply], waits: list[float]
) -> None:
    scripted_hub.on("GET", "/x", reply(status=503, headers={"Retry-After": "999999"}), reply({}))
    transport.send(get())
    assert waits == [60]


def test_a_broken_response_is_requested_again(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("GET", "/x", reply(b'{"ok"', is_cut=True), reply({"ok": 1}))
    assert transport.send(get()) == {"ok": 1}


def test_a_stream_is_retried_while_the_hub_is_busy(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("GET", "/f", reply(status=503), reply(b"abc"))
    with transport.stream(text_of("/f")) as stream:
        assert b"".join(stream.chunks()) == b"abc"


def test_patience_ends(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    scripted_hub.on("GET", "/x", reply({"error": "later"}, 503))
    with pytest.raises(Unavailable, match="later"):
        transport.send(get())
    assert len(scripted_hub.seen) == 3


def test_unrepeatable_calls_are_sent_once(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    scripted_hub.on("POST", "/x", reply(status=502))
    with pytest.raises(Unavailable):
        transport.send(Call("POST", "/x", nothing))
    scripted_hub.on("POST", "/cut", reply(b"{", is_cut=True))
    with pytest.raises(HubUnreachable):
        transport.send(Call("POST", "/cut", nothing))
    assert [seen.path for seen in scripted_hub.seen] == ["/x", "/cut"]


def test_a_rate_limited_call_is_always_retried(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("POST", "/x", reply(status=429), reply())
    transport.send(Call("POST", "/x", nothing))
    assert len(scripted_hub.seen) == 2


def test_a_permanent_error_is_raised_immediately(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("GET", "/x", reply({"error": "it is there"}, 409))
    with pytest.raises(Conflict) as caught:
        transport.send(get())
    assert isinstance(caught.value, HubFailure)
    assert caught.value.status == 409
    assert len(scripted_hub.seen) == 1


def test_pages_are_fetched_as_needed(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    scripted_hub.on(
        "GET",
        "/list",
        reply([1, 2], headers={"Link": '</list?cursor=a%20b&limit=2>; rel="next"'}),
        reply([3]),
    )
    items = transport.pages(Call("GET", "/list", page_of(json_as(list[int])), query=(("limit", "2"),)))
    assert [next(items), next(items)] == [1, 2]
    assert len(scripted_hub.seen) == 1
    assert list(items) == [3]
    assert scripted_hub.seen[1].query == [("cursor", "a b"), ("limit", "2")]


def test_pages_that_lead_back_are_not_followed_for_ever(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("GET", "/list", reply([1], headers={"Link": '</list?p=1>; rel="next"'}))
    with pytest.raises(AnswerUnusable, match="circle"):
        list(transport.pages(Call("GET", "/list", lambda answer: ResultPage([1], f"{scripted_hub.url}/list?p=1"))))


def test_a_stream_returns_the_requested_range(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("GET", "/f", reply(b"z" * (CHUNK + 5), 206))
    with transport.stream(text_of("/f"), start=10, end=20) as stream:
        pieces = list(stream.chunks())
    assert stream.status == 206
    assert b"".join(pieces) == b"z" * (CHUNK + 5)
    assert max(map(len, pieces)) <= CHUNK
    assert scripted_hub.seen[0].headers["range"] == "bytes=10-19"


def test_a_broken_stream_raises(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    scripted_hub.on("GET", "/f", reply(b"abc", is_cut=True))
    with transport.stream(text_of("/f")) as stream, pytest.raises(HubUnreachable):
        list(stream.chunks())


def test_a_stream_of_an_error_is_that_error(scripted_hub: ScriptedHub, transport: Transport) -> None:
    with pytest.raises(NotFound, match="nothing prepared"), transport.stream(text_of("/f")):
        pass


@pytest.mark.parametrize("content", [[b"ab", b"cde"], io.BytesIO(b"abcde")], ids=["pieces", "file"])
def test_an_upload_is_streamed_with_its_length(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply], content: Any
) -> None:
    scripted_hub.on("PUT", "/up", reply(headers={"ETag": '"1"'}))
    answer = transport.upload("PUT", f"{scripted_hub.url}/up", content, size=5, headers={"x-a": "b"})
    [seen] = scripted_hub.seen
    assert (seen.body, seen.headers["content-length"], seen.headers["x-a"]) == (b"abcde", "5", "b")
    assert "transfer-encoding" not in seen.headers
    assert answer.headers["etag"] == '"1"'


def test_an_upload_that_is_refused_is_an_error(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    scripted_hub.on("PUT", "/up", reply({"error": "no room"}, 507))
    with pytest.raises(Unavailable, match="no room"):
        transport.upload("PUT", "/up", [b"x"], size=1)


def test_errors_of_a_source_are_raised(scripted_hub: ScriptedHub, transport: Transport) -> None:
    def broken() -> Iterator[bytes]:
        yield b"a"
        raise Conflictual

    class Conflictual(Exception):
        pass

    with pytest.raises(Conflictual):
        transport.upload("PUT", "/up", broken(), size=2)


def test_no_hub_at_all(waits: list[float]) -> None:
    with (
        Transport("http://127.0.0.1:9", user_agent="t", retries=4, wait=waits.append) as transport,
        pytest.raises(HubUnreachable, match="cannot reach the hub at http://127"),
    ):
        transport.send(Call("POST", "/x", nothing))
    assert len(waits) == 1  # nothing was sent, so even a POST may be retried


@pytest.mark.parametrize(("was_there", "tries"), [(False, 1), (True, 4)])
def test_a_hub_that_responded_before_is_retried_more_often(
    scripted_hub: ScriptedHub, reply: type[Reply], waits: list[float], was_there: bool, tries: int
) -> None:
    scripted_hub.on("GET", "/x", reply({}))
    with Transport(scripted_hub.url, user_agent="t", retries=4, wait=waits.append) as transport:
        if was_there:
            transport.send(get())
        with pytest.raises(HubUnreachable):
            transport.send(get("http://127.0.0.1:9/x"))
    assert len(waits) == tries


def test_a_hub_without_tls(scripted_hub: ScriptedHub, waits: list[float]) -> None:
    url = scripted_hub.url.replace("http:", "https:")
    with Transport(url, user_agent="t", wait=waits.append) as transport, pytest.raises(TlsFailed, match="clock"):
        transport.send(get())
    assert waits == []


class _TlsHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def tls_hub(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a hub behind TLS, and the certificate of its authority, which is not trusted yet."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _TlsHandler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}", certificate
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="nothing here makes certificates")
def test_a_certificate_must_be_trusted(tls_hub: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, certificate = tls_hub
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with Transport(url, user_agent="t") as transport, pytest.raises(TlsFailed, match="self-signed certificate"):
        transport.send(get())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Transport(url, user_agent="t") as transport:
        assert transport.send(get()) == {}
    wrong_name = url.replace("localhost", "127.0.0.1")
    with Transport(wrong_name, user_agent="t") as transport, pytest.raises(TlsFailed, match="IP address mismatch"):
        transport.send(get())
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.missing")
    with Transport(url, user_agent="t") as transport, pytest.raises(TlsFailed, match="cannot be read"):
        transport.send(get())


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy.example")
    with Transport("http://hub.example", user_agent="t") as transport, pytest.raises(ConfigError, match="proxy"):
        transport.send(get())


def test_plain_http_costs_no_certificates(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    scripted_hub.on("GET", "/x", reply({}))
    transport.send(get())
    assert list(transport._clients) == ["http"]


def test_a_silent_hub(scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]) -> None:
    gate = threading.Event()
    scripted_hub.on("GET", "/x", reply(gate=gate))
    with pytest.raises(HubTimeout, match="did not answer within 1 s"):
        transport.send(get(), timeout_s=0.1, retries=0)
    gate.set()


def test_neither_the_token_nor_a_signature_is_shown(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    assert TOKEN not in repr(transport)
    scripted_hub.on("GET", "/x", reply({"error": f"bad token {TOKEN}"}, 400))
    with pytest.raises(HubFailure) as caught:
        transport.send(get(query=(("sig", "SECRET"),)))
    shown = f"{caught.value} {caught.value!r} {caught.value.url} {caught.value.response!r}"
    assert TOKEN not in shown
    assert "SECRET" not in shown


def test_origins_are_equal_when_only_the_default_port_differs() -> None:
    assert origin_of("https://Hub.example/x") == origin_of("https://hub.example:443")
    assert origin_of("http://hub.example") != origin_of("https://hub.example")
    with pytest.raises(AnswerUnusable):
        origin_of("http://[broken")


def test_a_configured_proxy_is_used(scripted_hub: ScriptedHub, reply: type[Reply]) -> None:
    scripted_hub.on("GET", "/x", reply({"from": "proxy"}))
    with Transport("http://hub.invalid", user_agent="t", proxy=scripted_hub.url) as transport:
        assert transport.send(get()) == {"from": "proxy"}
    assert scripted_hub.seen[0].headers["host"] == "hub.invalid"


def test_content_is_never_sent_on_to_another_address(
    scripted_hub: ScriptedHub, other_hub: ScriptedHub, transport: Transport, reply: type[Reply]
) -> None:
    for status in (301, 307, 308):
        scripted_hub.on("PUT", "/old", reply(status=status, headers={"Location": f"{other_hub.url}/new"}))
        with pytest.raises(AnswerUnusable, match="as the endpoint"):
            transport.send(Call("PUT", "/old", nothing, body=b"private"))
    with pytest.raises(AnswerUnusable, match="as the endpoint"):
        transport.upload("POST", f"{other_hub.url}/new", [b"x"], size=1, is_authorized=True)
    assert other_hub.seen == []


@pytest.mark.parametrize("location", ["http://u:hf_x@[h/", "http://u:hf_x@h:port/", "https://u:hf_x@h\uff0fx/"])
def test_an_address_that_cannot_be_read_is_not_quoted(
    scripted_hub: ScriptedHub, transport: Transport, reply: type[Reply], location: str
) -> None:
    scripted_hub.on("GET", "/x", reply(status=302, headers={"Location": location.encode().decode("latin-1")}))
    with pytest.raises(EntrepotError) as caught:
        transport.send(get())
    assert "hf_x" not in "".join(traceback.format_exception(caught.value))


def test_a_token_in_an_error_message_of_the_hub_is_masked(scripted_hub: ScriptedHub, reply: type[Reply]) -> None:
    with Transport(scripted_hub.url, parse_token("odd-token-7", "test"), user_agent="test", retries=0) as transport:
        for status in (400, 401, 403, 404, 409, 500):
            scripted_hub.on("GET", "/x", reply({"error": "no right for odd-token-7"}, status=status))
            with pytest.raises(HubFailure) as caught:
                transport.send(get())
            said = f"{caught.value} {caught.value!r} {caught.value.server_message}"
            assert "odd-token-7" not in said


@pytest.mark.parametrize("proxy", ["socks9://u:hf_x@h", "http://u:hf_x@h:port", "http://u:hf_x:99999"])
def test_a_proxy_that_cannot_be_used_is_not_quoted(proxy: str) -> None:
    with Transport("http://127.0.0.1:9", user_agent="test", proxy=proxy, retries=0) as transport:
        with pytest.raises(EntrepotError) as caught:
            transport.send(get())
        assert "hf_x" not in "".join(traceback.format_exception(caught.value))
