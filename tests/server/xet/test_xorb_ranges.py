from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest

from entrepot.errors import InvalidSignature
from entrepot.names import Sha256
from entrepot.server.ranges import ByteRange
from entrepot.server.xet.xorb_ranges import cut_ranges
from entrepot.xet import FileBlock, Terms, file_hash, range_hash
from tests.support.chunk_store import Store, Upload, upload_of


@pytest.fixture
def link(store: Store, content: bytes) -> tuple[str, bytes]:
    """A link to chunks 2 and 3 of a file: its URL, and the bytes behind it."""
    repo = store.new_repo()
    upload = store.upload(repo, content)
    with store.client(repo, "read") as client:
        plan = client.get(f"/v2/reconstructions/{upload.file}", headers={"range": "bytes=100000-199999"}).json()
    [[fetch]] = plan["xorbs"].values()
    index = upload.xorb.index
    data = upload.xorb.data[index.offset(2) : index.offset(4)]
    assert fetch["ranges"] == [{"chunks": {"start": 0, "end": 2}, "bytes": {"start": 0, "end": len(data) - 1}}]
    return fetch["url"], data


def get(url: str, wanted: str | None = None, method: str = "GET", **headers: str) -> httpx2.Response:
    headers |= {"range": wanted} if wanted else {}
    return httpx2.request(method, url, headers=headers, trust_env=False)


def test_the_signed_bytes_are_given(link: tuple[str, bytes]) -> None:
    url, data = link
    for answer in (get(url, f"bytes=0-{len(data) - 1}"), get(url), get(url, f"bytes=-{len(data)}")):
        assert (answer.status_code, answer.content) == (206, data)
        assert answer.headers["content-range"] == f"bytes 0-{len(data) - 1}/{len(data)}"


def test_a_part_of_the_signed_bytes_is_given(link: tuple[str, bytes]) -> None:
    url, data = link
    answer = get(url, "bytes=10-99")
    assert (answer.status_code, answer.content) == (206, data[10:100])
    assert answer.headers["content-range"] == f"bytes 10-99/{len(data)}"


def test_several_parts_of_the_signed_bytes_are_given(link: tuple[str, bytes]) -> None:
    url, data = link
    end = len(data)
    answer = get(url, f"bytes=0-9,{end - 10}-{end - 1}")
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges; boundary=")
    for start, stop in ((0, 10), (end - 10, end)):
        part = f"Content-Range: bytes {start}-{stop - 1}/{end}\r\n\r\n".encode() + data[start:stop]
        assert part in answer.content


def test_the_headers_tell_about_the_signed_bytes_only(link: tuple[str, bytes]) -> None:
    url, data = link
    name = urlsplit(url).path.rpartition("/")[2]
    answer = get(url)
    assert answer.headers["etag"] == f'"{name}"'
    assert answer.headers["content-length"] == str(len(data))


def test_bytes_after_the_signed_ones_are_not_there(link: tuple[str, bytes]) -> None:
    """Chunks of files that the holder of the link may not read may follow, and precede, the signed ones in the xorb."""
    url, data = link
    beyond = [f"bytes=0-{len(data)}", f"bytes=0-{10**18}", "bytes=0-", f"bytes=-{len(data) + 1}"]
    answers = [get(url, wanted) for wanted in beyond]
    assert {(answer.status_code, answer.content) for answer in answers} == {(206, data)}
    assert {answer.headers["content-range"] for answer in answers} == {f"bytes 0-{len(data) - 1}/{len(data)}"}
    past = [get(url, f"bytes={start}-") for start in (len(data), len(data) + 1, 10**18)]
    assert {answer.status_code for answer in past} == {403}
    assert len({answer.content for answer in past}) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"range": "lines=1-2"},
        {"range": "bytes=9-5"},
        {"range": "bytes=" + ",".join("0-0" for _ in range(40))},
        {"if-range": '"another"', "range": "bytes=5-9"},
        {"if-range": '"another"'},
        {"if-match": '"another"'},
        {"if-none-match": "*"},
    ],
)
def test_no_header_makes_more_of_a_link(link: tuple[str, bytes], headers: dict[str, str]) -> None:
    url, data = link
    answer = get(url, headers.get("range"), **{k: v for k, v in headers.items() if k != "range"})
    expected = data[5:10] if headers.get("range") == "bytes=5-9" else data
    assert (answer.status_code, answer.content) == (206, expected)


def test_head_tells_the_length_of_the_signed_bytes(link: tuple[str, bytes]) -> None:
    url, data = link
    answer = get(url, method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(data))
    assert get(url, f"bytes={len(data)}-", "HEAD").status_code == 403


def test_a_link_ends(store: Store, link: tuple[str, bytes]) -> None:
    url, *_ = link
    store.clock.ahead_s = store.hub.settings.url_lifetime_s - 60
    assert get(url).status_code == 206
    store.clock.ahead_s = store.hub.settings.url_lifetime_s + 700
    answer = get(url)
    assert (answer.status_code, "expired" in answer.json()["error"]) == (403, True)


@pytest.mark.parametrize("field", ["part", "exp", "sig"])
def test_an_altered_link_opens_nothing(link: tuple[str, bytes], field: str) -> None:
    url, *_ = link
    value = parse_qs(urlsplit(url).query)[field][0]
    changed = "1" + value[1:] if value[0] != "1" else "2" + value[1:]
    sent = quote(value)
    assert f"{field}={sent}" in url
    assert get(url.replace(f"{field}={sent}", f"{field}={changed}")).status_code == 403
    assert get(url.replace(f"{field}={sent}", "")).status_code == 403


def test_a_link_opens_no_other_xorb(
    store: Store, link: tuple[str, bytes], make_upload: Callable[[bytes], Upload]
) -> None:
    url, *_ = link
    other = store.upload(store.new_repo(), b"something else" * 50_000)
    path = urlsplit(url).path
    assert get(url.replace(path, f"/_xet/xorbs/{other.xorb.hash}")).status_code == 403
    assert get(f"{store.url}/_xet/xorbs/{other.xorb.hash}").status_code == 403


def test_a_large_window_streams(store: Store) -> None:
    content = random.Random(5).randbytes(20_000_000)
    repo = store.new_repo()
    upload = store.upload(repo, content)
    with store.client(repo, "read") as client:
        plan = client.get(f"/v2/reconstructions/{upload.file}", headers={"range": "bytes=60000-19900000"}).json()
    [[fetch]] = plan["xorbs"].values()
    span = fetch["ranges"][0]["bytes"]
    answer = get(fetch["url"], f"bytes={span['start']}-{span['end']}")
    index = upload.xorb.index
    assert answer.content == upload.xorb.data[index.offset(1) : index.offset(399)]
    assert len(answer.content) > 19_000_000


def test_a_part_streams_from_several_xorbs(store: Store) -> None:
    pieces = [random.Random(number).randbytes(3_000_000) for number in (61, 62)]
    repo, uploads = store.new_repo(), [upload_of(piece) for piece in pieces]
    indexes = [upload.xorb.index for upload in uploads]
    terms = [term for upload in uploads for term in upload.block.terms]
    hashes = [index.hashes for index in indexes]
    lengths = [int(length) for index in indexes for length in index.lengths(0, index.count)]
    sha256 = Sha256(hashlib.sha256(b"".join(pieces)).hexdigest())
    name = file_hash(b"".join(hashes), lengths)
    block = FileBlock(name, Terms.of(terms), b"".join(map(range_hash, hashes)), sha256)
    with store.client(repo) as client:
        for upload in uploads:
            client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data).raise_for_status()
        listed = tuple(upload.listed for upload in uploads)
        client.post("/v1/shards", content=uploads[0].shard(block, xorbs=listed)).raise_for_status()
        plan = client.get(f"/v2/reconstructions/{name}").json()
    [[fetch]] = plan["xorbs"].values()
    assert get(fetch["url"]).content == b"".join(upload.xorb.data for upload in uploads)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (ByteRange(0, 20),)),
        ("bytes=0-19", (ByteRange(0, 20),)),
        ("bytes=12-12,15-16", (ByteRange(12, 13), ByteRange(15, 17))),
        ("bytes=12-15,14-90", (ByteRange(12, 20),)),
        ("bytes=x", (ByteRange(0, 20),)),
    ],
)
def test_ranges_within_the_part_stay(header: str | None, expected: tuple[ByteRange, ...]) -> None:
    assert cut_ranges(header, 20) == expected


@pytest.mark.parametrize("header", ["bytes=20-29", "bytes=20-", "bytes=50-60,70-80"])
def test_ranges_outside_the_part_are_refused(header: str) -> None:
    with pytest.raises(InvalidSignature):
        cut_ranges(header, 20)
