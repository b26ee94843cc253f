"""Reads from a socket, against a service that answers as it is told."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator

import attrs
import pytest

from entrepot.blobs.s3 import plain_reads as module
from entrepot.blobs.s3.plain_reads import PlainReads, plain_reads
from entrepot.blobs.s3.signing import UrlSigner
from entrepot.errors import StoreUnavailable

DATA = bytes(range(256)) * 40
_RANGE = re.compile(rb"Range: bytes=(\d+)-(\d+)\r\n")


def answer(start: int, stop: int, data: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{stop - 1}/{len(DATA)}\r\n"
    return f"{head}{headers}content-length: {stop - start}\r\n\r\n".encode() + data


def right(start: int, stop: int) -> bytes:
    return answer(start, stop, DATA[start:stop])


@attrs.define
class Service:
    """``rule`` makes the answer to a range, None for none; with ``closes``, connections end after their first answer.

    The last ``trickled`` bytes of an answer are sent one by one, with pauses.
    """

    listener: socket.socket
    rule: Callable[[int, int], bytes | None] = right
    closes: bool = False
    trickled: int = 0
    peers: list[int] = attrs.field(factory=list)
    closed: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):  # by a reader that does not want the rest
            while asked := connection.recv(65536):
                self.peers.append(connection.getpeername()[1])
                found = _RANGE.search(asked)
                assert found is not None
                said = self.rule(int(found[1]), int(found[2]) + 1)
                if said is not None:
                    self._send(connection, said)
                if self.closes:
                    break
        self.closed.release()

    def _send(self, connection: socket.socket, said: bytes) -> None:
        at = max(len(said) - self.trickled, 0)
        connection.sendall(said[:at])
        for number in range(at, len(said)):
            threading.Event().wait(0.02)
            connection.sendall(said[number : number + 1])


@pytest.fixture
def service() -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Service(listener)
        serving = threading.Thread(target=found.serve, daemon=True)
        serving.start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


@pytest.fixture
def reads(service: Service) -> PlainReads:
    found = plain_reads(UrlSigner("b", "us-east-1", service.url, "key", "secret"), {})
    assert found is not None
    return found


def read(reads: PlainReads, start: int, stop: int, piece: int = 1000) -> bytes:
    stream = reads.open("k", start, stop)
    assert stream is not None
    with stream:
        return b"".join(iter(lambda: stream.read(piece), b""))


def test_bytes_arrive_whole_and_the_connection_is_used_again(service: Service, reads: PlainReads) -> None:
    assert read(reads, 0, 10_000) == DATA[:10_000]
    assert read(reads, 17, 4017) == DATA[17:4017]
    assert read(reads, 5, 6, piece=1 << 20) == DATA[5:6]
    assert len(service.peers) == 3
    assert len(set(service.peers)) == 1


def test_a_connection_that_was_not_read_to_its_end_is_not_used_again(service: Service, reads: PlainReads) -> None:
    stream = reads.open("k", 0, 10_000)
    assert stream is not None
    assert stream.read(10) == DATA[:10]
    stream.close()
    assert read(reads, 0, 100) == DATA[:100]
    assert len(set(service.peers)) == 2


def test_a_connection_that_the_service_has_closed_is_replaced(service: Service, reads: PlainReads) -> None:
    service.closes = True
    for turn in range(3):
        assert read(reads, turn, 100) == DATA[turn:100]
        assert service.closed.acquire(timeout=240)
    assert len(set(service.peers)) == 3


@pytest.mark.parametrize(
    "rule",
    [
        lambda _start, _stop: b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
        lambda _start, _stop: b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
        lambda start, stop: answer(start, stop - 1, DATA[start : stop - 1]),
        lambda start, stop: answer(start + 1, stop + 1, DATA[start + 1 : stop + 1]),
        lambda start, stop: right(start, stop).replace(b"content-length", b"x-length"),
        lambda _start, _stop: b"SSH-2.0-x\r\n\r\n",
        lambda _start, _stop: b"HTTP/1.1 206 Partial Content\r\nx: " + bytes(100_000),
    ],
    ids=["whole", "redirect", "shorter", "other", "no length", "no HTTP", "long head"],
)
def test_an_answer_with_other_bytes_is_left_to_the_library(
    service: Service, reads: PlainReads, rule: Callable[[int, int], bytes]
) -> None:
    service.rule = rule
    assert reads.open("k", 0, 100) is None
    service.rule = right
    assert reads.open("k", 0, 100) is None, "after a failure there is a pause"
    assert len(service.peers) == 1


def test_after_the_pause_the_service_is_asked_again(
    service: Service, reads: PlainReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    service.rule = lambda _start, _stop: b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"
    assert reads.open("k", 0, 100) is None
    service.rule = right
    assert read(reads, 0, 100) == DATA[:100]


def test_an_absent_object_is_no_failure_of_the_service(service: Service, reads: PlainReads) -> None:
    service.rule = lambda _start, _stop: b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
    assert reads.open("k", 0, 100) is None
    service.rule = right
    assert read(reads, 0, 100) == DATA[:100]


def test_a_body_that_breaks_off_is_an_outage(service: Service, reads: PlainReads) -> None:
    service.closes = True
    service.rule = lambda start, stop: answer(start, stop, DATA[:60])
    stream = reads.open("k", 0, 100)
    assert stream is not None
    assert stream.read(50) == DATA[:50]
    with pytest.raises(StoreUnavailable, match="broke off"):
        stream.read(50)
    with pytest.raises(ValueError, match="closed"):
        stream.read(50)


def test_a_service_that_falls_silent_is_not_waited_for(
    service: Service, reads: PlainReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_S", 0.05)
    service.rule = lambda start, stop: answer(start, stop, DATA[:60])
    stream = reads.open("k", 0, 100)
    assert stream is not None
    with pytest.raises(StoreUnavailable, match="broke off"):
        stream.read(100)


def test_many_idle_connections_to_a_service_that_hangs_cost_one_wait(
    service: Service, reads: PlainReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_S", 0.1)
    streams = [reads.open("k", 0, 100) for _ in range(5)]
    for stream in streams:
        assert stream is not None
        assert stream.read(100) == DATA[:100]
    asked = len(service.peers)
    service.rule = lambda _start, _stop: None
    assert reads.open("k", 0, 100) is None
    assert len(service.peers) == asked + 1, "the other connections lead to the same service"


def test_a_head_that_trickles_is_not_waited_for(
    service: Service, reads: PlainReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_S", 0.1)
    service.trickled = 1000
    assert reads.open("k", 0, 100) is None


def test_a_body_that_trickles_is_not_waited_for(
    service: Service, reads: PlainReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.trickled = 500
    monkeypatch.setattr(module, "_SILENT_S", 0.1)
    stream = reads.open("k", 0, 1000)
    assert stream is not None
    assert stream.read(500) == DATA[:500]
    monkeypatch.setattr(module, "_LEAST_RATE", 10_000)
    with pytest.raises(StoreUnavailable, match="too slowly"):
        stream.read(500)


@pytest.mark.parametrize("piece", [300_000, 3 << 20])
def test_large_pieces_arrive_whole(service: Service, reads: PlainReads, piece: int) -> None:
    content = random.Random(7).randbytes(5 << 20)
    service.rule = lambda start, stop: answer(start, stop, content[start:stop])
    stream = reads.open("k", 3, len(content))
    assert stream is not None
    pieces = list(iter(lambda: stream.read(piece), b""))
    assert b"".join(pieces) == content[3:]
    assert {len(found) for found in pieces[:-1]} == {piece}


def test_a_service_that_says_so_gets_a_new_connection(service: Service, reads: PlainReads) -> None:
    service.rule = lambda start, stop: answer(start, stop, DATA[start:stop], headers="Connection: close\r\n")
    assert read(reads, 0, 100) == read(reads, 0, 100) == DATA[:100]
    assert len(set(service.peers)) == 2


def test_a_service_that_is_not_there_is_left_to_the_library() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reads = plain_reads(UrlSigner("b", "us-east-1", f"http://127.0.0.1:{port}", "key", "secret"), {})
    assert reads is not None
    assert reads.open("k", 0, 1) is None


def test_the_library_reads_with_tls_through_proxies_and_without_fixed_keys() -> None:
    plain = UrlSigner("b", "us-east-1", "http://storage", "key", "secret")
    assert plain_reads(plain, {"HTTP_PROXY": ""}) is not None
    assert plain_reads(plain, {"HTTP_PROXY": "http://proxy"}) is None
    assert plain_reads(plain, {"all_proxy": "http://proxy"}) is None
    assert plain_reads(attrs.evolve(plain, endpoint="https://storage"), {}) is None
    assert plain_reads(attrs.evolve(plain, endpoint=None), {}) is None
    assert plain_reads(None, {}) is None
