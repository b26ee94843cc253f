from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.server.compression import MIN_BYTES, accepts_gzip
from tests.support.served_hub import ServedHub

OPENED = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}
PAGE = "/alice/many/tree/main"


@pytest.fixture(scope="module")
def site(world: ServedHub) -> ServedHub:
    """A public model with a long page of files."""
    accounts.reset_password(world.hub, "alice", "correct horse")
    world.commit(world.repo("many"), {f"part-{number:03}.txt": b"x" for number in range(60)})
    return world


@pytest.fixture
def visitor(site: ServedHub) -> Iterator[httpx2.Client]:
    """A browser without a session."""
    with browse(site) as client:
        yield client


@pytest.fixture
def alice(visitor: httpx2.Client) -> httpx2.Client:
    """A browser in which alice has signed in."""
    form = {"name": "alice", "password": "correct horse"}
    answer = visitor.post("/login", data=form, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 303, answer.text
    return visitor


def browse(site: ServedHub) -> httpx2.Client:
    """Return a browser that reads gzip."""
    headers = {"accept": "text/html", "accept-encoding": "gzip, deflate, br"}
    return httpx2.Client(base_url=site.url, headers=headers, trust_env=False, timeout=240)


def coding(client: httpx2.Client, headers: Mapping[str, str], page: str = PAGE) -> str:
    """Return the content coding of a page for a request with these headers."""
    answer = client.get(page, headers=dict(headers))
    assert answer.status_code == 200
    assert "Accept-Encoding" in answer.headers["vary"]
    return answer.headers.get("content-encoding", "identity")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip; q=0.000", False),
        ("gzip;q=one", False),
        ("identity", False),
        ("notgzip", False),
        ("", False),
    ],
)
def test_gzip_is_accepted_with_a_weight_above_zero(header: str, *, expected: bool) -> None:
    assert accepts_gzip(header) is expected


def test_a_page_is_compressed_for_clients_that_read_gzip(visitor: httpx2.Client) -> None:
    plain = visitor.get(PAGE, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with visitor.stream("GET", PAGE) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        sent = b"".join(packed.iter_raw())
    assert int(packed.headers["content-length"]) == len(sent) < len(plain.content) / 3
    assert gzip.decompress(sent).count(b"part-") == plain.content.count(b"part-") >= 60


def test_a_compressed_page_is_not_sent_again(visitor: httpx2.Client) -> None:
    first = visitor.get(PAGE)
    for accepted in ("gzip", "identity"):
        headers = {"if-none-match": first.headers["etag"], "accept-encoding": accepted}
        again = visitor.get(PAGE, headers=headers)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert "content-encoding" not in again.headers


def test_head_has_the_headers_of_the_compressed_page(visitor: httpx2.Client) -> None:
    head, page = visitor.head(PAGE), visitor.get(PAGE)
    for name in ("content-encoding", "content-length", "etag", "vary"):
        assert head.headers[name] == page.headers[name]
    assert head.content == b""


def test_an_error_page_is_compressed_too(visitor: httpx2.Client) -> None:
    answer = visitor.get("/alice/none")
    assert (answer.status_code, answer.headers["content-encoding"]) == (401, "gzip")
    assert len(answer.content) > MIN_BYTES


def test_signed_in_visitors_get_compressed_pages_if_they_or_a_page_of_this_hub_open_them(alice: httpx2.Client) -> None:
    assert coding(alice, OPENED) == "gzip"
    assert coding(alice, {**OPENED, "sec-fetch-site": "same-origin"}) == "gzip"


@pytest.mark.parametrize(
    "caused",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors"},  # a picture in a card
        {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_what_others_can_cause_is_not_compressed_for_visitors_who_are_signed_in(
    alice: httpx2.Client, site: ServedHub, caused: Mapping[str, str]
) -> None:
    assert coding(alice, caused) == "identity"
    with browse(site) as stranger:
        assert coding(stranger, caused) == "gzip"
        token = {"authorization": f"Bearer {site.alice}"}
        assert coding(stranger, {**caused, **token}) == "identity"


def test_browsers_that_do_not_say_who_caused_a_request_get_compressed_pages_over_http_only(
    alice: httpx2.Client, site: ServedHub
) -> None:
    assert coding(alice, {}) == "gzip"
    secure = {"x-forwarded-proto": "https", "authorization": f"Bearer {site.alice}"}
    with browse(site) as stranger:
        assert coding(stranger, secure) == "identity"
        assert coding(stranger, {**secure, **OPENED}) == "gzip"
