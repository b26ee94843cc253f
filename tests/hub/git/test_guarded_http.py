from __future__ import annotations

import errno
import http.client
import time
from typing import Any

import pytest

from entrepot.errors import Refused
from entrepot.hub.git import guarded_http
from tests.support.git_site import GitSite


def get(url: str, **headers: str) -> bytes:
    with guarded_http.request("GET", url, headers, hint="allow it") as answer:
        return b"".join(iter(lambda: answer.read(1 << 20), b""))


def test_a_public_host_answers(site: GitSite, example_is_here: None) -> None:
    assert get(site.url("work/README.md")) == b"hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost.", "2130706433", "[::ffff:127.0.0.1]"])
def test_a_private_host_is_refused_first_and_after_a_redirect(site: GitSite, example_is_here: None, host: str) -> None:
    with pytest.raises(Refused, match="not a public address; allow it"):
        get(site.url("work/README.md", host))
    site.redirects["/moved/"] = site.url("work/", host)
    with pytest.raises(Refused, match="not a public address; allow it"):
        get(site.url("moved/README.md"))
    assert site.asked == ["/moved/README.md"]


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "gopher://x.example/",
        "http://u:p@x.example/",
        "http://",
        "http://[::1",
        "//[",
        "http://[zz]/",
    ],
)
def test_a_redirect_to_no_web_address_is_refused(site: GitSite, example_is_here: None, target: str) -> None:
    site.redirects["/moved/"] = target
    with pytest.raises(Refused):
        get(site.url("moved/"))


def test_a_login_stays_with_its_host(site: GitSite, example_is_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bool] = []
    request = http.client.HTTPConnection.request

    def note(self: Any, method: str, url: str, body: Any, headers: Any) -> None:
        sent.append("Authorization" in headers)
        request(self, method, url, body, headers)

    monkeypatch.setattr(http.client.HTTPConnection, "request", note)
    site.redirects["/here/"] = "/there/"
    site.redirects["/there/"] = site.url("work/", "other.example")
    assert get(site.url("here/README.md"), Authorization="Basic x") == b"hello"
    assert sent == [True, True, False]


@pytest.mark.parametrize("headers", [{"X": "a\nb"}, {"X": "\u20ac"}, {"": "x"}])
def test_headers_of_a_source_that_cannot_be_sent_are_refused(
    site: GitSite, example_is_here: None, headers: dict[str, str]
) -> None:
    with pytest.raises(Refused, match="that are not valid in HTTP"):
        get(site.url("work/README.md"), **headers)


def test_a_failure_of_whoever_reads_is_no_failure_of_the_host(site: GitSite, example_is_here: None) -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        guarded_http.request("GET", site.url("work/README.md"), {}, hint="allow it"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


class Body:
    """A body that sends one byte at each read, then nothing."""

    def __init__(self, bytes_left: int, length: int | None = None) -> None:
        self.bytes_left, self.length = bytes_left, length

    def read1(self, _most: int) -> bytes:
        self.bytes_left -= 1
        return b"x" if self.bytes_left >= 0 else b""


def test_a_body_that_hardly_moves_is_given_up() -> None:
    body: Any = Body(1_000)
    answer = guarded_http.GuardedResponse(
        "https://h.example/x", 200, body, time.monotonic() - guarded_http.TIMEOUT_S / 2
    )
    assert answer.read(10) == b"x"
    answer = guarded_http.GuardedResponse(
        "https://h.example/x", 200, body, time.monotonic() - guarded_http.TIMEOUT_S - 1
    )
    with pytest.raises(Refused, match=r"no answer from 'h\.example': less than 1,024 bytes a second"):
        answer.read(10)


def test_a_body_that_is_cut_off_is_a_failure() -> None:
    body: Any = Body(0, 7)
    with pytest.raises(Refused, match="7 bytes are missing"):
        guarded_http.GuardedResponse("https://h.example/x", 200, body).read(10)
