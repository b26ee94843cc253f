from __future__ import annotations

import http.client
from typing import Any

import pytest

from entrepot.errors import Refused
from entrepot.hub.git import guarded_http
from tests.support.git_site import GitSite


def get(url: str, **headers: str) -> bytes:
    with guarded_http.request("GET", url, headers, hint="allow it") as answer:
        return answer.body.read()


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
