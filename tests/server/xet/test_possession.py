"""Attacks on the chunk store: nobody gets bytes, or learns of bytes, that they may not read now and have not sent.

The victim's private repository and a public one share a xorb; the attacker
knows everything that an answer, a leak or a guess can teach, except the bytes.
"""

from __future__ import annotations

import random
from typing import Any

import attrs
import httpx2
import pytest

from entrepot.names import XetHash
from entrepot.xet import (
    FileBlock,
    Shard,
    Term,
    Terms,
    encode_hash,
    encode_shard,
    keyed_chunk_hash,
    parse_shard,
    range_hash,
    read_hash,
)

PATHS = ("/v1/shards", "/v2/shards")


@pytest.fixture
def victim(store: Any, content: bytes, make_upload: Any, make_file: Any) -> Any:
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
    upload: Any
    secret: FileBlock
    shown: FileBlock


def shard_of(victim: Any, start: int, end: int, proof: bytes, file: XetHash, length: int | None = None) -> bytes:
    index = victim.upload.xorb.index
    unpacked = index.raw_length(start, min(end, index.count)) if length is None else length
    terms = Terms.of([Term(victim.upload.xorb.hash, start, end, unpacked)])
    return encode_shard(Shard((FileBlock(file, terms, proof, None),), ()))


def told(answer: httpx2.Response) -> str:
    return answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_shard_teaches_no_hash(store: Any, victim: Any, path: str) -> None:
    index = victim.upload.xorb.index
    secrets = {read_hash(index.chunk_hashes(n, n + 1)) for n in range(index.count)}
    for block in (victim.secret, victim.shown):
        secrets |= {read_hash(block.range_hashes), block.hash}
    with store.client(store.new_repo("bob")) as bob:
        for start, end in ((0, 1), (0, 2), (1, 2), (2, 4), (2, 3), (0, 6), (4, 5), (5, 99)):
            for file in (XetHash("a" * 64), victim.secret.hash):
                answer = bob.post(path, content=shard_of(victim, start, end, bytes(32), file))
                assert not any(secret in told(answer) for secret in secrets - {file})
                assert "expected" not in told(answer)


def test_what_may_not_be_used_fails_like_what_was_never_stored(store: Any, victim: Any) -> None:
    """Also with the right proofs, which a leak might have given away: a private sibling, one chunk, the whole xorb."""
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
                    answers.append(told(answer).replace(xorb, nothing))
            assert len(set(answers)) == 1, (start, end)
        assert bob.post("/v1/shards", content=victim.upload.shard()).status_code == 400
        listed = encode_shard(Shard((), (victim.upload.listed,)))
        assert bob.post("/v1/shards", content=listed).status_code == 400


def test_the_public_part_of_a_xorb_may_be_used_and_no_more(store: Any, victim: Any) -> None:
    his = store.new_repo("bob")
    with store.client(his) as bob:
        shown = encode_shard(Shard((victim.shown,), ()))
        bob.post("/v1/shards", content=shown).raise_for_status()
        assert bob.post("/v1/shards", content=encode_shard(Shard((victim.secret,), ()))).status_code == 400
        assert bob.post(f"/v1/xorb-grants/default/{victim.upload.xorb.hash}", content=b"{}").status_code == 404
    with store.client(his, "read") as bob:
        assert bob.get(f"/v1/reconstructions/{victim.shown.hash}").status_code == 200
        assert bob.get(f"/v1/reconstructions/{victim.secret.hash}").status_code == 404


def test_a_private_chunk_answers_like_one_that_was_never_stored(store: Any, victim: Any) -> None:
    first = read_hash(victim.upload.xorb.index.chunk_hashes(0, 1))
    public = read_hash(victim.upload.xorb.index.chunk_hashes(2, 3))
    for verb in ("write", "read"):
        with store.client(store.new_repo("bob"), verb) as bob:
            answers = [bob.get(f"/v1/chunks/default/{chunk}") for chunk in (first, "e" * 64)]
            assert {(answer.status_code, told(answer).replace(first, "e" * 64)) for answer in answers} == {
                (404, told(answers[1]))
            }
            names = [{*answer.headers} for answer in answers]
            assert names[0] == names[1]
            assert bob.get(f"/v1/chunks/default/{public}").status_code == 200
    anonymous = store.anonymous(victim.public)
    with anonymous.client() as client:
        assert client.get(f"/v1/chunks/default/{first}").status_code == 404
        assert client.get(f"/v1/chunks/default/{public}").status_code == 200


def test_an_answer_about_a_public_chunk_says_nothing_of_its_private_siblings(store: Any, victim: Any) -> None:
    index = victim.upload.xorb.index
    public = read_hash(index.chunk_hashes(2, 3))
    with store.client(store.new_repo("bob")) as bob:
        shard = parse_shard(bob.get(f"/v1/chunks/default/{public}").raise_for_status().content)
    [block] = shard.xorbs
    assert shard.footer is not None
    keyed = [keyed_chunk_hash(index.chunk_hashes(n, n + 1), shard.footer.key) for n in range(index.count)]
    given = [block.hashes[32 * n : 32 * n + 32] for n in range(len(block.raw_ends))]
    assert [number for number, one in enumerate(given) if one in keyed] == [2, 3]
    assert given[2:] == keyed[2:4]
    assert block.raw_ends[1] == 2  # the lengths of placeholders are made up
    assert block.size == 0


def test_a_xorb_that_others_have_is_taken_like_a_new_one_and_belongs_to_its_sender(
    store: Any, victim: Any, make_upload: Any
) -> None:
    his, new = store.new_repo("bob"), make_upload(random.Random("new").randbytes(90_000))
    with store.client(his) as bob:
        answers = [
            bob.post(f"/v1/xorbs/default/{sent.xorb.hash}", content=sent.xorb.data) for sent in (victim.upload, new)
        ]
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"was_inserted": True})] * 2
        # Whoever has sent all bytes has them: now each chunk of the xorb may be used.
        bob.post("/v1/shards", content=victim.upload.shard(victim.secret)).raise_for_status()
    with store.client(store.new_repo("bob"), "read") as elsewhere:
        assert elsewhere.get(f"/v1/reconstructions/{victim.secret.hash}").status_code == 404


def test_rights_are_those_of_now(store: Any, victim: Any) -> None:
    his = store.new_repo("bob")
    with store.client(his) as bob:
        shown = encode_shard(Shard((victim.shown,), ()))
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
    """In every scope of deduplication, also within one namespace and although the account may read everything."""
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


def test_after_a_refusal_the_next_token_names_another_store(store: Any, victim: Any) -> None:
    his = store.new_repo("bob")
    before = store.give(his)
    with before.client() as bob:
        assert bob.post("/v1/shards", content=victim.upload.shard()).status_code == 400
        assert store.give(his).cas_url != before.cas_url
        assert bob.get(f"/v1/chunks/default/{'e' * 64}").status_code == 404
        assert bob.post(f"/v1/xorbs/default/{'e' * 64}", content=b"x").status_code == 400  # what is under way goes on
