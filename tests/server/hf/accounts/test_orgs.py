from __future__ import annotations

import httpx2

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from tests.support.site import Site

BASE = "/api/organizations"


def test_an_organisation_lives_from_its_making_to_its_end(site: Site, alice: httpx2.Client) -> None:
    made = alice.post(f"{BASE}/create", json={"name": "Labs", "fullname": "The Labs", "defaultVisibility": "private"})
    assert made.status_code == 200, made.text
    assert {key: value for key, value in made.json().items() if key != "_id"} == {
        "name": "Labs",
        "fullname": "The Labs",
        "details": None,
        "defaultVisibility": "private",
    }
    api = site.api()
    assert "Labs" in [org["name"] for org in api.whoami()["orgs"]]
    repo = api.create_repo("Labs/m").repo_id
    assert api.model_info(repo).private is True
    changed = alice.put(f"{BASE}/labs/settings", json={"details": "We try things.", "defaultVisibility": "default"})
    assert (changed.json()["details"], changed.json()["defaultVisibility"]) == ("We try things.", None)
    assert alice.get(f"{BASE}/labs/settings").json() == changed.json()
    assert api.get_organization_overview("Labs").details == "We try things."
    refused = alice.delete(f"{BASE}/Labs")
    assert (refused.status_code, "Labs/m" in refused.json()["error"]) == (409, True)
    api.delete_repo(repo)
    assert alice.delete(f"{BASE}/Labs").status_code == 200
    assert alice.get(f"{BASE}/Labs/overview").status_code == 404


def test_the_real_client_lists_members_and_members_see_roles(
    site: Site, alice: httpx2.Client, anonymous: httpx2.Client
) -> None:
    accounts.create_org(site.hub, "Team", admin="alice")
    accounts.set_member(site.hub, "Team", "bob", Role.READ)
    assert [user.username for user in site.api().list_organization_members("Team")] == ["alice", "bob"]
    assert [(item["user"], item["role"]) for item in alice.get(f"{BASE}/Team/members").json()] == [
        ("alice", "admin"),
        ("bob", "read"),
    ]
    first = anonymous.get(f"{BASE}/Team/members?limit=1")
    rest = anonymous.get(first.links["next"]["url"])
    assert [item["user"] for item in (*first.json(), *rest.json())] == ["alice", "bob"]
    assert "role" not in first.json()[0]
    assert "next" not in rest.links


def test_members_get_roles_and_go(site: Site, alice: httpx2.Client, stranger: httpx2.Client) -> None:
    accounts.create_org(site.hub, "Crew", admin="alice")
    accounts.set_member(site.hub, "Crew", "bob", Role.READ)
    path = f"{BASE}/Crew/members"
    assert stranger.put(f"{path}/bob/role", json={"role": "admin"}).status_code == 403
    assert alice.put(f"{path}/bob/role", json={"role": "captain"}).status_code == 400
    assert alice.put(f"{path}/bob/role", json={"role": "write"}).status_code == 200
    assert [item["role"] for item in alice.get(path).json()] == ["admin", "write"]
    assert alice.delete(f"{path}/alice").status_code == 409
    assert stranger.delete(f"{path}/alice").status_code == 403
    assert stranger.delete(f"{path}/bob").status_code == 200
    assert [item["user"] for item in alice.get(path).json()] == ["alice"]
