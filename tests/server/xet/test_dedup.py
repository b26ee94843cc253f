from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest

from entrepot.server.xet.dedup import MISS_S
from entrepot.server.xet.guesses import AT_ONCE
from entrepot.xet import chunk_hash, parse_shard, read_hash
from tests.support.chunk_store import Store


def first_chunk(upload: Any) -> str:
    return read_hash(upload.xorb.index.chunk_hashes(0, 1))


@pytest.mark.parametrize("version", ["", "/v1", "/v2"])
@pytest.mark.parametrize("word", ["chunk", "chunks"])
@pytest.mark.parametrize("pool", ["default", "default-merkledb"])
def test_a_known_chunk_is_answered_with_its_xorb_and_keyed_hashes(
    store: Store, content: bytes, version: str, word: str, pool: str
) -> None:
    repo = store.new_repo()
    upload = store.upload(repo, content)
    with store.client(repo) as client:
        answer = client.get(f"{version}/{word}/{pool}/{first_chunk(upload)}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    shard = parse_shard(answer.content)
    assert (shard.files, [block.hash for block in shard.xorbs]) == ((), [upload.xorb.hash])
    assert upload.xorb.index.chunk_hashes(0, 1) not in answer.content


def test_an_unknown_chunk_is_not_found(store: Store) -> None:
    with store.client(store.new_repo()) as client:
        answer = client.get(f"/v1/chunks/default/{read_hash(chunk_hash(b'nobody has this'))}")
    assert (answer.status_code, "error" in answer.json()) == (404, True)


def test_chunks_of_others_are_unknown_where_namespaces_share_nothing(strict_store: Store, content: bytes) -> None:
    hers, his = strict_store.new_repo("alice"), strict_store.new_repo("bob")
    path = f"/v1/chunks/default/{first_chunk(strict_store.upload(hers, content))}"
    with strict_store.client(hers) as alice, strict_store.client(his) as bob:
        assert (alice.get(path).status_code, bob.get(path).status_code) == (200, 404)


def grant(store: Store, repo: str, xorb: str, body: bytes = b"{}", verb: str = "write") -> httpx2.Response:
    with store.client(repo, verb) as client:
        return client.post(f"/v1/xorb-grants/default/{xorb}", content=body)


def test_a_stored_xorb_need_not_be_sent(store: Store, content: bytes) -> None:
    repo = store.new_repo()
    assert grant(store, repo, store.upload(repo, content).xorb.hash).status_code == 200


@pytest.mark.parametrize("xorb", ["1" * 64, "0" * 64, "no-hash", "A" * 64, "%ff", "%zz"])
def test_xorbs_that_are_not_stored_are_sent_the_usual_way(store: Store, xorb: str) -> None:
    answer = grant(store, store.new_repo(), xorb)
    assert (answer.status_code, "error" in answer.json()) == (404, True)


@pytest.mark.parametrize("body", [b"", b"no json", bytes(64 * 1024)])
def test_the_body_of_a_query_is_ignored(store: Store, content: bytes, body: bytes) -> None:
    repo = store.new_repo()
    assert grant(store, repo, store.upload(repo, content).xorb.hash, body).status_code == 200


def test_a_query_that_is_too_long_gets_no_grant(store: Store, content: bytes) -> None:
    repo = store.new_repo()
    assert grant(store, repo, store.upload(repo, content).xorb.hash, bytes(64 * 1024 + 1)).status_code == 404


def test_a_xorb_of_others_is_to_be_sent_where_namespaces_share_nothing(strict_store: Store, content: bytes) -> None:
    hers, his = strict_store.new_repo("alice"), strict_store.new_repo("bob")
    xorb = strict_store.upload(hers, content).xorb.hash
    assert [grant(strict_store, repo, xorb).status_code for repo in (hers, his)] == [200, 404]


def test_a_read_token_gets_no_grant(store: Store, content: bytes) -> None:
    repo = store.new_repo()
    assert grant(store, repo, store.upload(repo, content).xorb.hash, verb="read").status_code == 403


@pytest.mark.parametrize("version", ["", "/v1", "/v2"])
def test_telemetry_is_taken(store: Store, version: str) -> None:
    with store.client(store.new_repo()) as client:
        assert client.post(f"{version}/telemetry", json={"event": "x", "metrics": {}}).status_code == 200


def test_the_first_miss_of_an_upload_is_answered_with_the_latest_chunks_of_its_repository(
    store: Store, content: bytes
) -> None:
    repo, other = store.new_repo(), store.new_repo("bob")
    store.make_private(repo)
    upload = store.upload(repo, content)
    store.commit(repo, "w", upload.block.sha256)
    unknown = f"/v1/chunks/default/{read_hash(chunk_hash(b'a new beginning'))}"
    with store.client(repo) as client, store.client(other) as stranger, store.client(repo, "read") as reader:
        session = {"x-xet-session-id": "0190b8b0-1111"}
        answers = [client.get(unknown, headers=session) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 404]
        assert [block.hash for block in parse_shard(answers[0].content).xorbs] == [upload.xorb.hash]
        for index, (caller, headers) in enumerate(
            [(client, {}), (client, {"x-xet-session-id": "9" * 101}), (stranger, None), (reader, None)]
        ):
            named = {"x-xet-session-id": f"other-{index}"} if headers is None else headers
            assert caller.get(unknown, headers=named).status_code == 404


def test_misses_of_what_is_private_and_of_what_is_absent_leave_no_sooner_than_a_fixed_time(
    store: Store, content: bytes
) -> None:
    hers, his = store.new_repo("alice"), store.new_repo("bob")
    store.make_private(hers)
    upload = store.upload(hers, content)
    store.commit(hers, "w", upload.block.sha256)
    with store.client(his) as bob:
        for chunk, xorb in [(first_chunk(upload), upload.xorb.hash), ("7" * 64, "8" * 64)]:
            for method, path in [("GET", f"/v1/chunks/default/{chunk}"), ("POST", f"/v1/xorb-grants/default/{xorb}")]:
                began = time.monotonic()
                assert bob.request(method, path).status_code == 404
                assert time.monotonic() - began >= MISS_S


def test_an_account_gets_no_further_guesses_by_naming_further_uploads(store: Store, content: bytes) -> None:
    repo = store.new_repo()
    store.commit(repo, "w", store.upload(repo, content).block.sha256)
    with store.client(repo) as client:
        answers = [
            client.get(f"/v1/chunks/default/{'9' * 64}", headers={"x-xet-session-id": f"made-up-{number}"})
            for number in range(AT_ONCE + 40)
        ]
    found = sum(answer.status_code == 200 for answer in answers)
    assert found <= AT_ONCE + 5  # some more may come while the requests run
