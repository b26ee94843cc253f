from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from entrepot.catalog import file_tables
from entrepot.errors import Malformed
from entrepot.names import Sha256
from entrepot.server.xet.reconstructions import read_range
from entrepot.xet import (
    MAX_RAW_BYTES,
    ZERO_HASH,
    FileBlock,
    Shard,
    Term,
    Terms,
    Xorb,
    encode_shard,
    read_index,
)
from tests.support.chunk_store import Store, Upload
from tests.support.xet_codec import decompress

ALIASES = ["/reconstruction", "/reconstructions", "/v1/reconstruction", "/v1/reconstructions"]


def ask(store: Store, repo: str, file: str, wanted: str | None = None, path: str = "/v2/reconstructions") -> Any:
    headers = {"range": wanted} if wanted else {}
    with store.client(repo, "read") as client:
        return client.get(f"{path}/{file}", headers=headers)


def chunks_of(data: bytes) -> list[bytes]:
    """Decode the chunks in some bytes of a xorb."""
    found, at = [], 0
    while at < len(data):
        stored, length = (
            int.from_bytes(data[at + 1 : at + 4], "little"),
            int.from_bytes(data[at + 5 : at + 8], "little"),
        )
        found.append(bytes(decompress(data[at + 4], data[at + 8 : at + 8 + stored], length)))
        at += 8 + stored
    return found


def rebuild(plan: dict[str, Any]) -> bytes:
    """Rebuild a file from a plan as a client does: fetch, decompress, join, drop the offset."""
    known: dict[tuple[str, int], bytes] = {}
    for xorb, fetches in plan["xorbs"].items():
        for fetch in fetches:
            [part] = fetch["ranges"]
            first, last = part["bytes"]["start"], part["bytes"]["end"]
            got = httpx2.get(fetch["url"], headers={"range": f"bytes={first}-{last}"}, trust_env=False)
            assert (got.status_code, len(got.content)) == (206, last - first + 1)
            for number, chunk in enumerate(chunks_of(got.content), part["chunks"]["start"]):
                known[xorb, number] = chunk
            assert number + 1 == part["chunks"]["end"]
    terms = []
    for term in plan["terms"]:
        piece = b"".join(known[term["hash"], n] for n in range(term["range"]["start"], term["range"]["end"]))
        assert len(piece) == term["unpacked_length"]
        terms.append(piece)
    return b"".join(terms)[plan["offset_into_first_range"] :]


@pytest.fixture
def scattered(
    store: Store,
    content: bytes,
    make_upload: Callable[[bytes], Upload],
    make_file: Callable[[list[Term], Xorb, bytes], FileBlock],
) -> tuple[str, str, bytes]:
    """A repository and a file that uses chunks of one xorb twice, out of order and with gaps."""
    repo, upload = store.new_repo(), make_upload(content)
    index = upload.xorb.index
    terms = [Term(upload.xorb.hash, a, b, index.raw_length(a, b)) for a, b in ((4, 6), (0, 2), (3, 5))]
    whole = b"".join(content[index.raw_offset(t.start) : index.raw_offset(t.end)] for t in terms)
    block = make_file(terms, upload.xorb, whole)
    with store.client(repo) as client:
        client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data).raise_for_status()
        client.post("/v1/shards", content=upload.shard(block)).raise_for_status()
    return repo, block.hash, whole


def test_a_whole_file_comes_back(store: Store, scattered: tuple[str, str, bytes]) -> None:
    repo, file, whole = scattered
    answer = ask(store, repo, file)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert rebuild(answer.json()) == whole


def test_a_xorb_with_more_than_64_mib_of_content_is_taken_and_comes_back(
    store: Store, make_upload: Callable[[bytes], Upload], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The JavaScript client fills xorbs by their compressed size."""
    monkeypatch.setattr("entrepot.xet.builders.MAX_RAW_BYTES", 1 << 30)
    whole = b"".join(bytes([number]) * 50_000 for number in range(10)) * 150
    repo, upload = store.new_repo(), make_upload(whole)
    assert upload.xorb.index.raw_size == len(whole) > MAX_RAW_BYTES
    with store.client(repo) as client:
        client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data).raise_for_status()
        client.post("/v1/shards", content=upload.shard()).raise_for_status()
    assert rebuild(ask(store, repo, upload.file).json()) == whole
    assert (
        rebuild(ask(store, repo, upload.file, "bytes=70000000-70000099").json())[:100] == whole[70_000_000:70_000_100]
    )


def test_any_range_comes_back(store: Store, scattered: tuple[str, str, bytes]) -> None:
    repo, file, whole = scattered
    dice = random.Random(7)
    for _ in range(12):
        first, last = sorted(dice.randrange(len(whole)) for _ in range(2))
        plan = ask(store, repo, file, f"bytes={first}-{last}").json()
        assert rebuild(plan)[: last - first + 1] == whole[first : last + 1]


def test_both_versions_say_the_same(store: Store, scattered: tuple[str, str, bytes]) -> None:
    repo, file, _ = scattered
    new = ask(store, repo, file).json()
    for path in ALIASES:
        old = ask(store, repo, file, path=path).json()
        assert set(old) == {"offset_into_first_range", "terms", "fetch_info"}
        assert (old["terms"], old["offset_into_first_range"]) == (new["terms"], new["offset_into_first_range"])
        again = {
            xorb: [{"url": f["url"], "ranges": [{"chunks": f["range"], "bytes": f["url_range"]}]} for f in fetches]
            for xorb, fetches in old["fetch_info"].items()
        }
        assert again == new["xorbs"]


def test_the_json_is_exactly_that_of_the_protocol(store: Store, content: bytes) -> None:
    repo = store.new_repo()
    upload = store.upload(repo, content)
    plan = ask(store, repo, upload.file, "bytes=50001-99999").json()
    length = upload.xorb.index.offset(2) - upload.xorb.index.offset(1)
    [(name, [fetch])] = plan.pop("xorbs").items()
    assert fetch.pop("url").startswith(f"{store.url}/_xet/xorbs/{name}?")
    assert fetch == {"ranges": [{"chunks": {"start": 0, "end": 1}, "bytes": {"start": 0, "end": length - 1}}]}
    assert plan == {
        "offset_into_first_range": 1,
        "terms": [{"hash": name, "unpacked_length": 50_000, "range": {"start": 0, "end": 1}}],
    }


def test_nothing_in_a_reconstruction_names_a_xorb(store: Store, scattered: tuple[str, str, bytes]) -> None:
    repo, file, _ = scattered
    with store.hub.read() as tx:
        stored = tx.sql.execute(sa.select(file_tables.xorbs.c.hash, file_tables.xorbs.c.directory)).all()
    text = ask(store, repo, file).text
    assert not any(row.hash in text or read_index(row.directory).xorb_hash() in text for row in stored)


def test_the_same_request_has_the_same_response(store: Store, scattered: tuple[str, str, bytes]) -> None:
    repo, file, _ = scattered
    plans = [ask(store, repo, file, "bytes=10-200000").json() for _ in range(2)]
    for plan in plans:
        for fetches in plan["xorbs"].values():
            for fetch in fetches:
                fetch["url"] = fetch["url"].partition("?")[0]
    assert plans[0] == plans[1]


def test_the_end_of_a_range_is_cut_at_the_end_of_the_file(store: Store, scattered: tuple[str, str, bytes]) -> None:
    repo, file, whole = scattered
    for wanted in (f"bytes=100-{len(whole) + 10**9}", "bytes=100-"):
        assert rebuild(ask(store, repo, file, wanted).json()) == whole[100:]


def test_a_range_behind_the_end_cannot_be_satisfied(store: Store, scattered: tuple[str, str, bytes]) -> None:
    repo, file, whole = scattered
    for first in (len(whole), len(whole) + 5, 10**17):
        answer = ask(store, repo, file, f"bytes={first}-{first + 10}")
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(whole)}")


def test_the_empty_file_is_an_empty_plan(store: Store) -> None:
    repo, empty = store.new_repo(), FileBlock(ZERO_HASH, Terms(b""), b"", Sha256("e3b0c442" + "0" * 56))
    with store.client(repo) as client:
        client.post("/v1/shards", content=encode_shard(Shard((empty,), ()))).raise_for_status()
    plan = {"offset_into_first_range": 0, "terms": [], "xorbs": {}}
    assert ask(store, repo, ZERO_HASH).json() == plan
    assert ask(store, repo, ZERO_HASH, "bytes=0-0").json() == plan
    assert ask(store, repo, ZERO_HASH, "bytes=1-1").status_code == 416


def test_an_unknown_file_is_not_found_and_no_hash_is_malformed(store: Store) -> None:
    repo = store.new_repo()
    assert [ask(store, repo, file).status_code for file in ("1" * 64, "xyz")] == [404, 400]


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, (0, None)), ("bytes=0-0", (0, 0)), ("bytes=5-", (5, None)), (" Bytes = 5-9 ", (5, 9))],
)
def test_ranges_are_read(header: str | None, expected: tuple[int, int | None]) -> None:
    assert read_range(header) == expected


@pytest.mark.parametrize("header", ["bytes=-5", "bytes=9-5", "lines=1-2", "bytes=1-2,4-5", "bytes=", "bytes=٣-٤", ""])
def test_other_ranges_are_refused(header: str) -> None:
    with pytest.raises(Malformed):
        read_range(header)
