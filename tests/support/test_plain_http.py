from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.support.plain_http import PlainClient
from tests.support.running_apps import running


async def _echo(request: Request) -> Response:
    body = await request.body()
    told = f"{request.method} {request.url.path}?{request.url.query} {request.headers.get('x-a')} {body.decode()}"
    response = Response(told, 201)
    response.headers.append("x-b", "1")
    response.headers.append("x-b", "2")
    return response


async def _pieces(_request: Request) -> Response:
    async def send() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two ", b"\xff"):
            yield piece
            await asyncio.sleep(0)

    return StreamingResponse(send())


async def _closing(_request: Request) -> Response:
    return Response("bye", headers={"connection": "close"})


@pytest.fixture(scope="module")
def client() -> Iterator[PlainClient]:
    methods = ["GET", "HEAD", "POST", "DELETE"]
    routes = [Route("/pieces", _pieces), Route("/closing", _closing), Route("/{path:path}", _echo, methods=methods)]
    with running(Starlette(routes=routes)) as address, PlainClient(address.url, {"x-a": "always"}) as found:
        yield found


def test_a_request_is_sent_as_it_is_and_its_response_returned(client: PlainClient) -> None:
    answer = client.request("POST", "/a b/%2F/ü?q=1&r", headers={"X-A": "here"}, content=b"{}")
    assert (answer.status_code, answer.text) == (201, "POST /a b///ü?q=1&r here {}")
    assert answer.headers["x-b"] == "1, 2"
    assert client.request("DELETE", "/x").text == "DELETE /x? always "


def test_responses_of_every_kind_are_read_to_their_end(client: PlainClient) -> None:
    for _ in range(2):
        assert client.request("HEAD", "/x").content == b""
        assert client.request("GET", "/pieces").content == b"one two \xff"
        assert client.request("GET", "/closing").text == "bye"
        assert client.request("GET", "/x").text == "GET /x? always "


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabc",
    ],
)
def test_a_response_that_is_cut_off_is_an_error(cut: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for answer in (whole, cut):
                    connection.recv(10_000)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with PlainClient(f"http://127.0.0.1:{server.getsockname()[1]}", {}) as client:
            assert client.request("GET", "/").text == "a"
            with pytest.raises(EOFError):
                client.request("GET", "/")
        thread.join()
