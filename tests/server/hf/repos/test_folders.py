"""Routes of folders and grants, as each kind of caller."""

from __future__ import annotations

import itertools
from typing import Any

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from tests.support.site import Site

NUMBERS = itertools.count(1)
BASE = "/api/folders"


@pytest.fixture
def name() -> str:
    """A name that no other test of this module uses."""
    return f"f{next(NUMBERS)}"


def make(client: httpx2.Client, name: str, kind: str = "model", **more: Any) -> dict[str, Any]:
    answer = client.post(BASE, json={"type": kind, "name": name, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def share(client: httpx2.Client, name: str, role: str = "view", **subject: Any) -> None:
    answer = client.post(f"{BASE}/model/alice/{name}/grants", json={"role": role, **subject})
    assert answer.status_code == 200, answer.text


def test_a_folder_lives_from_its_making_to_its_end(alice: httpx2.Client, name: str) -> None:
    made = make(alice, name, labels=["a"], description="b")
    times = {key: made.pop(key) for key in ("createdAt", "lastModified")}
    assert times["createdAt"] == times["lastModified"]
    assert times["createdAt"].endswith("Z")
    assert len(made.pop("id")) == 24
    assert made == {
        "type": "model",
        "owner": "alice",
        "name": name,
        "labels": ["a"],
        "description": "b",
        "permission": "own",
        "editor": "alice",
        "public": False,
    }
    one = f"{BASE}/models/Alice/{name.upper()}"
    assert alice.get(one).json()["labels"] == ["a"]
    changed = alice.put(one, json={"labels": [], "description": None}).json()
    assert (changed["labels"], changed["description"]) == ([], "b")
    assert alice.post(BASE, json={"type": "model", "name": name}).status_code == 409
    assert alice.delete(one).json() == {}
    assert alice.get(one).status_code == 404


def test_a_renamed_folder_redirects_for_those_who_see_it(
    alice: httpx2.Client, anonymous: httpx2.Client, name: str
) -> None:
    make(alice, name)
    old, new = f"{BASE}/model/alice/{name}", f"{BASE}/model/alice/{name}-new"
    assert alice.put(old, json={"name": f"{name}-new"}).json()["name"] == f"{name}-new"
    for path in ("", "/repos?limit=1", "/grants"):
        answer = alice.get(old + path)
        assert (answer.status_code, answer.headers["location"]) == (307, new + path)
        assert alice.get(old + path, follow_redirects=True).status_code == 200
    assert anonymous.get(old).status_code == 404


@pytest.mark.parametrize("path", ["", "/repos", "/grants"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_a_hidden_folder_answers_as_an_absent_one(
    site: Site, alice: httpx2.Client, name: str, method: str, path: str, who: str
) -> None:
    make(alice, name)
    make(alice, name, "dataset")
    alice.post(f"{BASE}/dataset/alice/{name}/grants", json={"user": "bob", "role": "edit"})
    bodies: dict[str, Any] = {"PUT": {"labels": []}, "POST": {"user": "bob"}, "DELETE": {"user": "bob"}}
    with site.client(site.bob if who == "stranger" else None) as client:
        hidden, absent = (
            client.request(method, f"{BASE}/model/alice/{word}{path}", json=bodies.get(method))
            for word in (name, "missing")
        )
    assert hidden.status_code == absent.status_code
    assert hidden.status_code in (401, 404, 405)
    assert hidden.text.replace(name, "missing") == absent.text
    skipped = {"x-request-id", "date", "content-length", "x-error-message"}
    kept = [{key: value for key, value in it.headers.items() if key.lower() not in skipped} for it in (hidden, absent)]
    assert kept[0] == kept[1]


def test_permissions_are_those_of_the_caller(
    site: Site, alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client, name: str
) -> None:
    make(alice, name)
    one = f"{BASE}/model/alice/{name}"
    share(alice, name, user="bob")
    assert stranger.get(one).json()["permission"] == "view"
    assert stranger.put(one, json={"labels": ["x"]}).status_code == 403
    share(alice, name, "edit", user="bob")
    assert stranger.put(one, json={"labels": ["x"]}).json()["editor"] == "bob"
    assert [stranger.request(it, one, json={"name": "y"}).status_code for it in ("PUT", "DELETE")] == [403, 403]
    share(alice, name, public=True)
    seen = anonymous.get(one).json()
    assert (seen["permission"], seen["public"]) == ("view", True)
    with site.client(site.reader) as reader:
        assert reader.get(one).json()["permission"] == "own"
        assert reader.put(one, json={"labels": []}).status_code == 403


def test_lists_are_for_whom_they_are(
    alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client, name: str
) -> None:
    for word in ("own", "shared", "public"):
        make(alice, f"{name}-{word}")
    share(alice, f"{name}-shared", user="bob")
    share(alice, f"{name}-public", public=True)

    def names(client: httpx2.Client, query: str) -> list[str]:
        found = client.get(f"{BASE}?type=model&{query}")
        assert found.status_code == 200, found.text
        return [item["name"] for item in found.json() if item["name"].startswith(f"{name}-")]

    everything = [f"{name}-own", f"{name}-public", f"{name}-shared"]
    assert names(alice, "") == names(alice, "owner=alice") == everything
    assert names(stranger, "scope=own") == []
    assert names(stranger, "scope=shared") == [f"{name}-shared"]
    assert names(stranger, "owner=ALICE") == [f"{name}-public", f"{name}-shared"]
    assert names(anonymous, "scope=public") == names(anonymous, "owner=alice") == [f"{name}-public"]
    assert names(alice, "scope=shared") == []
    assert anonymous.get(f"{BASE}?type=model").status_code == 401
    assert anonymous.get(f"{BASE}?type=model&scope=mine").status_code == 400
    assert anonymous.get(f"{BASE}?type=space&scope=public").status_code == 400


def test_an_owner_without_visible_folders_answers_as_an_absent_one(site: Site, anonymous: httpx2.Client) -> None:
    accounts.create_user(site.hub, "empty")
    secret = accounts.create_token(site.hub, "empty", role="write").secret
    with site.client(secret) as empty:
        make(empty, "secret")
        assert [it["name"] for it in empty.get(f"{BASE}?type=model&owner=empty").json()] == ["secret"]
    hidden, absent = (anonymous.get(f"{BASE}?type=model&owner={it}") for it in ("empty", "absent"))
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace("empty", "absent") == absent.text


def test_long_lists_come_in_pages(alice: httpx2.Client, name: str) -> None:
    make(alice, name)
    for word in ("b", "a", "C"):
        alice.post("/api/repos/create", json={"name": word, "organization": f"alice.{name}"})
    found, url = [], f"{BASE}/model/alice/{name}/repos?limit=2"
    while url:
        page = alice.get(url)
        found += [item["name"] for item in page.json()]
        url = page.links.get("next", {}).get("url", "")
    assert found == ["a", "b", "C"]
    assert alice.get(f"{BASE}/model/alice/{name}/repos?cursor=%C3%A4").status_code == 400
    first = alice.get(f"{BASE}?type=model&limit=1")
    assert alice.get(first.links["next"]["url"]).json()[0]["name"] != first.json()[0]["name"]


def test_repositories_are_listed_with_the_callers_permission(
    alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client, name: str
) -> None:
    for word in ("a", "b"):
        body = {"name": word, "organization": f"alice.{name}", "labels": [word], "description": "d"}
        assert alice.post("/api/repos/create", json=body).status_code == 200
    path = f"{BASE}/model/alice/{name}/repos"
    [first, _] = alice.get(path).json()
    picked = ("type", "name", "labels", "description", "permission", "editor", "private")
    assert [first[key] for key in picked] == ["model", "a", ["a"], "d", "own", "alice", True]
    assert first["id"] == alice.get(f"/api/models/alice.{name}/a").json()["_id"]
    assert stranger.get(path).status_code == 404
    share(alice, name, "edit", user="bob")
    assert [item["permission"] for item in stranger.get(path).json()] == ["edit", "edit"]
    share(alice, name, public=True)
    alice.put(f"/api/models/alice.{name}/b/settings", json={"private": True})
    assert [item["name"] for item in anonymous.get(path).json()] == ["a"]
    assert [item["name"] for item in stranger.get(path).json()] == ["a", "b"]


def test_repositories_in_no_folder_are_below_a_tilde(
    site: Site, alice: httpx2.Client, anonymous: httpx2.Client, name: str
) -> None:
    path = f"{BASE}/model/alice/~"
    site.new_repo(visibility="private")
    repo = site.new_repo().partition("/")[2]
    found = alice.get(path).json()
    assert (found["owner"], found["name"], found["permission"]) == ("alice", "~", "own")
    assert anonymous.get(path).json()["permission"] == "view"
    assert repo in [item["name"] for item in anonymous.get(f"{path}/repos").json()]
    assert anonymous.get(f"{BASE}/dataset/alice/~").status_code == 404
    for method in ("PUT", "DELETE"):
        assert alice.request(method, path, json={"labels": []}).status_code == 404
    assert alice.post(f"{path}/grants", json={"user": "bob"}).status_code == 404
    assert alice.post(BASE, json={"type": "model", "name": "~"}).status_code == 400


def test_grants_are_given_listed_and_taken_back(alice: httpx2.Client, name: str) -> None:
    make(alice, name)
    path = f"{BASE}/model/alice/{name}/grants"
    given = alice.post(path, json={"user": "Bob", "role": "edit"}).json()
    assert given.pop("grantedAt").endswith("Z")
    assert given == {"user": "bob", "role": "edit", "granter": "alice"}
    assert alice.post(path, json={"public": True}).json()["public"] is True
    assert [sorted(item) for item in alice.get(path).json()] == [
        ["grantedAt", "granter", "public", "role"],
        ["grantedAt", "granter", "role", "user"],
    ]
    assert alice.request("DELETE", path, json={"user": "bob"}).json() == {}
    assert alice.request("DELETE", path, json={"user": "bob"}).status_code == 404
    for body, status in (
        ({}, 400),
        ({"user": "bob", "public": True}, 400),
        ({"user": "x"}, 404),
        ({"user": "alice"}, 409),
    ):
        assert alice.post(path, json=body).status_code == status, body
    assert alice.post(path, json={"user": "bob", "role": "own"}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"type": "model"},
        {"type": "space", "name": "x"},
        {"type": "model", "name": "a.b"},
        {"type": "model", "name": "a\0"},
        {"type": "model", "name": "ａ"},
        {"type": "model", "name": "x" * 10_000},
        {"type": "model", "name": "x", "labels": "abc"},
        {"type": "model", "name": "x", "labels": ["a\nb"]},
        {"type": "Model/x", "name": "x"},
    ],
)
def test_a_malformed_folder_is_refused(alice: httpx2.Client, body: dict[str, Any]) -> None:
    assert alice.post(BASE, json=body).status_code == 400


@pytest.mark.parametrize("word", ["..", "%2e%2e", "%252e", "x" * 10_000, "%00", "%C3%A4", "a%2Fb", "alice.x"])
def test_a_malformed_name_is_not_found(alice: httpx2.Client, word: str) -> None:
    for path in (f"{BASE}/model/alice/{word}", f"{BASE}/model/{word}/x"):
        assert alice.get(path).status_code in (400, 404, 414, 431)


def test_a_folder_has_an_overview_for_who_sees_it(
    alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client, name: str
) -> None:
    alice.post("/api/repos/create", json={"name": "a", "organization": f"alice.{name}"})
    alice.post("/api/repos/create", json={"name": "a", "organization": f"alice.{name}", "type": "dataset"})
    path = f"/api/organizations/alice.{name}/overview"
    found = alice.get(path).json()
    assert (found["name"], found["numModels"], found["numDatasets"]) == (f"alice.{name}", 1, 1)
    hidden, absent = stranger.get(path), stranger.get("/api/organizations/alice.missing/overview")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    share(alice, name, user="bob")
    found = stranger.get(path).json()
    assert (found["numModels"], found["numDatasets"]) == (1, 0)
    assert anonymous.get(path).status_code == 404
    for other in ("followers", "members"):
        assert alice.get(f"/api/organizations/alice.{name}/{other}").status_code == 404
    assert alice.get(f"/api/users/alice.{name}/overview").status_code == 404


def test_a_token_for_a_folder_reaches_this_folder_only(site: Site, alice: httpx2.Client, name: str) -> None:
    for word in (name, f"{name}-other"):
        alice.post("/api/repos/create", json={"name": "a", "organization": f"alice.{word}"})
    scope = {"entity": {"type": "folder", "name": f"alice.{name}"}, "permissions": ["repo.write"]}
    made = alice.post("/api/settings/tokens", json={"role": "fineGrained", "fineGrained": {"scoped": [scope]}})
    assert made.status_code == 200, made.text
    with site.client(made.json()["token"]) as limited:
        scopes = limited.get("/api/whoami-v2").json()["auth"]["accessToken"]["fineGrained"]["scoped"]
        assert [(it["entity"]["type"], it["entity"]["name"]) for it in scopes] == [("folder", f"alice.{name}")]
        assert limited.get(f"/api/models/alice.{name}/a").status_code == 200
        assert limited.get(f"/api/models/alice.{name}-other/a").status_code == 404
        assert limited.get(f"{BASE}/model/alice/{name}-other").status_code == 404
        assert [it["id"] for it in limited.get(f"/api/models?author=alice.{name}").json()] == [f"alice.{name}/a"]
        assert limited.get(f"/api/models?author=alice.{name}-other").json() == []
        body = {"name": "b", "organization": f"alice.{name}"}
        assert limited.post("/api/repos/create", json=body).status_code == 200
        assert limited.post("/api/repos/create", json=body | {"organization": "alice"}).status_code == 403
        assert limited.put(f"{BASE}/model/alice/{name}", json={"name": f"{name}-new"}).status_code == 200
        assert limited.get(f"/api/models/alice.{name}-new/b").status_code == 200
    missing = {"entity": {"type": "folder", "name": "alice.missing"}, "permissions": ["repo.write"]}
    answer = alice.post("/api/settings/tokens", json={"role": "fineGrained", "fineGrained": {"scoped": [missing]}})
    assert answer.status_code == 404


def test_a_token_of_a_grantee_needs_the_folder_as_its_scope(
    site: Site, alice: httpx2.Client, stranger: httpx2.Client, name: str
) -> None:
    for kind in ("model", "dataset"):
        alice.post("/api/repos/create", json={"name": "a", "organization": f"alice.{name}", "type": kind})
    share(alice, name, "edit", user="bob")

    def token(kind: str, word: str) -> str:
        scope = {"entity": {"type": kind, "name": word}, "permissions": ["repo.write"]}
        made = stranger.post("/api/settings/tokens", json={"role": "fineGrained", "fineGrained": {"scoped": [scope]}})
        assert made.status_code == 200, made.text
        secret: str = made.json()["token"]
        return secret

    for scope, status in (("user", 404), ("folder", 200), ("model", 200)):
        word = {"user": "bob", "folder": f"alice.{name}", "model": f"alice.{name}/a"}[scope]
        with site.client(token(scope, word)) as limited:
            assert limited.get(f"/api/models/alice.{name}/a").status_code == status, scope
            assert len(limited.get(f"/api/models?author=alice.{name}").json()) == (status == 200)
            assert limited.get(f"/api/datasets/alice.{name}/a").status_code == 404
