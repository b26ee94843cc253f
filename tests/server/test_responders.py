from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Callable
from email.parser import BytesParser
from typing import Any

import attrs
import httpx2
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.errors import BlobMissing, ObjectDamaged
from entrepot.server import responders
from entrepot.server.metrics import Metrics
from entrepot.server.middleware import Middleware
from entrepot.server.responders import PIECE, SMALL_PIECE, MemoryContent, disposition, send_content
from entrepot.server.threads import Threads

TEN = b"0123456789"
Serve = Callable[[ASGIApp], tuple[str, int]]


@attrs.define(eq=False)
class Bytes:
    """Content in memory that records its use."""

    data: bytes
    etag: str = "e1"
    content_type: str = "text/plain; charset=utf-8"
    reads: list[tuple[int, int]] = attrs.field(factory=list)
    closed: threading.Event = attrs.field(factory=threading.Event)

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        assert not self.closed.is_set()
        self.reads.append((offset, length))
        return self.data[offset : offset + length]

    def close(self) -> None:
        assert not self.closed.is_set(), "closed twice"
        self.closed.set()


@attrs.define
class Answer:
    status: int = 0
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    ended: bool = False


def ask(content: Any, threads: Threads, method: str = "GET", **headers: str) -> Answer:
    answer = Answer()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message["body"]
            answer.ended = not message.get("more_body", False)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {"type": "http", "method": method, "headers": pairs}
    asyncio.run(
        send_content(scope, receive, send, content, threads=threads, filename="a.txt", headers=[("X-Repo-Commit", "c")])
    )
    assert answer.ended
    return answer


def test_a_whole_file_with_all_its_headers(threads: Threads) -> None:
    content = Bytes(TEN)
    answer = ask(content, threads)
    assert (answer.status, answer.body) == (200, TEN)
    assert answer.headers == {
        "content-type": "text/plain; charset=utf-8",
        "content-length": "10",
        "etag": '"e1"',
        "accept-ranges": "bytes",
        "content-disposition": "inline; filename*=UTF-8''a.txt; filename=\"a.txt\"",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "X-Repo-Commit": "c",
    }
    assert content.closed.is_set()


def test_head_has_the_headers_of_get_and_reads_nothing(threads: Threads) -> None:
    content = Bytes(TEN)
    head = ask(content, threads, "HEAD", range="bytes=0-1")
    assert (head.status, head.body, content.reads) == (200, b"", [])
    assert head.headers == ask(Bytes(TEN), threads).headers
    assert content.closed.is_set()


def test_one_range(threads: Threads) -> None:
    answer = ask(Bytes(TEN), threads, range="bytes=2-4")
    assert (answer.status, answer.body) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"
    assert answer.headers["content-length"] == "3"


def test_several_ranges_come_as_parts(threads: Threads) -> None:
    answer = ask(Bytes(TEN), threads, range="bytes=0-1,-3")
    assert answer.status == 206
    assert int(answer.headers["content-length"]) == len(answer.body)
    document = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n" + answer.body
    parts = BytesParser().parsebytes(document).get_payload()
    assert isinstance(parts, list)
    assert [(part["content-range"], part.get_payload()) for part in parts] == [
        ("bytes 0-1/10", "01"),
        ("bytes 7-9/10", "789"),
    ]
    assert {part["content-type"] for part in parts} == {"text/plain; charset=utf-8"}


def test_a_range_outside_the_file_is_refused_and_the_content_closed(threads: Threads) -> None:
    content = Bytes(TEN)
    answer = ask(content, threads, range="bytes=10-")
    assert (answer.status, answer.headers["content-range"], answer.headers["etag"]) == (416, "bytes */10", '"e1"')
    assert content.closed.is_set()


def test_a_known_tag_is_answered_304_without_a_body(threads: Threads) -> None:
    answer = ask(Bytes(TEN), threads, if_none_match='W/"e1"')
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == '"e1"'
    assert answer.headers["X-Repo-Commit"] == "c"
    assert "content-length" not in answer.headers


def test_a_wrong_if_match_is_412(threads: Threads) -> None:
    assert ask(Bytes(TEN), threads, if_match='"other"').status == 412


def test_a_range_of_another_version_is_answered_with_the_whole_file(threads: Threads) -> None:
    assert ask(Bytes(TEN), threads, range="bytes=2-", if_range='"other"').status == 200
    assert ask(Bytes(TEN), threads, range="bytes=2-", if_range='"e1"').body == b"23456789"


def test_the_probe_of_an_empty_file_is_200_with_a_content_range(threads: Threads) -> None:
    answer = ask(Bytes(b""), threads, range="bytes=0-0")
    assert (answer.status, answer.body, answer.headers["content-range"]) == (200, b"", "bytes */0")
    assert answer.headers["content-length"] == "0"


def test_a_large_file_comes_in_growing_pieces_unchanged(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responders, "_SLOW_SECONDS_PER_BYTE", 1.0)  # no machine is that slow
    data = os.urandom(1024) * 20 * 1024
    content = Bytes(data)
    assert ask(content, threads).body == data
    assert content.reads[0] == (0, SMALL_PIECE)
    assert content.reads[-2][1] == PIECE


def test_a_file_that_cannot_be_read_fails_before_the_response_begins(threads: Threads) -> None:
    class Missing(Bytes):
        def read_at(self, offset: int, length: int) -> bytes:
            raise BlobMissing("k")

    content = Missing(TEN)
    with pytest.raises(BlobMissing):
        ask(content, threads)
    assert content.closed.is_set()


def test_a_file_that_is_shorter_than_promised_is_damage(threads: Threads) -> None:
    class Short(Bytes):
        @property
        def size(self) -> int:
            return 11

    with pytest.raises(ObjectDamaged, match="11 bytes expected"):
        ask(Short(TEN), threads)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.bin", "inline; filename*=UTF-8''model.bin; filename=\"model.bin\""),
        ("é.txt", "inline; filename*=UTF-8''%C3%A9.txt; filename=\"_.txt\""),
        ('a"b\\c.txt', "inline; filename*=UTF-8''a%22b%5Cc.txt; filename=\"a_b_c.txt\""),
        ("a\r\nSet-Cookie: x", "inline; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x; filename=\"a__Set-Cookie: x\""),
        ("50%.txt", "inline; filename*=UTF-8''50%25.txt; filename=\"50_.txt\""),
    ],
)
def test_names_are_offered_safely(name: str, expected: str) -> None:
    assert disposition(name) == expected


def file_app(threads: Threads, make: Callable[[], Bytes]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send_content(scope, receive, send, make(), threads=threads, filename="big.bin")

    return Middleware(app, metrics=Metrics())


def test_real_downloads_are_whole_and_in_ranges(serve: Serve, threads: Threads) -> None:
    data = os.urandom(3 * 1024 * 1024 + 17)
    host, port = serve(file_app(threads, lambda: Bytes(data)))
    url = f"http://{host}:{port}/"
    with httpx2.Client() as client:
        assert client.get(url).content == data
        part = client.get(url, headers={"Range": "bytes=1000000-2999999"})
        assert (part.status_code, part.content) == (206, data[1_000_000:3_000_000])
        several = client.get(url, headers={"Range": "bytes=0-9,1000000-1999999"})
        assert data[1_000_000:2_000_000] in several.content
        head = client.head(url)
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(data)))
        refused = client.get(url, headers={"Range": f"bytes={len(data)}-"})
        assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{len(data)}")
        assert client.get(url, headers={"If-None-Match": '"e1"'}).status_code == 304


class Endless(Bytes):
    """A terabyte of zeros."""

    @property
    def size(self) -> int:
        return 1 << 40

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return bytes(length)


def test_reading_stops_when_the_peer_has_gone(serve: Serve, threads: Threads) -> None:
    content = Endless(b"")
    host, port = serve(file_app(threads, lambda: content))
    with socket.create_connection((host, port)) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert re.match(rb"HTTP/1.1 200", peer.recv(100_000))
    assert content.closed.wait(60)
    assert content.reads[-1][0] < 1 << 32


def test_a_peer_that_does_not_read_is_not_read_ahead_for(serve: Serve, threads: Threads) -> None:
    """Bytes read from the content stay close to the size of socket buffers, however long the peer waits."""
    content = Endless(b"")
    host, port = serve(file_app(threads, lambda: content))
    with socket.create_connection((host, port)) as stuck:
        stuck.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert stuck.recv(10)
        other = Bytes(TEN)
        host, port = serve(file_app(threads, lambda: other))
        for _ in range(50):
            httpx2.get(f"http://{host}:{port}/")
            other.closed.clear()
        assert sum(length for _, length in content.reads) < 100 * 1024 * 1024
    assert content.closed.wait(60)


def test_content_in_memory_is_answered_without_a_thread() -> None:
    threads = Threads(short=1, transfers=1)
    threads.close()  # any call in a thread would now fail
    held = MemoryContent("e1", "text/plain; charset=utf-8", len(TEN), TEN)
    whole, part = ask(held, threads), ask(held, threads, range="bytes=2-3")
    several = ask(held, threads, range="bytes=0-1,5-6")
    assert (whole.status, whole.body) == (200, TEN)
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"23", "bytes 2-3/10")
    assert (several.status, several.headers["content-length"]) == (206, str(len(several.body)))
    assert several.body.count(b"Content-Range:") == 2


def test_a_description_answers_head_and_not_modified(threads: Threads) -> None:
    described = MemoryContent("e1", "text/plain; charset=utf-8", len(TEN), b"")
    head, same = ask(described, threads, "HEAD"), ask(described, threads, "HEAD", if_none_match='"e1"')
    assert (head.status, head.headers["content-length"], head.body) == (200, "10", b"")
    assert (same.status, same.body) == (304, b"")
