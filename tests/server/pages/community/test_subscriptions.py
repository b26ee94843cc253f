from __future__ import annotations

import html
import re

import httpx2
import pytest

from entrepot.hub.community import discussions, subscriptions
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.server.pages.conftest import send_form
from tests.support.served_hub import ServedHub

PAGE = "/settings/notifications"


def silence(site: ServedHub, name: str) -> None:
    """Let alice silence a new repository and mute its discussion."""
    ref = site.repo(name)
    discussions.create(site.hub, site.caller(), ref, f"<i>{name}</i>", "text")
    subscriptions.choose(site.hub, site.caller(), ref, "none")
    subscriptions.mute(site.hub, site.caller(), ref, 1, is_muted=True)


def test_choices_are_listed_and_changed(site: ServedHub, signed_in: httpx2.Client) -> None:
    silence(site, "hushed")
    page = signed_in.get(PAGE).text
    assert "alice/hushed #1" in page
    assert "&lt;i&gt;hushed&lt;/i&gt;" in page
    assert '<option value="none" selected>' in page
    fields = {"kind": "model", "repo": "alice/hushed"}
    assert "alice/hushed #1" not in send_form(signed_in, PAGE, {**fields, "num": "1", "level": "all"}).text
    assert "Saved." in send_form(signed_in, PAGE, {**fields, "level": "participating"}).text
    answer = send_form(signed_in, PAGE, {**fields, "level": "all"})
    assert "alice/hushed" not in answer.text, "everything is the usual for what is one's own"
    for wrong in ({"kind": "x"}, {"repo": "no slash"}, {"num": "-1"}, {"num": "9" * 30}, {"level": "loud"}):
        assert send_form(signed_in, PAGE, {**fields, "level": "all", **wrong}).status_code in (400, 404, 422)


def test_what_cannot_be_seen_now_is_neither_listed_nor_counted(
    site: ServedHub, signed_in: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, bob = site.repo("passing"), site.hub.identify(site.bob)
    other = site.repo("staying")
    for known in (ref, other):
        subscriptions.choose(site.hub, bob, known, "all")
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(visibility="private"))
    with httpx2.Client(base_url=site.url, headers={"authorization": f"Bearer {site.bob}"}) as client:
        answer = client.get("/api/notifications/subscriptions?limit=1")
    assert answer.json() == [{"repo": {"type": "model", "name": "alice/staying"}, "level": "all", "discussion": None}]
    assert "link" not in answer.headers


def test_there_are_pages(site: ServedHub, signed_in: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("paged-one", "paged-two"):
        silence(site, name)
    monkeypatch.setattr(subscriptions.list_own, "__kwdefaults__", {"after": None, "limit": 2})
    seen, here = [], PAGE
    while here:
        page = signed_in.get(here).text
        seen += re.findall(r"alice/(paged-\w+)(?: #1)?</a>", page)
        more = re.search(r'href="(/settings/notifications\?cursor=[^"]+)">Next', page)
        here = html.unescape(more[1]) if more else ""
    assert seen == ["paged-one", "paged-one", "paged-two", "paged-two"]


def test_a_cursor_from_elsewhere_is_refused(signed_in: httpx2.Client) -> None:
    assert signed_in.get(f"{PAGE}?cursor=%00").status_code == 400
