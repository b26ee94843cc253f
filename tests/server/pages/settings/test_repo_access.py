from __future__ import annotations

import re

import httpx2

from entrepot.hub.accounts import accounts
from entrepot.hub.community import access_requests
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from tests.server.pages.settings.conftest import Send
from tests.support.served_hub import ServedHub

EVIL = "<img src=x onerror=alert(1)>"
CARD = b"---\nextra_gated_fields:\n  Company: text\n---\n# Gated\n"


def gated(site: ServedHub, name: str, *askers: str) -> RepoRef:
    """Return a repository with a manual gate, for which these users have asked."""
    ref = site.repo(name)
    site.commit(ref, {"README.md": CARD})
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated="manual"))
    for asker in askers:
        accounts.create_user(site.hub, asker, email=f"{asker}@example.org")
        caller = site.hub.identify(accounts.create_token(site.hub, asker, role="write").secret)
        access_requests.request_access(site.hub, caller, ref, {"Company": EVIL})
    return ref


def test_the_gate_is_set(site: ServedHub, send: Send, browser: httpx2.Client) -> None:
    site.repo("gating")
    done = send("/alice/gating/settings/gate", {"gate": "auto"})
    assert "Saved." in done.text
    assert 'value="auto" checked' in done.text
    assert "Gated" in browser.get("/alice/gating").text
    assert send("/alice/gating/settings/gate", {"gate": "iron"}).status_code == 400
    assert "Requests" not in send("/alice/gating/settings/gate", {"gate": "no"}).text


def test_requests_are_accepted_and_rejected_with_a_reason(
    site: ServedHub, send: Send, signed_in: httpx2.Client
) -> None:
    gated(site, "asked", "asker-one", "asker-two")
    page = signed_in.get("/alice/asked/settings/access").text
    assert "asker-one@example.org" in page
    assert EVIL not in page
    assert "&lt;img src=x" in page
    two, one = list(dict.fromkeys(re.findall(r'name="request" value="([0-9a-f]{24})"', page)))
    accepted = send("/alice/asked/settings/access/decide", {"request": one, "status": "accepted", "reason": "no"})
    assert "Access is granted." in accepted.text
    rejected = send("/alice/asked/settings/access/decide", {"request": two, "status": "rejected", "reason": "Not now"})
    assert "The request is rejected." in rejected.text
    assert "No pending requests." in rejected.text
    assert "asker-one" in signed_in.get("/alice/asked/settings/access?status=accepted").text
    assert "Reason: Not now" in signed_in.get("/alice/asked/settings/access?status=rejected").text
    again = send("/alice/asked/settings/access/decide", {"request": one, "status": "accepted"})
    assert again.status_code == 404
    assert signed_in.get("/alice/asked/settings/access?status=odd").status_code == 400
    assert signed_in.get("/alice/asked/settings/access?cursor=odd").status_code == 400


def test_access_is_granted_without_a_request(site: ServedHub, send: Send) -> None:
    gated(site, "granting")
    assert "bob" in send("/alice/granting/settings/access/grant", {"user": " bob "}).text
    missing = send("/alice/granting/settings/access/grant", {"user": "no-one-here"})
    assert missing.status_code == 404
    assert 'value="no-one-here"' in missing.text
