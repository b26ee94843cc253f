from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.support.site import Site

PATH = "/api/admin/audit"


@pytest.fixture(scope="module")
def root(site: Site) -> Iterator[httpx2.Client]:
    accounts.create_user(site.hub, "root", is_admin=True)
    with site.client(accounts.create_token(site.hub, "root", role="read").secret) as client:
        yield client


def test_administrators_find_what_was_done(root: httpx2.Client, alice: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    assert alice.put(f"/api/models/{repo}/settings", json={"private": True}).status_code == 200
    rows = root.get(PATH, params={"subject": f"model {repo}"}).json()
    assert [(row["actor"], row["action"], row["details"]) for row in rows] == [
        ("alice", "repo.settings", {"visibility": "private"}),
        ("alice", "repo.create", {"visibility": "public"}),
    ]
    assert set(rows[0]) == {"id", "at", "actor", "token", "action", "subject", "details", "chain"}
    query = {"actor": "alice", "action": "repo.settings", "since": rows[0]["at"]}
    assert root.get(PATH, params=query).json() == rows[:1]
    assert root.get(PATH, params=query | {"until": rows[0]["at"]}).json() == []
    assert root.get(PATH, params={"since": "yesterday"}).status_code == 400


def test_long_logs_have_a_next_page(root: httpx2.Client) -> None:
    first = root.get(PATH, params={"limit": 2, "actor": "(console)"})
    rest = root.get(first.links["next"]["url"])
    ids = [row["id"] for row in (*first.json(), *rest.json())]
    assert len(ids) == 4
    assert ids == sorted(ids, reverse=True)


def test_no_one_else_reads_the_log(alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    assert alice.get(PATH).status_code == 403
    assert anonymous.get(PATH).status_code == 401


def test_administrators_verify_the_chain(root: httpx2.Client, alice: httpx2.Client, site: Site) -> None:
    first = root.get(f"{PATH}/verify").json()
    assert set(first) == {"rows", "brokenAt", "isIntact", "knowsExpected", "head"}
    site.new_repo()
    later = root.get(f"{PATH}/verify", params={"expect": first["head"]}).json()
    assert (later["rows"] > first["rows"], later["isIntact"], later["knowsExpected"]) == (True, True, True)
    assert root.get(f"{PATH}/verify", params={"expect": "ab" * 32}).json()["knowsExpected"] is False
    assert alice.get(f"{PATH}/verify").status_code == 403


def test_administrators_of_an_organisation_find_its_part_in_pages(alice: httpx2.Client, site: Site) -> None:
    accounts.create_org(site.hub, "audited", admin="alice")
    path = "/api/organizations/audited/audit"
    for name in ("one", "two"):
        body = {"name": name, "organization": "audited", "private": True}
        assert alice.post("/api/repos/create", json=body).status_code == 200
    rows = alice.get(path, params={"action": "repo.create"}).json()
    assert [row["subject"] for row in rows] == ["model audited/two", "model audited/one"]
    assert set(rows[0]) == {"id", "at", "actor", "action", "subject", "details"}
    first = alice.get(path, params={"limit": 1})
    rest = alice.get(first.links["next"]["url"])
    assert [row["subject"] for row in (*first.json(), *rest.json())] == ["model audited/two", "model audited/one"]
    assert alice.get(path, params={"since": "yesterday"}).status_code == 400
