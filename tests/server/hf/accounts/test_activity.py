from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.search.activity import ActivityCalendar
from entrepot.server.hf.accounts import activity
from entrepot.wire.accounts.accounts import AccountActivity, ActiveDay
from tests.support.site import Site


def total(client: httpx2.Client, path: str) -> int:
    found = client.get(path)
    assert found.status_code == 200, found.text
    return sum(day["count"] for day in found.json()["days"])


def test_days_are_dates_in_order() -> None:
    calendar = ActivityCalendar(20_451, 20_459, {20_459: 12, 20_451: 1})
    days = [ActiveDay("2025-12-29", 1), ActiveDay("2026-01-06", 12)]
    assert activity.render(calendar) == AccountActivity("2025-12-29", "2026-01-06", days)


def test_activity_counts_what_the_caller_may_see(site: Site, alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    org = accounts.create_org(site.hub, "gulls", admin="alice").name
    paths = ("/api/users/alice/activity", f"/api/organizations/{org}/activity")
    site.api().create_repo("gulls/open")
    before = [(total(alice, path), total(anonymous, path)) for path in paths]
    for name, is_private in (("gulls/open", False), ("gulls/closed", True)):
        site.api().create_repo(name, private=is_private, exist_ok=True)
        site.api().upload_file(path_or_fileobj=b"x\n", path_in_repo="a.txt", repo_id=name)
    for path, (mine, theirs) in zip(paths, before, strict=True):
        assert total(anonymous, path) == theirs + 1
        assert total(alice, path) >= mine + 2


@pytest.mark.parametrize("path", ["/api/users/nobody/activity", "/api/organizations/alice/activity"])
def test_an_account_that_does_not_exist_has_no_activity(anonymous: httpx2.Client, path: str) -> None:
    assert anonymous.get(path).status_code == 404
