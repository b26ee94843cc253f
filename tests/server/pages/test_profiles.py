from __future__ import annotations

from collections.abc import Callable

import httpx2

from entrepot.hub.accounts import accounts
from tests.support.served_hub import ServedHub


def test_an_account_shows_its_visible_repositories(show: Callable[[str], str], signed_in: httpx2.Client) -> None:
    text = show("/alice")
    assert 'href="/alice/tern"' in text
    assert 'href="/datasets/alice/tides"' in text
    assert "/alice/hidden" not in text
    assert 'href="/alice/hidden"' in signed_in.get("/alice").text
    assert "has no repositories that you can see" in show("/bob")


def test_an_organisation_shows_its_members_as_a_number(site: ServedHub, show: Callable[[str], str]) -> None:
    accounts.create_org(site.hub, "acme", admin="alice", fullname="<b>Acme</b>")
    text = show("/acme")
    assert "&lt;b&gt;Acme&lt;/b&gt;" in text
    assert "<dt>Members</dt><dd>1</dd>" in text
    assert 'href="/acme">acme</a>' in show("/alice")
