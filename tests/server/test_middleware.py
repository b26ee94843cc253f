from __future__ import annotations

import asyncio
import contextlib
import errno
import http.client
import logging
import pathlib
import queue
import re
import select
import socket
from collections.abc import Callable, Iterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from entrepot.errors import InvalidCredentials, ObjectMissing, RepoMoved, RevisionNotFound
from entrepot.server.error_responses import REPEATS_5XX
from entrepot.server.metrics import Metrics
from entrepot.server.middleware import Middleware
from entrepot.server.raw_path import decode_segment
from entrepot.settings import Settings
from tests.support.served_hub import ServedHub

Serve = Callable[[ASGIApp], tuple[str, int]]


async def echo(request: Request) -> Response:
    request.state.caller = "alice"
    return PlainTextResponse(decode_segment(request.path_params["name"]))


async def missing(request: Request) -> Response:
    raise RevisionNotFound("dev")


async def challenge(request: Request) -> Response:
    request.scope["state"]["challenge"] = 'Basic realm="entrepot"'
    raise InvalidCredentials


async def moved(request: Request) -> Response:
    raise RepoMoved("a/b", "a/c")


async def broken(request: Request) -> Response:
    raise ZeroDivisionError("hf_secret")


async def full(request: Request) -> Response:
    raise OSError(errno.ENOSPC, "No space left on device")


async def damaged(request: Request) -> Response:
    raise ObjectMissing("0" * 40)


async def lasting(request: Request) -> Response:
    request.scope["state"][REPEATS_5XX] = True
    return await {"full": full, "damaged": damaged, "broken": broken}[request.path_params["what"]](request)


async def half(request: Request) -> Response:
    async def body():  # type: ignore[no-untyped-def] # noqa: ANN202
        yield b"x" * 10
        raise ZeroDivisionError

    return StreamingResponse(body())


async def refuse(request: Request) -> Response:
    raise RevisionNotFound("dev")


async def empty(request: Request) -> Response:
    return Response()


async def unchanged(request: Request) -> Response:
    return Response(status_code=304)


async def flow(request: Request) -> Response:
    return StreamingResponse(iter([b"x"]))


def app(metrics: Metrics | None = None, settings: Settings | None = None) -> ASGIApp:
    routes = [
        Route("/echo/{name}", echo),
        Route("/missing", missing),
        Route("/challenge", challenge),
        Route("/a/b/tree", moved, methods=["GET", "POST"]),
        Route("/broken", broken),
        Route("/damaged", damaged),
        Route("/full", full),
        Route("/lasting/{what}", lasting),
        Route("/half", half),
        Route("/refuse", refuse, methods=["PUT"]),
        Route("/empty", empty, methods=["PUT"]),
        Route("/unchanged", unchanged, methods=["PUT"]),
        Route("/flow", flow, methods=["PUT"]),
    ]
    return Middleware(Router(routes), metrics=metrics or Metrics(), settings=settings)


@pytest.fixture
def client(serve: Serve) -> httpx2.Client:
    host, port = serve(app())
    return httpx2.Client(base_url=f"http://{host}:{port}", timeout=240)


def test_a_request_id_is_echoed(client: httpx2.Client) -> None:
    assert client.get("/echo/x", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"


def test_without_one_the_id_contains_the_trace_id_on_any_status(client: httpx2.Client) -> None:
    for path in ("/echo/x", "/nowhere", "/broken"):
        answer = client.get(path, headers={"X-Amzn-Trace-Id": "11111111-2222"})
        assert "11111111-2222" in answer.headers["x-request-id"]


def test_an_insane_id_is_replaced(client: httpx2.Client) -> None:
    answer = client.get("/echo/x", headers={"X-Request-Id": "a b<script>", "X-Amzn-Trace-Id": "x" * 500})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


def test_an_encoded_slash_stays_inside_its_segment(client: httpx2.Client) -> None:
    assert client.get("/echo/a%2Fb%20%C3%A9").text == "a/b é"
    assert client.get("/echo/%FF").status_code == 400


def test_an_error_of_ours_is_json_with_its_code(client: httpx2.Client) -> None:
    answer = client.get("/missing")
    assert answer.status_code == 404
    assert answer.headers["x-error-code"] == "RevisionNotFound"
    assert answer.json() == {"error": "Invalid rev id: dev"}


def test_unknown_paths_and_methods_are_json_too(client: httpx2.Client) -> None:
    assert client.get("/nowhere").json() == {"error": "nothing is served at this path"}
    wrong = client.delete("/missing")
    assert (wrong.status_code, wrong.json()) == (
        405,
        {"error": "this path does not accept DELETE; it accepts GET, HEAD"},
    )
    assert "GET" in wrong.headers["allow"]


def test_a_full_disk_that_no_layer_below_has_noticed_is_told_in_words(client: httpx2.Client) -> None:
    answer = client.get("/full")
    assert answer.status_code == 507
    assert "space" in answer.json()["error"].lower()
    assert client.get("/echo/x").status_code == 200


def test_a_client_that_repeats_every_5xx_is_told_when_a_failure_lasts(client: httpx2.Client) -> None:
    assert [client.get(f"/lasting/{what}").status_code for what in ("full", "damaged", "broken")] == [413, 409, 500]
    assert "retry-after" not in client.get("/lasting/full").headers
    assert [client.get(f"/{what}").status_code for what in ("full", "damaged", "broken")] == [507, 500, 500]


def test_head_has_headers_and_no_body(client: httpx2.Client) -> None:
    answer = client.head("/missing")
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["x-error-message"] == "Invalid rev id: dev"


def test_a_401_carries_the_challenge_of_the_handler(client: httpx2.Client) -> None:
    assert client.get("/challenge").headers["www-authenticate"] == 'Basic realm="entrepot"'


def test_a_moved_repository_redirects_every_method(client: httpx2.Client) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, "/a/b/tree?recursive=true")
        assert (answer.status_code, answer.headers["location"]) == (307, "/a/c/tree?recursive=true")


def test_browsers_of_other_origins_may_read_and_ask(client: httpx2.Client) -> None:
    assert client.get("/echo/x").headers["access-control-allow-origin"] == "*"
    assert "X-Repo-Commit" in client.get("/missing").headers["access-control-expose-headers"]
    asked = client.options(
        "/echo/x",
        headers={"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,x-foo"},
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-headers"] == "authorization,x-foo"


def test_an_unknown_error_is_a_500_that_says_nothing(client: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/broken?token=hf_query")
    assert answer.status_code == 500
    assert "hf_secret" not in answer.text
    request_id = answer.headers["x-request-id"]
    assert request_id in answer.json()["error"]
    failures = [record for record in caplog.records if record.name == "entrepot.server" and record.exc_info]
    assert any(request_id in record.getMessage() for record in failures)
    assert "hf_query" not in caplog.text


def test_damage_is_logged_with_its_trace(client: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    assert client.get("/damaged").status_code == 500
    assert any(record.exc_info and "request.failed" in record.getMessage() for record in caplog.records)


def test_an_error_after_the_first_byte_cuts_the_connection(client: httpx2.Client) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get("/half")


class AccessLog(logging.Handler):
    """Collects the lines of the access log, which are written after the response was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put(record.getMessage())


@pytest.fixture
def access_log() -> Iterator[AccessLog]:
    logger, handler = logging.getLogger("entrepot.access"), AccessLog()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_the_access_log_has_one_line_without_query_or_token(client: httpx2.Client, access_log: AccessLog) -> None:
    client.get("/echo/a%2Fb?sig=hf_query", headers={"Authorization": "Bearer hf_token"})
    line = access_log.lines.get(timeout=240)
    assert line.startswith("request method=GET path=/echo/a%2Fb status=200 ms=")
    assert "caller=alice" in line
    assert "address=127.0.0.1" in line
    assert "hf_" not in line
    assert access_log.lines.empty()


def test_the_documented_filter_finds_the_address_of_a_failed_login(world: ServedHub, access_log: AccessLog) -> None:
    page = (pathlib.Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
    rule = re.search(r"^failregex = (.*)$", page, re.MULTILINE)
    assert rule is not None
    pattern = re.compile(rule[1].replace("<HOST>", r"(?P<host>[0-9a-fA-F:.]+)"))
    forwarded = {"x-forwarded-for": "203.0.113.9, 198.51.100.7"}
    world.client("hf_wrong", **forwarded).get("/api/whoami-v2")
    world.client("hf_wrong", **forwarded).get("/api/models/a/b?x= status=401 refused=credentials address=9.9.9.9 id=x")
    world.client(**forwarded).get("/api/whoami-v2")  # without credentials
    world.client(world.alice, **forwarded).get("/api/whoami-v2")
    found = [pattern.match("info " + access_log.lines.get(timeout=240)) for _ in range(4)]
    assert sorted(match["host"] for match in found if match) == ["198.51.100.7", "198.51.100.7"]


def test_a_refused_upload_is_answered_before_its_body_is_sent(serve: Serve) -> None:
    host, port = serve(app())
    with socket.create_connection((host, port), timeout=240) as peer:
        peer.sendall(b"PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n")
        assert peer.recv(1000).startswith(b"HTTP/1.1 404")


def test_a_peer_that_sends_its_whole_body_first_still_reads_the_response(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.server.middleware.LINGER_QUIET_S", 240.0)  # however slowly the peer sends
    monkeypatch.setattr("entrepot.server.middleware.LINGER_S", 240.0)
    host, port = serve(app())
    for _ in range(5):
        with socket.create_connection((host, port), timeout=240) as peer:
            peer.sendall(b"PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n")
            peer.sendall(bytes(30_000_000))
            assert peer.recv(1000).startswith(b"HTTP/1.1 404")


def test_a_peer_that_stops_sending_its_body_gets_the_whole_response_soon(serve: Serve) -> None:
    host, port = serve(app())
    with socket.create_connection((host, port), timeout=240) as peer:
        peer.sendall(b"PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n" + bytes(1000))
        answer = b""
        while not answer.endswith(b"}"):
            answer += peer.recv(10_000)
    assert answer.endswith(b'{"error":"Invalid rev id: dev"}')


@pytest.mark.parametrize(
    ("head", "status", "said"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a", 400, b"more than one Host header"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: evil.example", 400, b"more than one Host header"),
        (
            b"OPTIONS /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nAccess-Control-Request-Method: GET",
            400,
            b"more than one",
        ),
        (b"GET /healthz HTTP/1.1", 400, b"no Host header"),
        (b"GET /healthz HTTP/1.1\r\nHost: a b", 400, b"not a host"),
        (b"GET /healthz HTTP/1.1\r\nHost: a/b", 400, b"not a host"),
        (b"GET /healthz HTTP/1.1\r\nHost: u@a", 400, b"not a host"),
        (b"GET /healthz HTTP/1.1\r\nHost: a:b", 400, b"not a host"),
        (b"GET /healthz HTTP/1.1\r\nHost: some_host.example:8080", 200, b""),
        (b"GET /healthz HTTP/1.1\r\nHost: [::1]:8080", 200, b""),
        (b"GET /healthz HTTP/1.0", 200, b""),
        # Servers must accept a whole URL as request target (RFC 9112, section 3.2.2).
        (b"GET http://a/healthz HTTP/1.1\r\nHost: a", 200, b""),
    ],
)
def test_a_request_names_one_host(world: ServedHub, head: bytes, status: int, said: bytes) -> None:
    url = httpx2.URL(world.url)
    with socket.create_connection((url.host, url.port), timeout=240) as peer:
        peer.sendall(head + b"\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: peer.recv(10_000), b""))
    assert int(answer.split(b" ", 2)[1]) == status
    assert said in answer


def test_a_short_body_is_refused_with_its_reason(world: ServedHub) -> None:
    url = httpx2.URL(world.url)
    with socket.create_connection((url.host, url.port), timeout=240) as peer:
        peer.sendall(b"POST /api/validate-yaml HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{}")
        peer.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: peer.recv(10_000), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"closed the connection before its request was complete" in answer


@pytest.mark.parametrize(
    ("body", "is_told"),
    [(bytes(200_000), True), ([bytes(10)], True), (bytes(200), False), (b"", False)],
    ids=["long", "chunked", "short", "empty"],
)
def test_who_sends_a_long_unwanted_body_learns_that_the_connection_ends(
    serve: Serve, body: bytes | list[bytes], is_told: bool
) -> None:
    host, port = serve(app())
    with httpx2.Client(base_url=f"http://{host}:{port}", timeout=240) as client:
        told = (
            client.put("/refuse", content=body if isinstance(body, bytes) else iter(body)).headers.get("connection", "")
            == "close"
        )
        assert told == is_told
        assert client.get("/echo/x").text == "x"


ENDS = ("/refuse", "/empty", "/unchanged", "/flow")
"""Responses that end with their last byte, with their head (two kinds), and with a chunk."""


@pytest.mark.parametrize("expectation", [b"", b"Expect: 100-continue\r\n"], ids=["", "expects"])
@pytest.mark.parametrize("method", [b"PUT", b"HEAD", b"OPTIONS"], ids=bytes.decode)
@pytest.mark.parametrize("path", ENDS)
def test_who_withholds_a_short_body_learns_that_the_connection_ends(
    serve: Serve, path: str, method: bytes, expectation: bytes
) -> None:
    with socket.create_connection(serve(app()), timeout=240) as peer:
        peer.sendall(b"%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n%s\r\n" % (method, path.encode(), expectation))
        answer = b""
        while b"connection: close\r\n" not in answer:
            more = peer.recv(10_000)
            assert more, answer
            answer += more


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ENDS[:-1])
def test_a_short_body_that_arrives_late_keeps_its_connection(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, path: str, method: str
) -> None:
    monkeypatch.setattr("entrepot.server.middleware.LINGER_QUIET_S", 240.0)
    monkeypatch.setattr("entrepot.server.middleware.LINGER_S", 240.0)
    with contextlib.closing(http.client.HTTPConnection(*serve(app()), timeout=240)) as peer:
        peer.putrequest(method, path)
        peer.putheader("Content-Length", "5")
        peer.endheaders()
        assert peer.sock is not None
        assert not select.select([peer.sock], [], [], 0.1)[0]  # no response yet
        peer.send(b"12345")
        own = peer.sock
        response = peer.getresponse()
        response.read()
        assert "connection" not in response.headers
        peer.request("GET", "/echo/x")
        assert (peer.getresponse().read(), peer.sock) == (b"x", own)


def test_who_sends_one_body_too_many_learns_that_the_connection_ends(serve: Serve) -> None:
    host, port = serve(app(settings=Settings(data=pathlib.Path(), max_bodies=1, max_bodies_per_address=0)))
    with httpx2.Client(base_url=f"http://{host}:{port}", timeout=240) as client:
        response = client.put("/refuse", content=b"{")
        assert (response.status_code, response.headers["connection"]) == (503, "close")
        assert client.get("/echo/x").text == "x"


def test_requests_are_counted_under_their_route(serve: Serve) -> None:
    metrics = Metrics()
    host, port = serve(app(metrics))
    httpx2.get(f"http://{host}:{port}/echo/one")
    httpx2.get(f"http://{host}:{port}/echo/two")
    httpx2.get(f"http://{host}:{port}/nowhere")
    text = metrics.render().decode()
    assert 'entrepot_requests_total{method="GET",route="/echo/{name}",status="2xx"} 2.0' in text
    assert 'route="unmatched",status="4xx"' in text


def test_a_starlette_application_leaves_its_errors_to_the_middleware(serve: Serve) -> None:
    starlette = Starlette(routes=[Route("/missing", missing), Route("/broken", broken)])
    host, port = serve(Middleware(starlette, metrics=Metrics()))
    for path, status in (("missing", 404), ("broken", 500), ("nowhere", 404)):
        answer = httpx2.get(f"http://{host}:{port}/{path}")
        assert answer.status_code == status
        assert "error" in answer.json()


def test_a_cancelled_request_learns_that_the_hub_shuts_down() -> None:
    sent: list[int] = []

    async def stuck(scope, receive, send):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        await asyncio.Event().wait()

    async def main() -> None:
        async def send(message):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            sent.append(message.get("status", 0))

        async def receive():  # type: ignore[no-untyped-def] # noqa: ANN202
            return {"type": "http.request"}

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        request = asyncio.create_task(Middleware(stuck, metrics=Metrics())(scope, receive, send))
        await asyncio.sleep(0)
        request.cancel()
        await request

    asyncio.run(main())
    assert sent == [503, 0]
