from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from entrepot.hub.files.chunks import MAX_XORB_BODY, ReceivingXorb
from tests.support.chunk_store import Store, Upload


def send(store: Store, repo: str, xorb: str, data: Any, verb: str = "write") -> httpx2.Response:
    with store.client(repo, verb) as client:
        return client.post(f"/v1/xorbs/default/{xorb}", content=data)


def test_a_xorb_is_taken_once(store: Store, content: bytes, make_upload: Callable[[bytes], Upload]) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    answers = [send(store, repo, upload.xorb.hash, upload.xorb.data) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json() for answer in answers] == [{"was_inserted": True}, {"was_inserted": False}]
    assert store.incoming() == []


def test_a_body_without_a_length_is_taken(store: Store, content: bytes, make_upload: Callable[[bytes], Upload]) -> None:
    repo, upload = store.new_repo(), make_upload(content)

    def pieces() -> Iterator[bytes]:
        yield upload.xorb.data[:1000]
        yield upload.xorb.data[1000:]

    answer = send(store, repo, upload.xorb.hash, pieces())
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert answer.json() == {"was_inserted": True}


LIES = {
    "a flipped byte": lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
    "a flipped byte in a header": lambda data: data[:5] + bytes([data[5] ^ 1]) + data[6:],
    "trailing garbage": lambda data: data + b"garbage",
    "something that begins like a footer": lambda data: data + b"XETBLOB" + bytes(100),
    "a missing end": lambda data: data[:-1],
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_body_that_is_not_the_xorb_is_refused_and_nothing_changes(
    store: Store, content: bytes, make_upload: Callable[[bytes], Upload], lie: str
) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    before = store.state()
    answer = send(store, repo, upload.xorb.hash, LIES[lie](upload.xorb.data))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]
    assert (store.state(), store.incoming()) == (before, [])


def test_a_xorb_under_the_name_of_another_is_refused(
    store: Store, content: bytes, make_upload: Callable[[bytes], Upload]
) -> None:
    repo, upload, other = store.new_repo(), make_upload(content), make_upload(b"another one" * 1000)
    before = store.state()
    answer = send(store, repo, other.xorb.hash, upload.xorb.data)
    assert (answer.status_code, "mismatch" in answer.json()["error"]) == (400, True)
    assert (store.state(), store.incoming()) == (before, [])


def test_a_name_that_is_no_hash_is_refused(store: Store) -> None:
    repo = store.new_repo()
    assert [send(store, repo, name, b"x").status_code for name in ("0" * 63, "A" * 64, "%20")] == [400] * 3


def test_a_body_longer_than_a_xorb_is_refused(store: Store) -> None:
    repo, before = store.new_repo(), store.state()
    piece = bytes(1 << 20)
    answer = send(store, repo, "1" * 64, (piece for _ in range(MAX_XORB_BODY // len(piece) + 1)))
    assert answer.status_code == 413
    assert (store.state(), store.incoming()) == (before, [])


def test_a_body_announced_longer_than_a_xorb_is_refused_before_it_comes(store: Store) -> None:
    before = store.state()
    assert store.announce(store.new_repo(), f"/v1/xorbs/default/{'1' * 64}", MAX_XORB_BODY + 1) == 413
    assert (store.state(), store.incoming()) == (before, [])


def test_a_read_token_does_not_write(store: Store, content: bytes, make_upload: Callable[[bytes], Upload]) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    before = store.state()
    assert send(store, repo, upload.xorb.hash, upload.xorb.data, "read").status_code == 403
    assert (store.state(), store.incoming()) == (before, [])


def test_as_many_are_verified_concurrently_as_there_are_slots(
    monkeypatch: pytest.MonkeyPatch, store: Store, make_upload: Callable[[bytes], Upload]
) -> None:
    """Counted around the real verification, on the real server."""
    cores = os.cpu_count() or 1
    lock, now, most = threading.Lock(), 0, 0
    finish = ReceivingXorb.finish
    both = threading.Event()

    def counted(self: ReceivingXorb) -> bool:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now >= min(cores, 2):
                both.set()
        both.wait(60)  # so that those which may run side by side do
        try:
            return finish(self)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(ReceivingXorb, "finish", counted)
    repo = store.new_repo()
    uploads = [make_upload(bytes([number]) * 1000) for number in range(4 * cores)]
    with ThreadPoolExecutor(len(uploads)) as pool:
        answers = list(pool.map(lambda one: send(store, repo, one.xorb.hash, one.xorb.data), uploads))
    assert [answer.status_code for answer in answers] == [200] * len(uploads)
    assert min(cores, 2) <= most <= cores
