from __future__ import annotations

import asyncio
import hashlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from starlette.requests import Request
from starlette.types import Message

from entrepot.hub.files.small_arrivals import LARGEST
from entrepot.hub.jobs import maintenance
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.names import RepoRef
from entrepot.server.handlers import AppState
from entrepot.server.lfs.uploads import take_in
from entrepot.server.threads import Threads
from tests.support.served_hub import ServedHub

MIB = 1 << 20


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ask_upload(
    world: ServedHub, ref: RepoRef, data: bytes, *, size: int | None = None, parts: bool = False
) -> dict[str, Any]:
    body = {
        "operation": "upload",
        "objects": [{"oid": sha256(data), "size": len(data) if size is None else size}],
        "transfers": ["basic", "multipart"] if parts else [],
    }
    answer = world.client(world.alice).post(f"/{ref.path}.git/info/lfs/objects/batch", json=body)
    actions: dict[str, Any] = answer.json()["objects"][0]["actions"]
    return actions["upload"]


def is_stored(world: ServedHub, ref: RepoRef, data: bytes) -> bool:
    body = {"oid": sha256(data), "size": len(data)}
    return bool(world.client(world.alice).post(f"/{ref.path}.git/info/lfs/objects/verify", json=body).is_success)


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


@pytest.mark.parametrize("size", [0, 1, LARGEST, LARGEST + 1, MIB, 20 * MIB + 7])
def test_a_file_in_one_piece_arrives(world: ServedHub, size: int) -> None:
    ref, data = world.repo(f"whole-{size}"), os.urandom(size)
    href = ask_upload(world, ref, data)["href"]
    before = is_stored(world, ref, data)
    answer = world.client().put(href, content=data)
    assert (before, answer.status_code, is_stored(world, ref, data)) == (False, 200, True)
    assert answer.headers["etag"] == f'"{sha256(data)}"'


def test_small_files_that_arrive_together_are_all_stored(world: ServedHub) -> None:
    ref, datas = world.repo("together"), [os.urandom(1000) for _ in range(24)]
    hrefs = [ask_upload(world, ref, data)["href"] for data in datas]
    wrong = {5, 17}

    def send(number: int) -> int:
        body = bytes(1000) if number in wrong else datas[number]
        return int(world.client().put(hrefs[number], content=body).status_code)

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(send, range(len(datas))))
    assert found == [400 if number in wrong else 200 for number in range(len(datas))]
    assert [is_stored(world, ref, data) for data in datas] == [number not in wrong for number in range(len(datas))]


def test_a_file_may_be_sent_twice(world: ServedHub) -> None:
    ref, data = world.repo("twice"), os.urandom(100)
    href = ask_upload(world, ref, data)["href"]
    assert [world.client().put(href, content=data).status_code for _ in range(2)] == [200, 200]


def test_a_body_without_a_length_is_accepted(world: ServedHub) -> None:
    ref, data = world.repo("chunked"), os.urandom(3 * MIB)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    answer = world.client().put(ask_upload(world, ref, data)["href"], content=pieces())
    assert (answer.request.headers["transfer-encoding"], answer.status_code) == ("chunked", 200)
    assert is_stored(world, ref, data)


@pytest.mark.parametrize("wrong", ["other", "short", "long"])
@pytest.mark.parametrize("sized", [True, False], ids=["sized", "chunked"])
@pytest.mark.parametrize("size", [1000, 2 * MIB])
def test_a_wrong_body_is_refused_and_leaves_nothing(world: ServedHub, wrong: str, sized: bool, size: int) -> None:
    ref, data = world.repo(f"wrong-{wrong}-{sized}-{size}"), os.urandom(size)
    sent = {"other": bytes(len(data)), "short": data[:-1], "long": data + b"x"}[wrong]
    href = ask_upload(world, ref, data)["href"]
    before = world.blobs()
    answer = world.client().put(href, content=sent if sized else iter([sent]))
    assert answer.status_code == 400
    assert answer.json()["message"] == answer.json()["error"]
    assert (is_stored(world, ref, data), world.blobs()) == (False, before)


def test_the_link_works_again_after_a_wrong_body(world: ServedHub) -> None:
    ref, data = world.repo("again"), os.urandom(1000)
    href = ask_upload(world, ref, data)["href"]
    world.client().put(href, content=b"x" * 1000)
    assert world.client().put(href, content=data).status_code == 200


@pytest.mark.parametrize("change", ["sig", "size", "repo", "user", "exp", "oid", "path", "none"])
def test_an_altered_link_is_refused_before_the_body_is_read(world: ServedHub, change: str) -> None:
    ref, data = world.repo(f"altered-{change}"), os.urandom(1000)
    href = ask_upload(world, ref, data)["href"]
    if change == "path":
        href = href.replace(f"/objects/{sha256(data)}", f"/objects/{sha256(b'other')}")
    elif change == "none":
        href = href.partition("?")[0]
    else:
        href = href.replace(f"{change}=", f"{change}=1")
    before = world.blobs()
    answer = world.client().put(href, content=data)
    assert answer.status_code == 403
    assert answer.json()["message"]
    assert world.blobs() == before


def test_an_upload_link_does_not_download_and_a_download_link_does_not_upload(world: ServedHub) -> None:
    ref, data = world.repo("purposes"), os.urandom(1000)
    up = ask_upload(world, ref, data)["href"]
    world.client().put(up, content=data)
    body = {"operation": "download", "objects": [{"oid": sha256(data), "size": len(data)}]}
    answer = world.client(world.alice).post(f"/{ref.path}.git/info/lfs/objects/batch", json=body)
    down = answer.json()["objects"][0]["actions"]["download"]["href"]
    assert world.client().get(up).status_code == 403
    assert world.client().put(down, content=data).status_code == 403


def test_a_client_that_leaves_in_the_middle_leaves_nothing(world: ServedHub) -> None:
    ref, data = world.repo("leaves"), os.urandom(8 * MIB)
    url = urlsplit(ask_upload(world, ref, data, parts=False)["href"])
    before = world.blobs()
    with socket.create_connection((url.hostname, url.port)) as peer:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
        peer.sendall(head.encode() + data[: 5 * MIB])
        began = wait_until(lambda: world.blobs() != before)
    assert began
    assert wait_until(lambda: world.blobs() == before)
    assert not is_stored(world, ref, data)


def test_uploads_side_by_side_all_arrive(world: ServedHub) -> None:
    ref = world.repo("side-by-side")
    files = [os.urandom(3 * MIB) for _ in range(6)]
    links = [ask_upload(world, ref, data)["href"] for data in files]
    client = world.client()
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda link, data: client.put(link, content=data).status_code, links, files))
    assert codes == [200] * 6
    assert all(is_stored(world, ref, data) for data in files)


def part_urls(upload: dict[str, Any]) -> list[tuple[int, str]]:
    return [(int(key), url) for key, url in upload["header"].items() if key.isdigit()]


def send_parts(world: ServedHub, upload: dict[str, Any], data: bytes) -> list[dict[str, Any]]:
    size, client = int(upload["header"]["chunk_size"]), world.client()
    done = []
    urls = part_urls(upload)
    random.Random(1).shuffle(urls)
    for number, url in urls:
        answer = client.put(url, content=data[(number - 1) * size : number * size])
        assert answer.status_code == 200
        done.append({"partNumber": number, "etag": answer.headers["etag"]})
    return done


def test_parts_arrive_in_any_order_and_the_end_may_be_reported_twice(world: ServedHub) -> None:
    ref, data = world.repo("parts-order"), os.urandom(17 * MIB + 3)
    upload = ask_upload(world, ref, data, parts=True)
    done = send_parts(world, upload, data)
    body = {"oid": sha256(data), "parts": done}
    answers = [world.client().post(upload["href"], json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"] == "application/vnd.git-lfs+json"
    assert all(part["etag"].startswith('"') and part["etag"].endswith('"') for part in done)
    assert is_stored(world, ref, data)


def test_a_part_may_be_sent_again_and_an_interrupted_upload_goes_on(world: ServedHub) -> None:
    ref, data = world.repo("parts-again"), os.urandom(11 * MIB)
    first = ask_upload(world, ref, data, parts=True)
    [(_, url), *_rest] = part_urls(first)
    world.client().put(url, content=bytes(5 * MIB))
    again = ask_upload(world, ref, data, parts=True)
    done = send_parts(world, again, data)
    assert urlsplit(first["href"]).path == urlsplit(again["href"]).path
    assert world.client().post(again["href"], json={"oid": sha256(data), "parts": done}).status_code == 200
    assert is_stored(world, ref, data)


def test_a_part_of_another_length_is_refused(world: ServedHub) -> None:
    ref, data = world.repo("parts-length"), os.urandom(11 * MIB)
    upload = ask_upload(world, ref, data, parts=True)
    url = part_urls(upload)[0][1]
    for body in (b"", b"x", bytes(5 * MIB + 1)):
        assert world.client().put(url, content=body).status_code == 400
        assert world.client().put(url, content=iter([body])).status_code == 400


def test_an_end_without_all_parts_is_refused(world: ServedHub) -> None:
    ref, data = world.repo("parts-missing"), os.urandom(11 * MIB)
    upload = ask_upload(world, ref, data, parts=True)
    number, url = part_urls(upload)[1]
    etag = world.client().put(url, content=data[5 * MIB : 10 * MIB]).headers["etag"]
    answer = world.client().post(
        upload["href"], json={"oid": sha256(data), "parts": [{"partNumber": number, "etag": etag}]}
    )
    assert answer.status_code == 400
    assert "missing" in answer.json()["message"]


def test_an_end_that_names_a_wrong_etag_or_a_part_twice_is_refused(world: ServedHub) -> None:
    ref, data = world.repo("parts-etag"), os.urandom(7 * MIB)
    upload = ask_upload(world, ref, data, parts=True)
    done = send_parts(world, upload, data)
    wrong = [{**done[0], "etag": '"x"'}, *done[1:]]
    for parts in (wrong, [*done, done[0]]):
        assert world.client().post(upload["href"], json={"oid": sha256(data), "parts": parts}).status_code == 400
    assert world.client().post(upload["href"], json={"oid": sha256(data), "parts": done}).status_code == 200


def test_parts_that_make_another_file_leave_nothing(world: ServedHub) -> None:
    ref, data = world.repo("parts-other"), os.urandom(7 * MIB)
    before = world.blobs()
    upload = ask_upload(world, ref, data, parts=True)
    done = send_parts(world, upload, bytes(7 * MIB))
    answer = world.client().post(upload["href"], json={"oid": sha256(data), "parts": done})
    assert answer.status_code == 400
    assert (is_stored(world, ref, data), world.blobs()) == (False, before)


@pytest.mark.parametrize("number", ["2", "0", "x", "99999999999", "-1", "00001"])
def test_a_link_is_good_for_its_own_part_only(world: ServedHub, number: str) -> None:
    ref, data = world.repo(f"parts-link-{abs(hash(number))}"), os.urandom(7 * MIB)
    upload = ask_upload(world, ref, data, parts=True)
    path, _, query = part_urls(upload)[0][1].partition("?")
    answer = world.client().put(f"{path.rpartition('/')[0]}/{number}?{query}", content=data[: 5 * MIB])
    assert answer.status_code == (200 if number == "00001" else 403 if number in "20" else 404)


def test_an_only_part_is_confirmed_after_it_has_arrived_and_not_before(world: ServedHub) -> None:
    ref, data = world.repo("only-part"), os.urandom(1000)
    href = ask_upload(world, ref, data)["href"]
    body = {"oid": sha256(data), "parts": [{"partNumber": 1, "etag": "e"}]}
    before = world.client().post(href, json=body)
    world.client().put(href, content=data)
    after = [world.client().post(href, json=body).status_code for _ in range(2)]
    assert (before.status_code, after) == (404, [200, 200])
    assert before.json()["message"]


@attrs.define(eq=False)
class Arriving:
    """An upload that waits until it is released, to let a test cancel it at a known point."""

    stops_at: str
    size: int = 3
    reached: threading.Event = attrs.field(factory=threading.Event)
    go_on: threading.Event = attrs.field(factory=threading.Event)
    calls: list[str] = attrs.field(factory=list)

    def begin(self) -> Arriving:
        self.take("begin")
        return self

    def write(self, _data: bytes) -> None:
        self.take("write")

    def finish(self) -> None:
        self.take("finish")

    def discard(self) -> None:
        self.take("discard")

    def take(self, step: str) -> None:
        self.calls.append(step)
        if step == self.stops_at:
            self.reached.set()
            self.go_on.wait(60)


@pytest.mark.parametrize(
    ("stops_at", "expected"),
    [
        ("begin", ["begin", "discard"]),
        ("write", ["begin", "write", "discard"]),
        ("finish", ["begin", "write", "finish", "discard"]),
    ],
)
def test_a_cancelled_upload_is_discarded_wherever_it_was(
    world: ServedHub, threads: Threads, stops_at: str, expected: list[str]
) -> None:
    arriving = Arriving(stops_at)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"abc", "more_body": False}

    async def cancel_midway() -> None:
        state = AppState(world.hub, threads, DownloadCounter())
        scope = {"type": "http", "method": "PUT", "headers": [], "state": {"app": state}}
        task = asyncio.create_task(take_in(Request(scope, receive), arriving.begin))
        await asyncio.to_thread(arriving.reached.wait, 10)
        task.cancel()
        await asyncio.sleep(0)  # lets the cancellation arrive while the thread is still at work
        arriving.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_midway())
    assert arriving.calls == expected


def test_fsck_finds_nothing_wrong_after_all_of_this(world: ServedHub) -> None:
    assert [finding for finding in maintenance.fsck(world.hub) if finding.kind != "orphaned"] == []
