from __future__ import annotations

from collections.abc import Callable

import httpx2

from entrepot.errors import AccountNotFound
from entrepot.hub.accounts import accounts, administration, quotas
from entrepot.hub.callers import Caller
from tests.server.pages.settings.conftest import Send, sender
from tests.support.served_hub import ServedHub

BASE = "/-/admin/namespaces"


def exists(site: ServedHub, name: str) -> bool:
    try:
        quotas.show(site.hub, name)
    except AccountNotFound:
        return False
    return True


def test_a_quota_is_set_and_taken_back(site: ServedHub, send_admin: Send, chief: Callable[[], Caller]) -> None:
    accounts.create_user(site.hub, "heavy")
    page = f"{BASE}/heavy"
    done = send_admin(f"{page}/quota", {"max_bytes": "1.5", "max_repos": "7", "max_file_bytes": ""})
    assert "Saved." in done.text
    assert "1.50 GB" in done.text
    found = administration.show_quota(site.hub, chief(), "heavy")
    assert (found.max_bytes, found.max_repos) == (1_500_000_000, 7)
    for fields in ({"max_bytes": "many"}, {"max_bytes": "nan"}, {"max_repos": "-1"}, {}):
        assert send_admin(f"{page}/quota", fields).status_code == 400, fields
    assert "Saved." in send_admin(f"{page}/quota", {"default": "yes"}).text
    assert administration.show_quota(site.hub, chief(), "heavy").max_repos != 7
    assert send_admin(f"{BASE}/no-such/quota", {"max_repos": "1"}).status_code == 404


def test_an_account_is_deleted_after_its_name_was_typed(site: ServedHub, send_admin: Send) -> None:
    accounts.create_user(site.hub, "leaver")
    accounts.create_org(site.hub, "closing", admin="leaver")
    for name, fields, status in (
        ("closing", {"confirm": "clos", "repos": "none"}, 400),
        ("closing", {"confirm": "closing", "repos": "some"}, 400),
        ("closing", {"confirm": "closing", "repos": "transfer", "to": ""}, 400),
        ("leaver", {"confirm": "leaver", "repos": "none"}, 409),
    ):
        assert send_admin(f"{BASE}/{name}/delete", fields).status_code == status, fields
        assert exists(site, name)
    assert "Deleted." in send_admin(f"{BASE}/closing/delete", {"confirm": "closing", "repos": "purge"}).text
    assert "Deleted." in send_admin(f"{BASE}/leaver/delete", {"confirm": "leaver", "repos": "none"}).text
    assert not exists(site, "closing")
    assert not exists(site, "leaver")


def test_a_repository_is_disabled_and_enabled(site: ServedHub, send_admin: Send, browser: httpx2.Client) -> None:
    site.commit(site.repo("reported"), {"a.txt": b"1"})
    fields = {"type": "model", "repo": "alice/reported"}
    refused = send_admin("/-/admin/repos/switch", {**fields, "reason": " "})
    assert refused.status_code == 400
    assert 'value="alice/reported"' in refused.text
    assert ">Disabled<" in send_admin("/-/admin/repos/switch", {**fields, "reason": "A complaint"}).text
    assert browser.get("/alice/reported").status_code >= 400
    assert ">Disabled<" not in send_admin("/-/admin/repos/switch", {**fields, "to": "on"}).text
    assert browser.get("/alice/reported").status_code == 200
    assert send_admin("/-/admin/repos/switch", {"type": "ship", "repo": "alice/reported"}).status_code == 400


def test_others_find_nothing(signed_in: httpx2.Client) -> None:
    assert signed_in.get(f"{BASE}/alice").status_code == signed_in.get(f"{BASE}/no-such").status_code == 404
    assert sender(signed_in)(f"{BASE}/alice/delete", {"confirm": "alice", "repos": "purge"}).status_code == 404
