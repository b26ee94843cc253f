from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import httpx2
import pytest

from entrepot.errors import Busy, EntrepotError, Malformed, XorbDamaged
from entrepot.hub.accounts import accounts
from entrepot.hub.files import shards
from entrepot.names import XetHash
from entrepot.server.xet import shards as server_shards
from entrepot.server.xet.shards import ProgressResponse
from entrepot.xet import (
    FileBlock,
    Shard,
    Term,
    Terms,
    Xorb,
    encode_hash,
    encode_shard,
    keyed_chunk_hash,
    parse_shard,
    range_hash,
    read_hash,
)
from tests.support.chunk_store import Store, Upload

JSON_PATHS = ["/v1/shards", "/shards", f"/shard/default/{'1' * 64}", f"/v1/shard/default-merkledb/{'1' * 64}"]


def put_xorb(client: httpx2.Client, upload: Any) -> None:
    client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data).raise_for_status()


def is_known(store: Store, repo: str, file: str) -> bool:
    with store.client(repo) as client:
        return bool(client.get(f"/v1/reconstructions/{file}").status_code == 200)


def lines(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("path", JSON_PATHS)
def test_every_generation_registers_files(
    store: Store, content: bytes, make_upload: Callable[[bytes], Upload], path: str
) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    with store.client(repo) as client:
        put_xorb(client, upload)
        answers = [client.post(path, content=upload.shard()) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"result": 1})] * 2
    assert is_known(store, repo, upload.file)


def test_the_newest_generation_is_answered_in_lines(
    store: Store, content: bytes, make_upload: Callable[[bytes], Upload]
) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    with store.client(repo) as client:
        put_xorb(client, upload)
        answer = client.post("/v2/shards", content=upload.shard())
    assert answer.status_code == 200
    assert lines(answer)[-1] == {"type": "result", "result": 1}
    assert is_known(store, repo, upload.file)


def other_term(upload: Any) -> Any:
    """Return a term of the same file with one chunk less."""
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
    store: Store, content: bytes, make_upload: Callable[[bytes], Upload], lie: str
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


def test_a_missing_xorb_is_reported_with_its_cure(
    store: Store, content: bytes, make_upload: Callable[[bytes], Upload]
) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    before = store.state()
    with store.client(repo) as client:
        [line] = lines(client.post("/v2/shards", content=upload.shard()))
    assert (line["type"], line["retryable"]) == ("error", False)
    assert upload.xorb.hash in line["message"]
    assert "cache" in line["message"]
    assert store.state() == before


def test_a_xorb_that_was_sent_by_others_is_as_good_as_missing(strict_store: Store, content: bytes) -> None:
    hers, his = strict_store.new_repo("alice"), strict_store.new_repo("bob")
    upload = strict_store.upload(hers, content)
    before = strict_store.state()
    with strict_store.client(his) as client:
        [line] = lines(client.post("/v2/shards", content=upload.shard()))
        assert client.post("/v1/shards", content=upload.shard()).status_code == 400
    assert (line["type"], upload.xorb.hash in line["message"]) == ("error", True)
    assert strict_store.state() == before
    assert not is_known(strict_store, his, upload.file)


def test_a_xorb_of_another_namespace_may_be_used_where_the_hub_shares(shared_store: Store, content: bytes) -> None:
    hers, his = shared_store.new_repo("alice"), shared_store.new_repo("bob")
    upload = shared_store.upload(hers, content)
    assert not is_known(shared_store, his, upload.file)
    with shared_store.client(his) as client:
        assert lines(client.post("/v2/shards", content=upload.shard()))[-1]["type"] == "result"
    assert is_known(shared_store, his, upload.file)


@pytest.mark.parametrize("path", ["/v1/shards", "/v2/shards"])
def test_a_read_token_does_not_register(
    store: Store, content: bytes, make_upload: Callable[[bytes], Upload], path: str
) -> None:
    repo, upload = store.new_repo(), make_upload(content)
    with store.client(repo) as client:
        put_xorb(client, upload)
    with store.client(repo, "read") as client:
        assert client.post(path, content=upload.shard()).status_code == 403
    assert not is_known(store, repo, upload.file)


@pytest.mark.parametrize("path", ["/v1/shards", "/v2/shards"])
def test_a_shard_that_is_too_long_is_refused_before_it_is_read(store: Store, path: str) -> None:
    assert store.announce(store.new_repo(), path, 81 << 20) == 413


async def told(answer: ProgressResponse, sent: list[dict[str, Any]], each: Any = lambda: None) -> None:
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
        answer = ProgressResponse(lambda: wait(enough), "id", every_s=0.001)
        await told(answer, sent, lambda: enough.set() if len(sent) == 4 else None)

    async def wait(enough: asyncio.Event) -> None:
        await enough.wait()

    asyncio.run(run())
    progress = {"type": "validating", "verified": 0, "total": 1}
    assert bodies(sent)[:3] == [progress] * 3
    assert bodies(sent)[-1] == {"type": "result", "result": 1}


@pytest.mark.parametrize(
    ("error", "retryable"),
    [(Busy("this"), True), (Malformed("shard", "it lies"), False), (XorbDamaged("abc123"), False)],
)
def test_the_last_line_says_whether_to_try_again(error: EntrepotError, retryable: bool) -> None:
    sent: list[dict[str, Any]] = []

    async def fail() -> None:
        raise error

    asyncio.run(told(ProgressResponse(fail, "id"), sent))
    assert bodies(sent) == [{"type": "error", "message": error.public_message, "retryable": retryable}]
    assert "abc123" not in str(bodies(sent))


def test_an_unexpected_error_is_left_to_the_middleware() -> None:
    sent: list[dict[str, Any]] = []

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(told(ProgressResponse(fail, "id"), sent))
    assert sent == []


def test_slow_shards_of_one_caller_keep_no_one_elses_uploads_waiting(
    store: Store, make_upload: Callable[[bytes], Upload], monkeypatch: pytest.MonkeyPatch
) -> None:
    hers, his = store.new_repo("alice"), store.new_repo("bob")
    slow, quick = (make_upload(random.Random(name).randbytes(200_000)) for name in ("slow", "quick"))
    register, began, may_end = shards.register_steps, threading.Event(), threading.Event()

    def registering(hub: Any, given: Any, data: bytes) -> Iterator[None]:
        if data == slow.shard():
            began.set()
            assert may_end.wait(60)
        yield from register(hub, given, data)

    monkeypatch.setattr(shards, "register_steps", registering)
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


def test_shards_of_one_account_that_wait_have_a_limited_size(
    store: Store, make_upload: Callable[[bytes], Upload], monkeypatch: pytest.MonkeyPatch
) -> None:
    hers, his = store.new_repo("alice"), store.new_repo("bob")
    slow, quick = (make_upload(random.Random(name).randbytes(200_000)) for name in ("waits", "soon"))
    register, began, may_end = shards.register_steps, threading.Event(), threading.Event()

    def registering(hub: Any, given: Any, data: bytes) -> Iterator[None]:
        if data == slow.shard():
            began.set()
            assert may_end.wait(60)
        yield from register(hub, given, data)

    monkeypatch.setattr(shards, "register_steps", registering)
    monkeypatch.setattr(server_shards, "MAX_WAITING", 2 * len(slow.shard()) - 1)
    with store.client(hers) as alice, store.client(his) as bob, ThreadPoolExecutor(1) as pool:
        put_xorb(alice, slow)
        first = pool.submit(alice.post, "/v1/shards", content=slow.shard())
        assert began.wait(60)
        try:
            assert alice.post("/v1/shards", content=slow.shard()).status_code == 503
            [line] = alice.post("/v2/shards", content=slow.shard()).raise_for_status().text.splitlines()
            assert json.loads(line)["retryable"] is True
            put_xorb(bob, quick)
            bob.post("/v1/shards", content=quick.shard()).raise_for_status()
        finally:
            may_end.set()
        assert first.result().status_code == 200
        alice.post("/v1/shards", content=slow.shard()).raise_for_status()


def test_long_shards_take_turns_with_those_of_others_and_end_with_their_connection(
    store: Store, make_upload: Callable[[bytes], Upload], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many accounts as there are cores send shards that take hours, for example claims about pull requests."""
    accounts_of = [f"slow{number}" for number in range(max(2, os.cpu_count() or 1))]
    for name in accounts_of:
        accounts.create_user(store.hub, name)
        store.tokens[name] = accounts.create_token(store.hub, name, role="write").secret
    long, quick = (make_upload(random.Random(name).randbytes(200_000)) for name in ("long", "short"))
    register, began, ended = shards.register_steps, threading.Semaphore(0), threading.Semaphore(0)

    def registering(hub: Any, given: Any, data: bytes) -> Iterator[None]:
        if data != long.shard():
            yield from register(hub, given, data)
            return
        began.release()
        try:
            while True:
                time.sleep(0.05)
                yield
        finally:
            ended.release()

    def attack(name: str) -> http.client.HTTPConnection:
        """Send a shard and return the connection, on which the answer is not awaited."""
        with store.client(store.new_repo(name)) as client:
            peer = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
            headers = {"authorization": client.headers["authorization"]}
            peer.request("POST", f"{client.base_url.path.rstrip('/')}/v1/shards", long.shard(), headers)
            return peer

    monkeypatch.setattr(shards, "register_steps", registering)
    attacks = [attack(name) for name in accounts_of]
    assert all(began.acquire(timeout=240) for _ in attacks)
    with store.client(store.new_repo("bob")) as bob:
        put_xorb(bob, quick)
        bob.post("/v1/shards", content=quick.shard()).raise_for_status()
    assert not ended.acquire(blocking=False)
    for peer in attacks:
        peer.close()
    assert all(ended.acquire(timeout=240) for _ in attacks)


# --- attacks ----------------------------------------------------------------
#
# No caller gets bytes, or learns of bytes, that they may not read now and have not sent. The victim's private
# repository and a public one share a xorb; the attacker knows everything that a response, a leak or a guess reveals,
# but not the bytes.


PATHS = ("/v1/shards", "/v2/shards")


@pytest.fixture
def victim(
    store: Store,
    content: bytes,
    make_upload: Callable[[bytes], Upload],
    make_file: Callable[[list[Term], Xorb, bytes], FileBlock],
) -> Victim:
    """alice's xorb: chunks 0 to 2 are a file of her private repository, 2 to 4 one of a public one."""
    hidden, public = store.new_repo("alice"), store.new_repo("alice")
    upload = make_upload(content)
    index = upload.xorb.index
    parts = {}
    for repo, start, end in ((hidden, 0, 2), (public, 2, 4)):
        data = content[50_000 * start : 50_000 * end]
        block = make_file([Term(upload.xorb.hash, start, end, index.raw_length(start, end))], upload.xorb, data)
        with store.client(repo) as client:
            client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data).raise_for_status()
            client.post("/v1/shards", content=upload.shard(block)).raise_for_status()
        store.commit(repo, "w.bin", block.sha256)
        parts[repo] = block
    store.make_private(hidden)
    return Victim(hidden, public, upload, parts[hidden], parts[public])


@attrs.frozen
class Victim:
    hidden: str
    public: str
    upload: Upload
    secret: FileBlock
    shown: FileBlock


def shard_of(victim: Victim, start: int, end: int, proof: bytes, file: XetHash, length: int | None = None) -> bytes:
    index = victim.upload.xorb.index
    unpacked = index.raw_length(start, min(end, index.count)) if length is None else length
    terms = Terms.of([Term(victim.upload.xorb.hash, start, end, unpacked)])
    return encode_shard(Shard((FileBlock(file, terms, proof, None),), ()))


def by_run(client: httpx2.Client, victim: Victim) -> bytes:
    """Return a shard with the public file, whose chunks are named as an answer to the client names them."""
    chunk = read_hash(victim.upload.xorb.index.chunk_hashes(2, 3))
    [block] = parse_shard(client.get(f"/v1/chunks/default/{chunk}").raise_for_status().content).xorbs
    [term] = victim.shown.terms
    assert (term.start, term.end) == (2, 4)
    renamed = attrs.evolve(victim.shown, terms=Terms.of([Term(block.hash, 0, 2, term.unpacked)]))
    return encode_shard(Shard((renamed,), ()))


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_shard_teaches_no_hash(store: Store, victim: Victim, path: str) -> None:
    index = victim.upload.xorb.index
    secrets = {read_hash(index.chunk_hashes(n, n + 1)) for n in range(index.count)}
    for block in (victim.secret, victim.shown):
        assert block.range_hashes is not None
        secrets |= {read_hash(block.range_hashes), block.hash}
    with store.client(store.new_repo("bob")) as bob:
        for start, end in ((0, 1), (0, 2), (1, 2), (2, 4), (2, 3), (0, 6), (4, 5), (5, 99)):
            for file in (XetHash("a" * 64), victim.secret.hash):
                answer = bob.post(path, content=shard_of(victim, start, end, bytes(32), file))
                assert not any(secret in answer.text for secret in secrets - {file})
                assert "expected" not in answer.text


def test_chunks_that_may_not_be_used_fail_like_chunks_never_stored(store: Store, victim: Victim) -> None:
    """Also with correct proofs, which may have leaked: a private sibling, one chunk, the whole xorb."""
    xorb, index = victim.upload.xorb.hash, victim.upload.xorb.index
    nothing = "f" * 64
    with store.client(store.new_repo("bob")) as bob:
        for start, end in ((0, 2), (0, 1), (1, 3), (0, 4), (2, 5), (4, 5), (0, 6), (5, 7)):
            right = range_hash(index.chunk_hashes(start, end))
            file = victim.secret.hash
            answers = []
            for length in (1, index.raw_length(start, min(end, index.count))):
                shard = shard_of(victim, start, end, right, file, length)
                for data in (shard, shard.replace(encode_hash(xorb), encode_hash(XetHash(nothing)))):
                    answer = bob.post("/v1/shards", content=data)
                    assert answer.status_code == 400
                    answers.append(answer.text.replace(xorb, nothing))
            assert len(set(answers)) == 1, (start, end)
        assert bob.post("/v1/shards", content=victim.upload.shard()).status_code == 400
        listed = encode_shard(Shard((), (victim.upload.listed,)))
        assert bob.post("/v1/shards", content=listed).status_code == 400


def test_the_public_part_of_a_xorb_may_be_used_and_no_more(store: Store, victim: Victim) -> None:
    his = store.new_repo("bob")
    with store.client(his) as bob:
        assert bob.post("/v1/shards", content=encode_shard(Shard((victim.shown,), ()))).status_code == 400
        bob.post("/v1/shards", content=by_run(bob, victim)).raise_for_status()
        assert bob.post("/v1/shards", content=encode_shard(Shard((victim.secret,), ()))).status_code == 400
        assert bob.post(f"/v1/xorb-grants/default/{victim.upload.xorb.hash}", content=b"{}").status_code == 404
    with store.client(his, "read") as bob:
        assert bob.get(f"/v1/reconstructions/{victim.shown.hash}").status_code == 200
        assert bob.get(f"/v1/reconstructions/{victim.secret.hash}").status_code == 404


def test_a_private_chunk_answers_like_one_that_was_never_stored(store: Store, victim: Victim) -> None:
    first = read_hash(victim.upload.xorb.index.chunk_hashes(0, 1))
    public = read_hash(victim.upload.xorb.index.chunk_hashes(2, 3))
    for verb in ("write", "read"):
        with store.client(store.new_repo("bob"), verb) as bob:
            answers = [bob.get(f"/v1/chunks/default/{chunk}") for chunk in (first, "e" * 64)]
            assert {(answer.status_code, answer.text.replace(first, "e" * 64)) for answer in answers} == {
                (404, answers[1].text)
            }
            names = [{*answer.headers} for answer in answers]
            assert names[0] == names[1]
            assert bob.get(f"/v1/chunks/default/{public}").status_code == 200
    anonymous = store.anonymous(victim.public)
    with anonymous.client() as client:
        assert client.get(f"/v1/chunks/default/{first}").status_code == 404
        assert client.get(f"/v1/chunks/default/{public}").status_code == 200


def test_a_response_about_a_public_chunk_says_nothing_of_its_private_siblings(store: Store, victim: Victim) -> None:
    index = victim.upload.xorb.index
    public = read_hash(index.chunk_hashes(2, 3))
    with store.client(store.new_repo("bob")) as bob:
        shard = parse_shard(bob.get(f"/v1/chunks/default/{public}").raise_for_status().content)
    [block] = shard.xorbs
    assert shard.footer is not None
    keyed = [keyed_chunk_hash(index.chunk_hashes(n, n + 1), shard.footer.key) for n in range(index.count)]
    assert block.hashes == b"".join(keyed[2:4])
    assert block.raw_ends.tolist() == index.lengths(2, 4).cumsum().tolist()
    assert block.size == index.offset(4) - index.offset(2)
    assert block.hash != victim.upload.xorb.hash


def test_a_xorb_that_others_have_is_taken_like_a_new_one_and_belongs_to_its_sender(
    store: Store, victim: Victim, make_upload: Callable[[bytes], Upload]
) -> None:
    his, new = store.new_repo("bob"), make_upload(random.Random("new").randbytes(90_000))
    with store.client(his) as bob:
        answers = [
            bob.post(f"/v1/xorbs/default/{sent.xorb.hash}", content=sent.xorb.data) for sent in (victim.upload, new)
        ]
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"was_inserted": True})] * 2
        # A caller who has sent all bytes has them: now each chunk of the xorb may be used.
        bob.post("/v1/shards", content=victim.upload.shard(victim.secret)).raise_for_status()
    with store.client(store.new_repo("bob"), "read") as elsewhere:
        assert elsewhere.get(f"/v1/reconstructions/{victim.secret.hash}").status_code == 404


def test_rights_are_those_of_now(store: Store, victim: Victim) -> None:
    his = store.new_repo("bob")
    with store.client(his) as bob:
        shown = by_run(bob, victim)
        assert (
            bob.get(f"/v1/chunks/default/{read_hash(victim.upload.xorb.index.chunk_hashes(2, 3))}").status_code == 200
        )
        store.make_private(victim.public)
        assert (
            bob.get(f"/v1/chunks/default/{read_hash(victim.upload.xorb.index.chunk_hashes(2, 3))}").status_code == 404
        )
        assert bob.post("/v1/shards", content=shown).status_code == 400


@pytest.mark.parametrize("scope", ["store", "strict_store", "shared_store"])
def test_a_fine_grained_token_reaches_no_further_than_its_scope(
    request: pytest.FixtureRequest, scope: str, content: bytes
) -> None:
    """In every scope of deduplication, also within one namespace, although the account may read everything."""
    store = request.getfixturevalue(scope)
    secret, open_to_it = store.new_repo("alice"), store.new_repo("alice")
    upload = store.upload(secret, content)
    store.commit(secret, "w.bin", upload.block.sha256)
    store.make_private(secret)
    limited = store.fine_grained("alice", open_to_it)
    with store.give(open_to_it, token=limited).client() as client:
        chunk = read_hash(upload.xorb.index.chunk_hashes(0, 1))
        assert client.get(f"/v1/chunks/default/{chunk}").status_code == 404
        assert client.post(f"/v1/xorb-grants/default/{upload.xorb.hash}", content=b"{}").status_code == 404
        assert client.post("/v1/shards", content=encode_shard(Shard((upload.block,), ()))).status_code == 400
    with store.client(open_to_it) as client:
        assert client.get(f"/v1/chunks/default/{chunk}").status_code == 200
        client.post("/v1/shards", content=encode_shard(Shard((upload.block,), ()))).raise_for_status()


def test_after_a_refusal_the_next_token_names_another_store(store: Store, victim: Victim) -> None:
    his = store.new_repo("bob")
    before = store.give(his)
    with before.client() as bob:
        assert bob.post("/v1/shards", content=victim.upload.shard()).status_code == 400
        assert store.give(his).cas_url != before.cas_url
        assert bob.get(f"/v1/chunks/default/{'e' * 64}").status_code == 404
        assert bob.post(f"/v1/xorbs/default/{'e' * 64}", content=b"x").status_code == 400  # running requests continue
