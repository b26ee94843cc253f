from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.support.second_factors import add_app
from tests.support.site import Site


@pytest.fixture(scope="module")
def chief(site: Site) -> Iterator[httpx2.Client]:
    accounts.create_user(site.hub, "chief", is_admin=True)
    with site.client(accounts.create_token(site.hub, "chief", role="write").secret) as client:
        yield client


@pytest.fixture
def nobody(site: Site) -> Iterator[httpx2.Client]:
    with site.client(None) as client:
        yield client


def test_a_user_signs_in_with_a_code_once(chief: httpx2.Client, nobody: httpx2.Client, site: Site) -> None:
    made = chief.post("/api/admin/users", json={"users": [{"name": "codey"}]})
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    (code,) = made.json()
    assert set(code) == {"user", "code", "expiresAt"}
    body = {"code": code["code"], "tokenName": "laptop"}
    done = nobody.post("/api/sign-in", json=body)
    assert done.headers["cache-control"] == "no-store"
    with site.client(done.json()["token"]) as signed_in:
        assert signed_in.get("/api/whoami-v2").json()["name"] == "codey"
    again = nobody.post("/api/sign-in", json=body)
    assert again.status_code == 400
    assert again.json()["error"].startswith("this sign-in code is unknown, used or expired")


def test_a_suspended_account_is_refused_on_every_route(chief: httpx2.Client, site: Site) -> None:
    accounts.create_user(site.hub, "naughty")
    with site.client(accounts.create_token(site.hub, "naughty", role="write").secret) as naughty:
        repo = naughty.post("/api/repos/create", json={"name": "m"}).json()["name"]
        token = naughty.get(f"/api/models/{repo}/xet-write-token/main").json()
        changed = chief.patch("/api/admin/users/naughty", json={"isSuspended": True})
        assert changed.json()["isSuspended"] is True
        for path in ("/api/whoami-v2", f"/api/models/{repo}", f"/{repo}/resolve/main/.gitattributes"):
            refused = naughty.get(path)
            assert (refused.status_code, "suspended" in refused.text) == (403, True)
    # Links issued earlier end with it, although the repository is public.
    with site.client(token["accessToken"]) as chunks:
        url = f"{token['casUrl']}/v1/chunks/default-merkledb/{'0' * 64}"
        assert chunks.get(url).status_code == 401
    chief.patch("/api/admin/users/naughty", json={"isSuspended": False})
    with site.client(token["accessToken"]) as chunks:
        assert chunks.get(url).status_code == 404


def test_members_and_organisations_are_managed(chief: httpx2.Client) -> None:
    chief.post("/api/admin/users", json={"users": [{"name": "mem1"}, {"name": "mem2"}]})
    made = chief.post("/api/admin/orgs", json={"name": "managed", "admin": "mem1"})
    assert made.json()["name"] == "managed"
    path = "/api/admin/orgs/managed/members"
    assert chief.put(f"{path}/mem2", json={"role": "write"}).json() == {
        "org": "managed",
        "user": "mem2",
        "role": "write",
    }
    assert [member["user"] for member in chief.get(path).json()] == ["mem1", "mem2"]
    assert chief.delete(f"{path}/mem2").status_code == 200
    assert chief.delete(f"{path}/mem2").status_code == 404
    assert chief.delete(f"{path}/mem1").status_code in (400, 409)
    assert "managed" in [org["name"] for org in chief.get("/api/admin/orgs").json()]
    assert chief.delete("/api/admin/orgs/managed").json()["deleted"] == "managed"


def test_repositories_move_with_their_owner(chief: httpx2.Client, site: Site) -> None:
    for name in ("leaver", "heir"):
        accounts.create_user(site.hub, name)
    with site.client(accounts.create_token(site.hub, "leaver", role="write").secret) as leaver:
        leaver.post("/api/repos/create", json={"name": "work", "private": True})
    listed = chief.get("/api/admin/repos", params={"namespace": "leaver"}).json()
    assert [(row["repo"], row["private"]) for row in listed["repos"]] == [("leaver/work", True)]
    assert chief.delete("/api/admin/users/leaver").status_code in (400, 409)
    done = chief.delete("/api/admin/users/leaver", params={"transferTo": "heir"})
    assert done.json() == {"deleted": "leaver", "moved": ["heir/work"], "purged": []}
    back = chief.post("/api/admin/namespaces/heir/transfer", json={"to": "chief"})
    assert back.json() == {"moved": ["chief/work"]}
    assert "chief/work" in [row["repo"] for row in chief.get("/api/admin/repos").json()["repos"]]


def test_users_are_listed_without_secrets(chief: httpx2.Client) -> None:
    users = chief.get("/api/admin/users").json()
    assert {"name", "isAdmin", "isSuspended", "tokens"} <= set(users[0])
    assert "hf_" not in str(users)


def test_a_new_code_replaces_the_old_one(chief: httpx2.Client, nobody: httpx2.Client) -> None:
    (first,) = chief.post("/api/admin/users", json={"users": [{"name": "twice"}]}).json()
    second = chief.post("/api/admin/users/twice/code", json={"expiresS": 60}).json()
    assert nobody.post("/api/sign-in", json={"code": first["code"]}).status_code == 400
    assert nobody.post("/api/sign-in", json={"code": second["code"]}).status_code == 200


def test_an_administrator_sets_quotas_and_revokes_tokens(chief: httpx2.Client, site: Site) -> None:
    accounts.create_user(site.hub, "quill")
    path = "/api/admin/namespaces/quill/quota"
    assert chief.patch(path, json={"maxBytes": 7, "maxFileBytes": 3}).json()["maxFileBytes"] == 3
    assert chief.patch(path, json={"maxFileBytes": None}).json() == chief.get(path).json()
    assert (chief.get(path).json()["maxBytes"], chief.get(path).json()["maxFileBytes"]) == (7, None)
    assert chief.patch(path, json={"maxBytes": -1}).status_code == 400
    secret = accounts.create_token(site.hub, "quill", role="read", name="old").secret
    with site.client(secret) as quill:
        assert quill.get(path).status_code == 403
        assert chief.delete("/api/admin/users/quill/tokens/old").json()["name"] == "old"
        assert quill.get("/api/whoami-v2").status_code == 401
    assert chief.delete("/api/admin/users/quill/tokens/old").status_code == 404
    last = chief.get("/api/admin/audit", params={"subject": "namespace quill", "limit": 1}).json()
    assert [(row["actor"], row["action"]) for row in last] == [("chief", "quota.set")]


def test_a_reading_token_of_an_administrator_changes_nothing(site: Site, chief: httpx2.Client) -> None:
    with site.client(accounts.create_token(site.hub, "chief", role="read").secret) as reader:
        assert reader.get("/api/admin/namespaces/chief/quota").status_code == 200
        assert reader.patch("/api/admin/namespaces/chief/quota", json={"maxBytes": 1}).status_code == 403
        assert reader.delete("/api/admin/users/chief/tokens/x").status_code == 403


def test_an_administrator_creates_tokens_that_live_no_longer_than_their_own(chief: httpx2.Client, site: Site) -> None:
    accounts.create_user(site.hub, "tokened")
    path = "/api/admin/users/tokened/tokens"
    made = chief.post(path, json={"role": "write", "name": "ci"})
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    assert (made.json()["user"], made.json()["expiresAt"]) == ("tokened", None)
    with site.client(made.json()["token"]) as owner:
        assert owner.get("/api/whoami-v2").json()["name"] == "tokened"
    end = "2999-01-31T00:00:00.000Z"
    ending = chief.post("/api/admin/users/chief/tokens", json={"role": "write", "expiresAt": end}).json()["token"]
    with site.client(ending) as short:
        assert short.post(path, json={"role": "read"}).json()["expiresAt"] == end
        assert short.post(path, json={"role": "read", "expiresAt": "2999-02-01T00:00:00.000Z"}).status_code == 400
    imported = chief.post(path, json={"role": "read", "secret": "hf_brought_along"})
    assert (imported.status_code, imported.json()["token"]) == (200, None)
    refused = chief.post(path, json={"role": "read", "secret": "brought-along"})
    assert (refused.status_code, "brought-along" in refused.text) == (400, False)
    assert chief.post(path, json={"role": "admin"}).status_code == 400


def test_tokens_of_others_are_created_by_administrators_that_may_write_only(site: Site, alice: httpx2.Client) -> None:
    path = "/api/admin/users/alice/tokens"
    assert alice.post(path, json={"role": "read"}).status_code == 403
    with site.client(accounts.create_token(site.hub, "chief", role="read").secret) as reading:
        assert reading.post(path, json={"role": "read"}).status_code == 403


def test_a_second_factor_is_reset_by_administrators_only(
    chief: httpx2.Client, nobody: httpx2.Client, site: Site
) -> None:
    accounts.create_user(site.hub, "lost-phone", password="correct horse")
    add_app(site.hub, "lost-phone", "correct horse")
    path = "/api/admin/users/lost-phone/second-factor"
    with site.client(accounts.create_token(site.hub, "lost-phone", role="write").secret) as own:
        assert own.delete(path).status_code == 403
    assert nobody.delete(path).status_code == 401
    assert chief.delete(path).json() == {"user": "lost-phone", "secondFactor": True, "passkeys": 0}
    assert chief.delete(path).json() == {"user": "lost-phone", "secondFactor": False, "passkeys": 0}
    assert chief.delete("/api/admin/users/nobody-x/second-factor").status_code == 404


@pytest.mark.parametrize("path", ["/api/admin/users", "/api/admin/orgs", "/api/admin/orgs/paged-org/members"])
def test_pages_of_a_list_by_name_put_together_are_the_whole(chief: httpx2.Client, site: Site, path: str) -> None:
    for name in ("paged-a", "paged-b", "paged-c"):
        if accounts.has_accounts(site.hub) and chief.get(f"/api/admin/users/{name}").status_code == 404:
            accounts.create_user(site.hub, name)
    if chief.get("/api/admin/orgs/paged-org/members").status_code == 404:
        for org in ("paged-org", "paged-other"):
            accounts.create_org(site.hub, org, admin="paged-a")
        chief.put("/api/admin/orgs/paged-org/members/paged-b", json={"role": "read"})
    whole = chief.get(path)
    assert "link" not in whole.headers
    found, here = [], f"{path}?limit=1"
    while True:
        page = chief.get(here)
        assert len(page.json()) <= 1
        found += page.json()
        if "link" not in page.headers:
            break
        here = page.headers["link"].partition("<")[2].partition(">")[0]
    assert found == whole.json()
    assert len(found) >= 2


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 200),
        ("limit=-1", 200),
        ("limit=1000000000", 200),
        ("limit=x", 400),
        ("cursor=%00", 400),
        ("cursor=%ED%A0%80", 400),
        ("cursor=" + "a" * 201, 400),
        ("cursor=zzzz", 200),
        ("cursor='%20OR%201=1", 400),
    ],
)
@pytest.mark.parametrize(
    "path", ["/api/admin/users", "/api/admin/orgs", "/api/admin/aliases", "/api/users/chief/organizations"]
)
def test_hostile_pages_are_refused_or_small(chief: httpx2.Client, path: str, query: str, status: int) -> None:
    answer = chief.get(f"{path}?{query}")
    assert answer.status_code == status, answer.text
    if query.startswith(("limit=0", "limit=-1")):
        assert len(answer.json()) <= 1
