from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from tests.support.site import Committer, Site


@pytest.fixture(scope="module")
def org(site: Site) -> str:
    """An organisation of alice in which bob has the role read, with a public and a private repository."""
    accounts.create_user(site.hub, "carol")
    name = accounts.create_org(site.hub, "Acme", admin="alice", fullname="Acme Inc").name
    accounts.set_member(site.hub, name, "bob", Role.READ)
    api = site.api()
    api.create_repo("Acme/open", repo_type="dataset")
    api.create_repo("Acme/closed", private=True)
    return name


@pytest.fixture
def outsider(site: Site, org: str) -> Iterator[httpx2.Client]:
    with site.client(accounts.create_token(site.hub, "carol", role="write").secret) as client:
        yield client


def test_an_organisation_counts_what_the_caller_may_see(
    site: Site, org: str, alice: httpx2.Client, outsider: httpx2.Client, anonymous: httpx2.Client
) -> None:
    found = alice.get(f"/api/organizations/{org}/overview").json()
    assert re.fullmatch(r"[0-9a-f]{24}", found.pop("_id"))
    assert found == {
        "name": "Acme",
        "fullname": "Acme Inc",
        "avatarUrl": f"{site.url}/-/avatars/Acme.svg",
        "type": "org",
        "isVerified": False,
        "numUsers": 2,
        "numModels": 1,
        "numDatasets": 1,
        "numSpaces": 0,
        "numFollowers": 0,
        "isFollowing": False,
    }
    for client in (outsider, anonymous):
        seen = client.get("/api/organizations/acme/overview").json()
        assert (seen["numModels"], seen["numDatasets"]) == (0, 1)


def test_a_user_is_shown_with_organisations_but_without_address(
    site: Site, org: str, alice: httpx2.Client, anonymous: httpx2.Client
) -> None:
    accounts.create_user(site.hub, "dora", fullname="Dora D", email="dora@x.io")
    accounts.set_member(site.hub, org, "dora", Role.WRITE)
    found = anonymous.get("/api/users/DORA/overview").json()
    assert (found["user"], found["fullname"], found["type"]) == ("dora", "Dora D", "user")
    assert found["createdAt"].endswith("Z")
    assert [(item["name"], item["fullname"]) for item in found["orgs"]] == [("Acme", "Acme Inc")]
    assert found["orgs"][0]["avatarUrl"] == f"{site.url}/-/avatars/Acme.svg"
    assert "email" not in str(found)
    assert found["avatarUrl"] == f"{site.url}/-/avatars/dora.svg"
    site.new_repo(visibility="private")
    numbers = [client.get("/api/users/alice/overview").json()["numModels"] for client in (alice, anonymous)]
    assert numbers[0] == numbers[1] + 1


@pytest.mark.parametrize(
    "path",
    [
        "users/nobody/overview",
        "users/acme/overview",
        "organizations/alice/overview",
        "organizations/nobody/members",
        "organizations/alice/members",
        "organizations/nobody/followers",
        "users/nobody/followers",
        "users/nobody/following",
    ],
)
def test_an_account_that_is_not_there_is_a_404(org: str, anonymous: httpx2.Client, path: str) -> None:
    answer = anonymous.get(f"/api/{path}")
    assert answer.status_code == 404
    kind = "organisation" if path.startswith("organizations") else "user"
    assert answer.json()["error"].startswith(f"no {kind} is called")


def test_members_are_listed_by_name(org: str, anonymous: httpx2.Client) -> None:
    found = anonymous.get(f"/api/organizations/{org}/members").json()
    assert [item["user"] for item in found][:2] == ["alice", "bob"]
    assert found[0].keys() == {"_id", "user", "fullname", "avatarUrl", "isPro", "type"}


@pytest.mark.parametrize("path", ["users/alice/followers", "users/alice/following", "organizations/acme/followers"])
def test_new_accounts_have_no_followers(org: str, anonymous: httpx2.Client, path: str) -> None:
    assert anonymous.get(f"/api/{path}").json() == []


def test_stored_bytes_are_shown_to_members_only(
    site: Site, org: str, alice: httpx2.Client, outsider: httpx2.Client, anonymous: httpx2.Client, committer: Committer
) -> None:
    digests = committer.write_large("Acme/closed", {"w.bin": b"\0" * 3000})
    found = {item["id"]: item for item in alice.get(f"/api/organizations/{org}/settings/repositories").json()}
    assert len(digests) == 1
    assert found.keys() == {"Acme/open", "Acme/closed"}
    closed = found["Acme/closed"]
    assert (closed["type"], closed["visibility"], closed["storage"]) == ("model", "private", 3000)
    assert closed["storagePercent"] == 100
    assert found["Acme/open"]["storage"] == 0
    assert closed["updatedAt"].endswith("Z")
    for client, status in ((outsider, 403), (anonymous, 401)):
        assert client.get(f"/api/organizations/{org}/settings/repositories").status_code == status
    assert anonymous.get("/api/settings/repositories").status_code == 401
    assert alice.get("/api/organizations/nobody/settings/repositories").status_code == 404


def test_the_real_client_reads_all_of_it(site: Site, org: str) -> None:
    api: HfApi = site.api()
    user = api.get_user_overview("alice")
    assert (user.username, [item.name for item in user.orgs]) == ("alice", ["Acme"])
    overview = api.get_organization_overview("acme")
    assert (overview.name, overview.fullname, overview.num_datasets) == ("Acme", "Acme Inc", 1)
    assert [member.username for member in api.list_organization_members("Acme")][:2] == ["alice", "bob"]
    assert list(api.list_user_followers("alice")) == list(api.list_organization_followers("Acme")) == []
    repo = site.new_repo(visibility="private")
    assert (repo, "private") in [(item.id, item.visibility) for item in api.list_user_repos()]
    assert {item.id for item in api.list_user_repos("Acme")} == {"Acme/open", "Acme/closed"}
    with pytest.raises(HfHubHTTPError, match="404"):
        api.get_user_overview("nobody")
