from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.files import scan_summaries
from entrepot.catalog.files.scan_summaries import ScanSummary
from entrepot.catalog.repos import repositories
from entrepot.hub.accounts import accounts
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.site import Site


@pytest.fixture(scope="module")
def chief(site: Site) -> Iterator[httpx2.Client]:
    accounts.create_user(site.hub, "scan-chief", is_admin=True)
    with site.client(accounts.create_token(site.hub, "scan-chief", role="write").secret) as client:
        yield client


def report(site: Site, repo: str) -> None:
    with site.hub.read() as tx:
        row = repositories.find(tx, RepoRef(RepoType.MODEL, parse_repo_id(repo)))
    assert row is not None
    with site.hub.write(Lock.repo(row.id)) as tx:
        found = [["unsafe", "a" * 40, "x.pkl"]]
        scan_summaries.put(tx, ScanSummary(row.id, "unsafe", {"unsafe": 1}, found, 1_000))


def test_repositories_are_listed_by_what_was_found_in_pages(chief: httpx2.Client, site: Site) -> None:
    one, two = site.new_repo(), site.new_repo()
    for repo in (one, two):
        report(site, repo)
    first = chief.get("/api/admin/scans?limit=1")
    assert first.json() == [
        {
            "repo": two,
            "type": "model",
            "private": False,
            "status": "unsafe",
            "counts": {"unsafe": 1},
            "findings": [{"status": "unsafe", "commit": "a" * 40, "path": "x.pkl"}],
            "scannedAt": "1970-01-01T00:00:01.000Z",
            "waiting": False,
        }
    ]
    [link] = [value["url"] for value in first.links.values()]
    assert [found["repo"] for found in chief.get(link).json()] == [one]
    assert chief.get("/api/admin/scans?status=caution").json() == []
    assert chief.get("/api/admin/scans?status=queued").status_code == 400


def test_a_hub_that_does_not_scan_refuses_to(chief: httpx2.Client, site: Site) -> None:
    answer = chief.post(f"/api/admin/repos/model/{site.new_repo()}/scan")
    assert answer.status_code == 409
    assert "scanning is off" in answer.json()["error"]


def test_no_one_else_sees_or_asks(alice: httpx2.Client, anonymous: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    for client, status in ((alice, 403), (anonymous, 401)):
        assert client.get("/api/admin/scans").status_code == status
        assert client.post(f"/api/admin/repos/model/{repo}/scan").status_code == status


def test_mirrors_are_listed_and_repacked(
    chief: httpx2.Client, alice: httpx2.Client, anonymous: httpx2.Client, site: Site
) -> None:
    repo = site.new_repo()
    with site.hub.read() as tx:
        row = repositories.find(tx, RepoRef(RepoType.MODEL, parse_repo_id(repo)))
    assert row is not None
    site.hub.mirrors.take(site.hub.store, site.hub.read, row).release()
    [found] = [item for item in chief.get("/api/admin/mirrors").json() if item["repo"] == repo]
    assert (found["type"], found["private"], found["packs"], found["error"]) == ("model", False, 1, None)
    assert (found["intact"], found["slow"]) == (True, False)
    assert found["usedAt"] >= found["checkedAt"][:10]
    assert chief.post(f"/api/admin/repos/model/{repo}/repack").status_code == 200
    assert chief.post("/api/admin/repos/model/no/one/repack").status_code == 404
    for client, status in ((alice, 403), (anonymous, 401)):
        assert client.get("/api/admin/mirrors").status_code == status
        assert client.post(f"/api/admin/repos/model/{repo}/repack").status_code == status
