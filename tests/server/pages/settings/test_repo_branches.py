from __future__ import annotations

import httpx2

from entrepot.hub.repos import protections
from entrepot.hub.repos.protections import Protections
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub


def test_branches_and_tags_are_protected(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    ref = site.repo("guarded")
    done = send("/alice/guarded/settings/branches", {"branches": "main\r\nrelease/*\r\n", "tags": "yes"})
    assert "Saved." in done.text
    assert protections.read(site.hub, ref) == Protections(("main", "release/*"), tags=True)
    assert "main\nrelease/*</textarea>" in done.text
    refused = send("/alice/guarded/settings/branches", {"branches": "a..b"})
    assert refused.status_code == 400
    assert "a..b" in refused.text
    assert protections.read(site.hub, ref).tags
    send("/alice/guarded/settings/branches", {"branches": ""})
    assert protections.read(site.hub, ref) == Protections((), tags=False)
    assert " checked" not in signed_in.get("/alice/guarded/settings/branches").text


def test_a_repository_is_made_strict_once(site: ServedHub, send: Send, signed_in: httpx2.Client) -> None:
    site.repo("strictly")
    assert "Make it strict" in signed_in.get("/alice/strictly/settings/branches").text
    done = send("/alice/strictly/settings/branches/strict")
    assert "mutability of this repository is <b>strict</b>" in done.text
    assert "Make it strict" not in done.text
