from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from entrepot.errors import InvalidSignature
from entrepot.server.ranges import ByteRange
from entrepot.server.xet.xorb_ranges import cut_ranges
from tests.support.chunk_store import Store, Upload


@pytest.fixture
def link(store: Store, content: bytes) -> tuple[str, bytes, int, int]:
    """A link to chunks 2 and 3 of a xorb: its URL, all bytes of the xorb, the first and last signed byte."""
    repo = store.new_repo()
    upload = store.upload(repo, content)
    with store.client(repo, "read") as client:
        plan = client.get(f"/v2/reconstructions/{upload.file}", headers={"range": "bytes=100000-199999"}).json()
    [fetch] = plan["xorbs"][upload.xorb.hash]
    span = fetch["ranges"][0]["bytes"]
    return fetch["url"], upload.xorb.data, span["start"], span["end"]


def get(url: str, wanted: str | None = None, method: str = "GET", **headers: str) -> httpx2.Response:
    headers |= {"range": wanted} if wanted else {}
    return httpx2.request(method, url, headers=headers, trust_env=False)


def test_the_signed_bytes_are_given(link: tuple[str, bytes, int, int]) -> None:
    url, data, first, last = link
    for answer in (get(url, f"bytes={first}-{last}"), get(url)):
        assert (answer.status_code, answer.content) == (206, data[first : last + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{last + 1}"


def test_a_part_of_the_signed_bytes_is_given(link: tuple[str, bytes, int, int]) -> None:
    url, data, first, last = link
    answer = get(url, f"bytes={first + 10}-{last - 10}")
    assert (answer.status_code, answer.content) == (206, data[first + 10 : last - 9])
    assert answer.headers["content-range"] == f"bytes {first + 10}-{last - 10}/{last + 1}"


def test_several_parts_of_the_signed_bytes_are_given(link: tuple[str, bytes, int, int]) -> None:
    url, data, first, last = link
    answer = get(url, f"bytes={first}-{first + 9},{last - 9}-{last}")
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges; boundary=")
    for start, end in ((first, first + 9), (last - 9, last)):
        part = f"Content-Range: bytes {start}-{end}/{last + 1}\r\n\r\n".encode() + data[start : end + 1]
        assert part in answer.content


def test_nothing_outside_the_signed_bytes_is_given(link: tuple[str, bytes, int, int]) -> None:
    url, data, first, last = link
    outside = [
        f"bytes={first - 1}-{last}",
        "bytes=0-0",
        f"bytes={first}-{first},0-0",
        f"bytes={last + 1}-",
        f"bytes={len(data)}-",
        f"bytes={10**18}-",
        f"bytes=-{last + 1}",
    ]
    answers = [get(url, wanted) for wanted in outside]
    assert [answer.status_code for answer in answers] == [403] * len(outside)
    assert all(answer.json()["error"] for answer in answers)


def test_the_size_of_the_rest_of_the_xorb_is_not_revealed(link: tuple[str, bytes, int, int]) -> None:
    """Chunks after the signed ones may belong to files that the holder of the link may not read."""
    url, data, first, last = link
    assert last + 1 < len(data)
    beyond = [
        f"bytes={first}-",
        f"bytes={first}-{last + 1}",
        f"bytes={first}-{len(data) - 1}",
        f"bytes={first}-{10**18}",
    ]
    answers = [get(url, wanted) for wanted in beyond]
    assert {(answer.status_code, answer.content) for answer in answers} == {(206, data[first : last + 1])}
    assert {answer.headers["content-range"] for answer in answers} == {f"bytes {first}-{last}/{last + 1}"}
    past = [get(url, f"bytes={start}-") for start in (last + 1, len(data) - 1, len(data), len(data) + 1)]
    assert len({(answer.status_code, answer.content) for answer in past}) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"range": "lines=1-2"},
        {"range": "bytes=9-5"},
        {"range": "bytes=" + ",".join("0-0" for _ in range(40))},
        {"if-range": '"another"', "range": "bytes=0-5"},
        {"if-range": '"another"'},
        {"if-match": '"another"'},
        {"if-none-match": "*"},
    ],
)
def test_no_header_makes_more_of_a_link(link: tuple[str, bytes, int, int], headers: dict[str, str]) -> None:
    url, data, first, last = link
    answer = get(url, headers.get("range"), **{k: v for k, v in headers.items() if k != "range"})
    if headers.get("range") == "bytes=0-5":
        assert answer.status_code == 403
    else:
        assert (answer.status_code, answer.content) == (206, data[first : last + 1])


def test_head_tells_the_length_of_the_signed_bytes(link: tuple[str, bytes, int, int]) -> None:
    url, _, first, last = link
    answer = get(url, method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(last - first + 1)
    assert get(url, "bytes=0-0", "HEAD").status_code == 403


def test_a_link_ends(store: Store, link: tuple[str, bytes, int, int]) -> None:
    url, *_ = link
    store.clock.ahead_s = store.hub.settings.url_lifetime_s - 60
    assert get(url).status_code == 206
    store.clock.ahead_s = store.hub.settings.url_lifetime_s + 700
    answer = get(url)
    assert (answer.status_code, "expired" in answer.json()["error"]) == (403, True)


@pytest.mark.parametrize("field", ["range", "exp", "sig"])
def test_an_altered_link_opens_nothing(link: tuple[str, bytes, int, int], field: str) -> None:
    url, *_ = link
    value = parse_qs(urlsplit(url).query)[field][0]
    changed = "1-5" if field == "range" else "1" + value[1:] if value[0] != "1" else "2" + value[1:]
    assert get(url.replace(f"{field}={value}", f"{field}={changed}")).status_code == 403
    assert get(url.replace(f"{field}={value}", "")).status_code == 403


def test_a_link_opens_no_other_xorb(
    store: Store, link: tuple[str, bytes, int, int], make_upload: Callable[[bytes], Upload]
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
    [fetch] = plan["xorbs"][upload.xorb.hash]
    span = fetch["ranges"][0]["bytes"]
    answer = get(fetch["url"], f"bytes={span['start']}-{span['end']}")
    assert answer.content == upload.xorb.data[span["start"] : span["end"] + 1]
    assert span["start"] > 0
    assert len(answer.content) > 19_000_000


WINDOW = ByteRange(10, 20)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (WINDOW,)),
        ("bytes=10-19", (WINDOW,)),
        ("bytes=12-12,15-16", (ByteRange(12, 13), ByteRange(15, 17))),
        ("bytes=12-15,14-16", (ByteRange(12, 17),)),
        ("bytes=x", (WINDOW,)),
    ],
)
def test_ranges_within_the_window_stay(header: str | None, expected: tuple[ByteRange, ...]) -> None:
    assert cut_ranges(header, 100, WINDOW) == expected


@pytest.mark.parametrize("header", ["bytes=9-19", "bytes=10-20", "bytes=-1", "bytes=100-", "bytes=12-12,50-60"])
def test_ranges_outside_the_window_are_refused(header: str) -> None:
    with pytest.raises(InvalidSignature):
        cut_ranges(header, 100, WINDOW)
