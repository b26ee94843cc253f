from __future__ import annotations

import asyncio
import hashlib
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.errors import ClientGone, ContentMismatch, LimitExceeded, Malformed
from entrepot.server.bodies import announced_size, read_pairs, read_small, receive_into, spool_lines
from entrepot.server.metrics import Metrics
from entrepot.server.middleware import Middleware
from entrepot.server.threads import Threads

MIB = 1024 * 1024
Serve = Callable[[ASGIApp], tuple[str, int]]


class Peer:
    """Sends the given chunks and counts how many were received; then ends or disconnects."""

    def __init__(self, *chunks: bytes, gone: bool = False) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        self._messages.append({"type": "http.disconnect"} if gone else {"type": "http.request"})
        self.taken = 0

    async def receive(self) -> Message:
        self.taken += 1
        return self._messages[self.taken - 1]


def received(peer: Peer, threads: Threads, write: Callable[[bytes], object], **options: Any) -> int:
    defaults = {"limit": None, "expected": None, "piece": 4}
    return asyncio.run(receive_into(peer.receive, write, threads=threads, **(defaults | options)))


def test_pieces_arrive_in_order_and_at_least_as_long_as_asked(threads: Threads) -> None:
    pieces: list[bytes] = []
    assert received(Peer(b"ab", b"c", b"defg", b"h"), threads, pieces.append) == 8
    assert pieces == [b"abcdefg", b"h"]


def test_an_empty_body_writes_nothing(threads: Threads) -> None:
    pieces: list[bytes] = []
    assert received(Peer(), threads, pieces.append, expected=0) == 0
    assert pieces == []


def test_writing_happens_in_a_transfer_thread(threads: Threads) -> None:
    names: set[str] = set()
    received(Peer(b"abcd"), threads, lambda _: names.add(threading.current_thread().name.partition("_")[0]))
    assert names == {"transfer"}


def test_the_next_piece_is_received_while_one_is_written(threads: Threads) -> None:
    peer = Peer(b"1111", b"2222", b"3333")
    second_taken = threading.Event()

    async def receive() -> Message:
        message = await peer.receive()
        if peer.taken == 2:
            second_taken.set()
        return message

    def write(_: bytes) -> None:
        assert second_taken.wait(60), "nothing was received during the write"

    assert asyncio.run(receive_into(receive, write, limit=None, expected=None, threads=threads, piece=4)) == 12


def test_a_body_above_the_limit_is_refused_before_the_rest_is_taken(threads: Threads) -> None:
    peer = Peer(b"abc", b"def", b"ghi", b"jkl")
    with pytest.raises(LimitExceeded):
        received(peer, threads, bytes, limit=5)
    assert peer.taken == 2


def test_a_body_longer_than_announced_is_refused_immediately(threads: Threads) -> None:
    peer = Peer(b"abc", b"def", b"ghi")
    with pytest.raises(ContentMismatch, match="size mismatch"):
        received(peer, threads, bytes, expected=4)
    assert peer.taken == 2


def test_a_body_shorter_than_announced_is_refused(threads: Threads) -> None:
    with pytest.raises(ContentMismatch, match="5 bytes, received 3 bytes"):
        received(Peer(b"abc"), threads, bytes, expected=5)


def test_a_peer_that_leaves_early_is_noticed_and_no_write_is_left_running(threads: Threads) -> None:
    done: list[bytes] = []
    with pytest.raises(ClientGone):
        received(Peer(b"abcd", b"e", gone=True), threads, done.append)
    assert done == [b"abcd"]


def test_an_error_of_the_write_ends_the_reception(threads: Threads) -> None:
    def full(_: bytes) -> None:
        raise OSError(28, "no space")

    with pytest.raises(OSError, match="no space"):
        received(Peer(b"abcd", b"efgh", b"ijkl"), threads, full)


def scope_with(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "headers": list(headers)}


def test_the_announced_size_is_checked_before_anything_is_read() -> None:
    assert announced_size(scope_with((b"content-length", b"5")), 5) == 5
    assert announced_size(scope_with((b"transfer-encoding", b"chunked")), 5) is None
    with pytest.raises(LimitExceeded):
        announced_size(scope_with((b"content-length", b"6")), 5)
    for nonsense in (b"-1", b"five", b""):
        with pytest.raises(Malformed):
            announced_size(scope_with((b"content-length", nonsense)), 5)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b" GZIP, identity"])
def test_a_compressed_body_is_refused_unread_and_told_why(coding: bytes) -> None:
    compressed, plain = scope_with((b"content-encoding", coding)), scope_with((b"content-encoding", b"Identity"))
    peer = Peer(b"ab")
    for read in (
        lambda: announced_size(compressed, 5),
        lambda: asyncio.run(read_small(Request(compressed, peer.receive), 4)),
    ):
        with pytest.raises(Malformed, match="malformed Content-Encoding header: send the body uncompressed"):
            read()
    assert peer.taken == 0
    assert asyncio.run(read_small(Request(plain, peer.receive), 4)) == b"ab"


def test_a_small_body_is_read_whole_and_a_large_one_refused_unread() -> None:
    peer = Peer(b"ab", b"cd")
    assert asyncio.run(read_small(Request(scope_with(), peer.receive), 4)) == b"abcd"
    unread = Peer(b"abcd")
    with pytest.raises(LimitExceeded):
        asyncio.run(read_small(Request(scope_with((b"content-length", b"5")), unread.receive), 4))
    assert unread.taken == 0
    with pytest.raises(LimitExceeded):
        asyncio.run(read_small(Request(scope_with(), Peer(b"abc", b"de").receive), 4))


def spooled(peer: Peer, threads: Threads, **options: Any) -> list[bytes]:
    defaults = {"max_line": 100, "max_body": 10_000}
    with asyncio.run(spool_lines(peer.receive, threads=threads, **(defaults | options))) as body:
        assert list(body.lines()) == list(body.lines())
        return list(body.lines())


def test_lines_are_the_same_however_the_body_is_cut(threads: Threads) -> None:
    text = b'{"a":1}\n\n{"b":2}\r\n{"c":3}'
    expected = [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    for size in (1, 3, 100):
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        assert spooled(Peer(*chunks), threads) == expected


def test_a_large_body_goes_to_disk_and_reads_the_same(threads: Threads, tmp_path: Path) -> None:
    assert spooled(Peer(b"one\ntwo\nthree"), threads, in_memory=4, folder=tmp_path) == [b"one", b"two", b"three"]


def test_a_hundred_megabytes_without_a_newline_are_refused_early(threads: Threads) -> None:
    peer = Peer(*[b"x" * MIB] * 100)
    with pytest.raises(LimitExceeded, match="a line"):
        asyncio.run(spool_lines(peer.receive, max_line=5 * MIB, max_body=1 << 40, threads=threads))
    assert peer.taken <= 6


@pytest.mark.parametrize("text", [b"short\n" + b"x" * 101 + b"\nshort", b"x" * 101, b"\n" + b"x" * 101])
def test_a_long_line_is_found_anywhere(threads: Threads, text: bytes) -> None:
    with pytest.raises(LimitExceeded):
        spooled(Peer(text), threads)


def test_a_line_of_just_the_limit_passes(threads: Threads) -> None:
    assert spooled(Peer(b"x" * 60, b"x" * 40 + b"\n", b"y" * 100), threads) == [b"x" * 100, b"y" * 100]


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"\r\r\n", b"\n\r\n"])
def test_blank_lines_are_left_out_and_kept_nowhere(threads: Threads, blank: bytes) -> None:
    chunks = (b"one\r\n", blank * 70_000, b"\rtwo", b" three\n" + blank * 70_000, b"four")
    assert spooled(Peer(*chunks), threads, max_body=MIB) == [b"one", b"\rtwo three", b"four"]
    if blank != b"\r\r\n":
        with asyncio.run(spool_lines(Peer(*chunks).receive, max_line=MIB, max_body=MIB, threads=threads)) as body:
            assert body.size < 40


def test_a_body_of_lines_has_a_limit_too(threads: Threads) -> None:
    with pytest.raises(LimitExceeded, match="the request body"):
        spooled(Peer(b"a\n" * 10), threads, max_body=19)


def test_the_file_is_closed_when_spooling_fails(
    threads: Threads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    real = tempfile.TemporaryFile

    def remember(*args: Any, **options: Any) -> Any:
        made.append(real(*args, **options))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", remember)
    peer = Peer(b"a\n" * MIB, b"b\n", gone=True)
    with pytest.raises(ClientGone):
        asyncio.run(spool_lines(peer.receive, max_line=9, max_body=1 << 30, threads=threads, folder=tmp_path))
    assert made
    assert made[0].closed


def hashing_app(threads: Threads, limit: int | None, seen: list[BaseException]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        digest = hashlib.sha256()
        expected = announced_size(scope, None)
        try:
            size = await receive_into(receive, digest.update, limit=limit, expected=expected, threads=threads)
        except BaseException as error:
            seen.append(error)
            gone.set()
            raise
        await PlainTextResponse(f"{size} {digest.hexdigest()}")(scope, receive, send)

    gone = threading.Event()
    app.gone = gone  # type: ignore[attr-defined]
    return app


def test_a_real_upload_arrives_unchanged(serve: Serve, threads: Threads) -> None:
    host, port = serve(Middleware(hashing_app(threads, None, []), metrics=Metrics()))
    data = bytes(range(256)) * 4096 * 5
    answer = httpx2.put(f"http://{host}:{port}/", content=data)
    assert answer.text == f"{len(data)} {hashlib.sha256(data).hexdigest()}"
    halves = (data[start : start + 70_000] for start in range(0, len(data), 70_000))
    assert httpx2.put(f"http://{host}:{port}/", content=halves).text == answer.text


def test_a_refused_upload_gets_its_response_to_read(serve: Serve, threads: Threads) -> None:
    host, port = serve(Middleware(hashing_app(threads, 1000, []), metrics=Metrics()))
    with socket.create_connection((host, port), timeout=240) as peer:
        peer.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
        peer.sendall(bytes(20_000_000))
        assert peer.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_peer_that_hangs_up_during_an_upload_ends_it(serve: Serve, threads: Threads) -> None:
    seen: list[BaseException] = []
    app = hashing_app(threads, None, seen)
    host, port = serve(Middleware(app, metrics=Metrics()))
    with socket.create_connection((host, port)) as peer:
        peer.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + bytes(3 * MIB))
    assert app.gone.wait(60)  # type: ignore[attr-defined]
    assert [type(error) for error in seen] == [ClientGone]


def pairs_of(*chunks: bytes, limit: int = 100, most_fields: int = 3) -> list[tuple[str, str]]:
    return asyncio.run(read_pairs(Request({"type": "http", "headers": []}, Peer(*chunks).receive), limit, most_fields))


def test_the_fields_of_a_form_keep_their_order_and_their_blank_values() -> None:
    assert pairs_of(b"b=1&a=%C3%A9+x&", b"b=") == [("b", "1"), ("a", "é x"), ("b", "")]
    assert pairs_of() == []


@pytest.mark.parametrize("body", [b"a=%FF", b"a=\xff", b"a=1&b=2&c=3&d=4"])
def test_what_browsers_do_not_send_is_no_form(body: bytes) -> None:
    with pytest.raises(Malformed, match="form"):
        pairs_of(body)


def test_a_form_that_is_too_long_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        pairs_of(b"a=" + b"x" * 100)
