from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.server.pages.settings import org_audit
from tests.server.pages.settings.test_org_members import make
from tests.support.served_hub import ServedHub


def test_administrators_see_filtered_pages_of_their_part_only(
    site: ServedHub, signed_in: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make(site, "logged", "logged-member")
    for name in ("one", "two"):
        repositories.create(site.hub, site.caller(), NewRepo(RepoType.MODEL, name, "logged"))
    page = signed_in.get(f"{base}/audit").text
    assert "Audit log of logged" in page
    assert "model logged/one" in page
    assert "member.role" in page
    assert "alice/tern" not in page
    chosen = signed_in.get(f"{base}/audit", params={"subject": "model logged/two"}).text
    assert "model logged/one" not in chosen
    assert "Nothing matches" in signed_in.get(f"{base}/audit", params={"subject": "model alice/tern"}).text
    assert f'href="{base}/audit"' in page
    monkeypatch.setattr("entrepot.server.pages.settings.audit_lists.SHOWN", 1)
    monkeypatch.setattr(org_audit, "SHOWN", 1)
    assert "before=" in signed_in.get(f"{base}/audit").text


def test_others_do_not_see_it(site: ServedHub, browser: httpx2.Client) -> None:
    base = make(site, "unseen")
    assert browser.get(f"{base}/audit").status_code == 401
    with site.client(site.bob, accept="text/html") as bob:
        assert bob.get(f"{base}/audit").status_code == 403
