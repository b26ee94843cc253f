from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.jobs import overviews
from entrepot.server.hf import hub_reports
from entrepot.settings import SETTINGS
from tests.support.site import Site


@pytest.fixture(scope="module")
def chief(site: Site) -> Iterator[httpx2.Client]:
    accounts.create_user(site.hub, "overseer", is_admin=True)
    with site.client(accounts.create_token(site.hub, "overseer", role="write").secret) as client:
        yield client


def blobs_of(site: Site) -> set[str]:
    return {str(path) for path in (site.hub.settings.data / "blobs").rglob("*")}


def test_the_overview_has_figures_and_the_disk(chief: httpx2.Client, site: Site) -> None:
    before = chief.get("/api/admin/overview").json()
    assert sorted(before) == ["diskFree", "diskTotal", "orgs", "sizes", "users"]
    assert 0 < before["diskFree"] < before["diskTotal"]
    accounts.create_user(site.hub, "one-more")
    site.new_repo()
    after = chief.get("/api/admin/overview").json()
    assert after["users"] == before["users"] + 1
    assert after["sizes"]["repositories"] == before["sizes"]["repositories"] + 1


def test_checks_say_whether_all_is_well(chief: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {check["name"]: check for check in chief.get("/api/admin/health").json()}
    assert found["git"] == {"name": "git", "ok": True, "text": "found"}
    monkeypatch.setattr(overviews, "LOW_DISK", 1.0)
    assert {check["name"]: check["ok"] for check in chief.get("/api/admin/health").json()}["Disk"] is False


def test_settings_are_those_in_effect_without_secrets(chief: httpx2.Client, site: Site) -> None:
    found = chief.get("/api/admin/settings").json()
    assert [one["name"] for one in found] == [setting.name for setting in SETTINGS]
    values = {one["name"]: one["value"] for one in found}
    assert values["data"] == str(site.hub.settings.data)
    assert all(sorted(one) == ["default", "name", "value"] for one in found)


def test_a_sweep_is_rehearsed_within_its_time(
    chief: httpx2.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = blobs_of(site)
    found = chief.get("/api/admin/gc").json()
    assert (found["dryRun"], found["isComplete"], found["count"]) == (True, True, len(found["items"]))
    assert found["size"] == sum(item["size"] for item in found["items"])
    assert blobs_of(site) == before
    monkeypatch.setattr(hub_reports, "SWEEP_S", 0.0)
    assert chief.get("/api/admin/gc").json()["isComplete"] is False
