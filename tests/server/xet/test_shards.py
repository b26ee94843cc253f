from __future__ import annotations

import asyncio
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import httpx2
import pytest

from entrepot.errors import Busy, Malformed, XorbDamaged
from entrepot.hub import chunks
from entrepot.server.xet.shards import LinesAnswer
from entrepot.xet import Term, Terms

JSON_PATHS = ["/v1/shards", "/shards", f"/shard/default/{'1' * 64}", f"/v1/shard/default-merkledb/{'1' * 64}"]


def put_xorb(client: httpx2.Client, upload: Any) -> None:
    client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data).raise_for_status()


def is_known(store: Any, repo: str, file: str) -> bool:
    with store.client(repo) as client:
        return bool(client.get(f"/v1/reconstructions/{file}").status_code == 200)


def lines(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("path", JSON_PATHS)
def test_every_generation_registers_files(store: Any, content: bytes, make_upload: Any, path: str) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    with store.client(repo) as client:
        put_xorb(client, upload)
        answers = [client.post(path, content=upload.shard()) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"result": 1})] * 2
    assert is_known(store, repo, upload.file)


def test_the_newest_generation_is_answered_in_lines(store: Any, content: bytes, make_upload: Any) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    with store.client(repo) as client:
        put_xorb(client, upload)
        answer = client.post("/v2/shards", content=upload.shard())
    assert answer.status_code == 200
    assert lines(answer)[-1] == {"type": "result", "result": 1}
    assert is_known(store, repo, upload.file)


def other_term(upload: Any) -> Any:
    """The same file of one chunk less."""
    count, size = upload.xorb.index.count, upload.xorb.index.raw_size
    last = upload.xorb.index.raw_length(count - 1, count)
    return Terms.of([Term(upload.xorb.hash, 0, count - 1, size - last)])


def beyond(upload: Any) -> Any:
    return Terms.of([Term(upload.xorb.hash, 0, upload.xorb.index.count + 1, upload.xorb.index.raw_size)])


def too_long(upload: Any) -> Any:
    return Terms.of([Term(upload.xorb.hash, 0, upload.xorb.index.count, upload.xorb.index.raw_size + 1)])


LIES = {
    "a wrong range hash": lambda u: u.shard(attrs.evolve(u.block, range_hashes=bytes(32))),
    "no range hash": lambda u: u.shard(attrs.evolve(u.block, range_hashes=None)),
    "a wrong file hash": lambda u: u.shard(attrs.evolve(u.block, hash="2" * 64)),
    "other chunks": lambda u: u.shard(attrs.evolve(u.block, terms=other_term(u))),
    "chunks the xorb has not": lambda u: u.shard(attrs.evolve(u.block, terms=beyond(u))),
    "another length": lambda u: u.shard(attrs.evolve(u.block, terms=too_long(u))),
    "other chunks of the xorb": lambda u: u.shard(
        xorbs=(attrs.evolve(u.listed, hashes=u.listed.hashes[32:] + u.listed.hashes[:32]),)
    ),
    "one true file and one false": lambda u: u.shard(u.block, attrs.evolve(u.block, hash="3" * 64)),
    "a cut end": lambda u: u.shard()[:-20],
    "no shard at all": lambda _: b"{}",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_shard_that_lies_is_refused_and_nothing_changes(
    store: Any, content: bytes, make_upload: Any, lie: str
) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    with store.client(repo) as client:
        put_xorb(client, upload)
        before, data = store.state(), LIES[lie](upload)
        old, new = client.post("/v1/shards", content=data), client.post("/v2/shards", content=data)
    assert old.status_code == 400, old.text
    assert (new.status_code, len(lines(new))) == (200, 1)
    assert lines(new)[0] == {"type": "error", "message": old.json()["error"], "retryable": False}
    assert store.state() == before
    assert not is_known(store, repo, upload.file)


def test_a_missing_xorb_is_told_with_its_cure(store: Any, content: bytes, make_upload: Any) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    before = store.state()
    with store.client(repo) as client:
        [line] = lines(client.post("/v2/shards", content=upload.shard()))
    assert (line["type"], line["retryable"]) == ("error", False)
    assert upload.xorb.hash in line["message"]
    assert "cache" in line["message"]
    assert store.state() == before


def test_a_xorb_that_was_sent_by_others_is_as_good_as_missing(strict_store: Any, content: bytes) -> None:
    hers, his = strict_store.new_repo("alice"), strict_store.new_repo("bob")
    upload = strict_store.upload(hers, content)
    before = strict_store.state()
    with strict_store.client(his) as client:
        [line] = lines(client.post("/v2/shards", content=upload.shard()))
        assert client.post("/v1/shards", content=upload.shard()).status_code == 400
    assert (line["type"], upload.xorb.hash in line["message"]) == ("error", True)
    assert strict_store.state() == before
    assert not is_known(strict_store, his, upload.file)


def test_a_xorb_of_another_namespace_may_be_used_where_the_hub_shares(shared_store: Any, content: bytes) -> None:
    hers, his = shared_store.new_repo("alice"), shared_store.new_repo("bob")
    upload = shared_store.upload(hers, content)
    assert not is_known(shared_store, his, upload.file)
    with shared_store.client(his) as client:
        assert lines(client.post("/v2/shards", content=upload.shard()))[-1]["type"] == "result"
    assert is_known(shared_store, his, upload.file)


@pytest.mark.parametrize("path", ["/v1/shards", "/v2/shards"])
def test_a_pass_for_reading_does_not_register(store: Any, content: bytes, make_upload: Any, path: str) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    with store.client(repo) as client:
        put_xorb(client, upload)
    with store.client(repo, "read") as client:
        assert client.post(path, content=upload.shard()).status_code == 403
    assert not is_known(store, repo, upload.file)


@pytest.mark.parametrize("path", ["/v1/shards", "/v2/shards"])
def test_a_shard_that_is_too_long_is_refused_before_it_is_read(store: Any, path: str) -> None:
    assert store.announce(store.new_repo(), path, 81 << 20) == 413


async def told(answer: LinesAnswer, sent: list[dict[str, Any]], each: Any = lambda: None) -> None:
    async def send(message: Any) -> None:
        sent.append(message)
        each()

    async def receive() -> Any:
        raise AssertionError("the body has been read before")

    await answer({}, receive, send)


def bodies(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert [message["type"] for message in sent] == ["http.response.start"] + ["http.response.body"] * (len(sent) - 1)
    assert [message["more_body"] for message in sent[1:]] == [True] * (len(sent) - 2) + [False]
    return [json.loads(message["body"]) for message in sent[1:]]


def test_lines_are_sent_again_and_again_until_the_end() -> None:
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        enough = asyncio.Event()
        answer = LinesAnswer(lambda: wait(enough), "id", every_s=0.001)
        await told(answer, sent, lambda: enough.set() if len(sent) == 4 else None)

    async def wait(enough: asyncio.Event) -> None:
        await enough.wait()

    asyncio.run(run())
    progress = {"type": "validating", "verified": 0, "total": 1}
    assert bodies(sent)[:3] == [progress] * 3
    assert bodies(sent)[-1] == {"type": "result", "result": 1}


@pytest.mark.parametrize(
    ("error", "retryable"), [(Busy("this"), True), (Malformed("shard", "it lies"), False), (XorbDamaged("ab"), False)]
)
def test_the_last_line_says_whether_to_try_again(error: Exception, retryable: bool) -> None:
    sent: list[dict[str, Any]] = []

    async def fail() -> None:
        raise error

    asyncio.run(told(LinesAnswer(fail, "id"), sent))
    assert bodies(sent) == [{"type": "error", "message": str(error), "retryable": retryable}]


def test_an_error_that_nobody_foresaw_is_left_to_the_edge() -> None:
    sent: list[dict[str, Any]] = []

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(told(LinesAnswer(fail, "id"), sent))
    assert sent == []


def test_slow_shards_of_one_caller_keep_nobody_elses_uploads_waiting(
    store: Any, make_upload: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hers, his = store.new_repo("alice"), store.new_repo("bob")
    slow, quick = (make_upload(random.Random(name).randbytes(200_000)) for name in ("slow", "quick"))
    register, began, may_end = chunks.register_shard, threading.Event(), threading.Event()

    def registering(hub: Any, given: Any, data: bytes) -> None:
        if data == slow.shard():
            began.set()
            assert may_end.wait(60)
        register(hub, given, data)

    monkeypatch.setattr(chunks, "register_shard", registering)
    with store.client(hers) as alice, store.client(his) as bob, ThreadPoolExecutor(20) as pool:
        put_xorb(alice, slow)
        waiting = [pool.submit(alice.post, "/v1/shards", content=slow.shard()) for _ in range(20)]
        assert began.wait(60)
        try:
            put_xorb(bob, quick)
            bob.post("/v1/shards", content=quick.shard()).raise_for_status()
            put_xorb(alice, quick)  # nor her own xorbs
        finally:
            may_end.set()
        assert {answer.result().status_code for answer in waiting} == {200}
