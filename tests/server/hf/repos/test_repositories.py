from __future__ import annotations

import base64
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from entrepot.hub.accounts import accounts
from entrepot.names import VERSIONED_TYPES, RepoType
from tests.support.site import Site

KINDS = [kind.value for kind in VERSIONED_TYPES]


@pytest.fixture(scope="module")
def org(site: Site) -> str:
    """An organisation of alice whose repositories are private by default."""
    return accounts.create_org(site.hub, "acme", admin="alice", default_visibility="private").name


@pytest.fixture
def api(site: Site) -> HfApi:
    found: HfApi = site.api()
    return found


def create(client: httpx2.Client, **body: Any) -> httpx2.Response:
    return client.post("/api/repos/create", json=body)


def is_private(site: Site, repo: str) -> Any:
    return site.client(site.alice).get(f"/api/models/{repo}").json()["private"]


# --- create ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_client_makes_repositories_of_every_type(api: HfApi, site: Site, kind: str) -> None:
    sdk = "gradio" if kind == "space" else None
    url = api.create_repo(f"alice/made-{kind}", repo_type=kind, space_sdk=sdk, private=True)
    assert (url.repo_id, url.repo_type, url.endpoint) == (f"alice/made-{kind}", kind, site.url)
    info = api.repo_info(url.repo_id, repo_type=kind)
    assert info.private is True
    expected = [".gitattributes", "README.md"] if kind == "space" else [".gitattributes"]
    assert [sibling.rfilename for sibling in info.siblings or ()] == expected


def test_the_response_names_page_and_id(alice: httpx2.Client, site: Site) -> None:
    found = create(alice, name="fresh", type="dataset").json()
    assert found["url"] == f"{site.url}/datasets/alice/fresh"
    assert found["name"] == "alice/fresh"
    assert found["id"] == alice.get("/api/datasets/alice/fresh").json()["_id"]


def test_a_taken_name_is_a_409_with_the_url_in_any_case(api: HfApi, alice: httpx2.Client, site: Site) -> None:
    api.create_repo("alice/taken")
    answer = create(alice, name="TAKEN", organization="Alice")
    assert answer.status_code == 409
    assert answer.json()["error"] == "You already created this model repo"
    assert answer.json()["url"].lower() == f"{site.url}/alice/taken"
    assert api.create_repo("alice/taken", exist_ok=True).repo_id == "alice/taken"
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("alice/taken")


def test_exist_ok_finds_a_repository_of_others(site: Site, api: HfApi, monkeypatch: pytest.MonkeyPatch) -> None:
    # Here the client ignores its own endpoint and uses HF_ENDPOINT, which it read at import.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", site.url)
    api.create_repo("alice/for-all")
    assert site.api(site.bob).create_repo("alice/for-all", exist_ok=True).repo_id == "alice/for-all"


def test_files_come_with_the_repository_as_the_javascript_client_sends_them(alice: httpx2.Client) -> None:
    files = [
        {"path": "a.txt", "content": "grüße", "encoding": "utf-8"},
        {"path": "b.bin", "content": base64.b64encode(b"\0\1").decode(), "encoding": "base64"},
        {"path": ".gitattributes", "content": "* text\n"},
    ]
    assert create(alice, name="filled", files=files).status_code == 200
    found = alice.get("/api/models/alice/filled", params={"blobs": "true"}).json()["siblings"]
    assert {item["rfilename"]: item["size"] for item in found} == {".gitattributes": 7, "a.txt": 7, "b.bin": 2}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"name": "x", "files": [{"path": "a", "content": "%", "encoding": "base64"}]}, "not base64"),
        ({"name": "x", "files": [{"path": "a", "content": "%", "encoding": "hex"}]}, "hex"),
        ({"name": "a--b"}, "invalid repository id"),
        ({"name": "tree"}, "reserved"),
        ({"name": "x", "type": "bucket"}, "expected model, dataset or space"),
        ({"name": "x", "visibility": "protected"}, "expected public or private"),
        ({}, "name"),
    ],
)
def test_a_repository_that_cannot_be_made_is_a_400(alice: httpx2.Client, body: dict[str, Any], reason: str) -> None:
    answer = create(alice, **body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_a_path_that_cannot_be_is_a_422(alice: httpx2.Client) -> None:
    assert create(alice, name="climber", files=[{"path": "../a", "content": ""}]).status_code == 422


def test_a_body_that_is_no_json_is_a_400(alice: httpx2.Client) -> None:
    assert alice.post("/api/repos/create", content=b"{").status_code == 400


@pytest.mark.parametrize(("token", "status"), [("reader", 403), ("bob", 403), (None, 401)])
def test_a_caller_who_may_not_create_a_repository_there_gets_the_reason(
    site: Site, token: str | None, status: int
) -> None:
    client = site.client(getattr(site, token) if token else None)
    assert create(client, name="x", organization="alice").status_code == status


def test_the_default_of_an_organisation_applies_unless_the_request_chooses(site: Site, api: HfApi, org: str) -> None:
    api.create_repo(f"{org}/default")
    api.create_repo(f"{org}/open", visibility="public")
    create(site.client(site.alice), name="old-client", organization=org, private=False)
    assert [is_private(site, f"{org}/{name}") for name in ("default", "open", "old-client")] == [True, False, True]


# --- delete ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_client_deletes_repositories(site: Site, api: HfApi, kind: str) -> None:
    repo = site.new_repo(RepoType(kind))
    api.delete_repo(repo, repo_type=kind)
    assert not api.repo_exists(repo, repo_type=kind)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(repo, repo_type=kind)
    api.delete_repo(repo, repo_type=kind, missing_ok=True)


def test_without_a_namespace_the_callers_own_repository_is_meant(site: Site, alice: httpx2.Client) -> None:
    name = site.new_repo().partition("/")[2]
    answer = alice.request("DELETE", "/api/repos/delete", json={"name": name})
    assert (answer.status_code, answer.text) == (200, "OK")
    assert alice.get(f"/api/models/alice/{name}").status_code == 404


@pytest.mark.parametrize(
    ("visibility", "token", "status"),
    [
        ("public", "bob", 403),
        ("public", "reader", 403),
        ("public", None, 401),
        ("private", "bob", 404),
        ("private", None, 401),
    ],
)
def test_strangers_delete_nothing(site: Site, visibility: str, token: str | None, status: int) -> None:
    owner, name = site.new_repo(visibility=visibility).split("/")
    client = site.client(getattr(site, token) if token else None)
    answer = client.request("DELETE", "/api/repos/delete", json={"organization": owner, "name": name})
    assert answer.status_code == status
    assert site.client(site.alice).get(f"/api/models/{owner}/{name}").status_code == 200


# --- move --------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_client_moves_a_repository_and_the_old_id_leads_on(
    site: Site, api: HfApi, kind: str, org: str
) -> None:
    repo = site.new_repo(RepoType(kind))
    api.move_repo(repo, f"{org}/moved-{kind}", repo_type=kind)
    assert api.repo_info(repo, repo_type=kind).id == f"{org}/moved-{kind}"
    with site.client(site.alice) as client:
        answer = client.get(f"/api/{kind}s/{repo}?blobs=true&expand=sha")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"/api/{kind}s/{org}/moved-{kind}?blobs=true&expand=sha"


def test_a_taken_target_is_a_409_with_the_sentence_that_clients_expect(site: Site, api: HfApi) -> None:
    first, second = site.new_repo(), site.new_repo()
    with pytest.raises(HfHubHTTPError, match=r"A model repository called .* already exists") as caught:
        api.move_repo(first, second)
    assert caught.value.response.status_code == 409


def test_strangers_move_nothing_and_learn_nothing(site: Site) -> None:
    secret, open_one = site.new_repo(visibility="private"), site.new_repo()
    with site.client(site.bob) as bob:
        answers = [
            bob.post("/api/repos/move", json={"fromRepo": source, "toRepo": "bob/mine", "type": "model"})
            for source in (secret, open_one, "alice/none", "no such")
        ]
    assert [answer.status_code for answer in answers] == [404, 403, 404, 404]
    assert answers[0].json() == answers[2].json()


def test_a_repository_moved_without_the_callers_knowledge_is_named(site: Site, api: HfApi) -> None:
    repo = site.new_repo()
    api.move_repo(repo, "alice/somewhere-else")
    answer = site.client(site.alice).post("/api/repos/move", json={"fromRepo": repo, "toRepo": "alice/third"})
    assert answer.status_code == 404
    assert "alice/somewhere-else" in answer.json()["error"]


# --- settings ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_changed_settings_are_echoed_and_nothing_else(site: Site, alice: httpx2.Client, kind: str) -> None:
    repo = site.new_repo(RepoType(kind[:-1]))
    for body in (
        {"private": True},
        {"private": False},
        {"visibility": "private"},
        {"gated": "auto"},
        {"gated": "manual", "gatedNotificationsMode": "bulk", "gatedNotificationsEmail": "a@x.io"},
        {"gated": False},
        {"discussionsDisabled": True, "discussionsSorting": "trending"},
        {},
    ):
        answer = alice.put(f"/api/{kind}/{repo}/settings", json=body)
        assert (answer.status_code, answer.json()) == (200, body)
    info = alice.get(f"/api/{kind}/{repo}").json()
    assert (info["private"], info["gated"]) == (True, False)


def test_the_real_client_changes_visibility_and_gate(site: Site, api: HfApi) -> None:
    repo = site.new_repo()
    api.update_repo_settings(repo, private=True, gated="manual")
    info = api.model_info(repo)
    assert (info.private, info.gated) == (True, "manual")
    api.update_repo_settings(repo, visibility="public", gated=False)
    info = api.model_info(repo)
    assert (info.private, info.gated) == (False, False)


@pytest.mark.parametrize(
    "body", [{"gated": True}, {"gated": "no"}, {"gated": ""}, {"visibility": "x"}, {"gatedNotificationsMode": "x"}]
)
def test_settings_with_unknown_values_are_a_400_and_change_nothing(
    site: Site, alice: httpx2.Client, body: dict[str, Any]
) -> None:
    repo = site.new_repo()
    assert alice.put(f"/api/models/{repo}/settings", json=body).status_code == 400
    assert alice.get(f"/api/models/{repo}").json()["gated"] is False


def test_strangers_change_no_settings(site: Site, anonymous: httpx2.Client) -> None:
    secret, open_one = site.new_repo(visibility="private"), site.new_repo()
    with site.client(site.bob) as bob:
        hidden, seen = (bob.put(f"/api/models/{repo}/settings", json={"private": True}) for repo in (secret, open_one))
    unknown = anonymous.put(f"/api/models/{secret}/settings", json={"private": False})
    assert [hidden.status_code, seen.status_code, unknown.status_code] == [404, 403, 401]
    assert (hidden.headers["x-error-code"], unknown.headers["x-error-code"]) == ("RepoNotFound", "RepoNotFound")


# --- duplicate ---------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_client_copies_a_repository(site: Site, api: HfApi, kind: str) -> None:
    repo = site.new_repo(RepoType(kind), visibility="private")
    url = api.duplicate_repo(repo, f"alice/copy-{kind}", repo_type=kind)
    assert (url.repo_id, url.files_copy_pending) == (f"alice/copy-{kind}", False)
    original, copy = (api.repo_info(name, repo_type=kind) for name in (repo, url.repo_id))
    assert (copy.sha, copy.private) == (original.sha, True)
    assert api.duplicate_repo(repo, f"alice/copy-{kind}", repo_type=kind, exist_ok=True) == url


def test_a_copy_may_go_to_the_callers_own_account_and_be_public(site: Site) -> None:
    bobs = site.api(site.bob)
    repo = site.new_repo()
    assert bobs.duplicate_repo(repo, private=True).repo_id == f"bob/{repo.partition('/')[2]}"
    assert bobs.model_info(f"bob/{repo.partition('/')[2]}").private is True


def test_a_copy_that_cannot_be_made_says_why(site: Site, api: HfApi) -> None:
    repo, hidden = site.new_repo(), site.new_repo(visibility="private")
    with pytest.raises(BadRequestError, match="reserved"):
        api.duplicate_repo(repo, "alice/tree")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.duplicate_repo(repo, "bob/stolen")
    with pytest.raises(RepositoryNotFoundError):
        site.api(site.bob).duplicate_repo(hidden, "bob/stolen")


# --- auth-check --------------------------------------------------------------


def test_the_real_client_learns_whether_it_may_read_and_write(site: Site, api: HfApi) -> None:
    repo = site.new_repo()
    bobs = site.api(site.bob)
    api.auth_check(repo, write=True)
    bobs.auth_check(repo)
    with pytest.raises(HfHubHTTPError, match="403"):
        bobs.auth_check(repo, write=True)
    api.update_repo_settings(repo, gated="auto")
    with pytest.raises(GatedRepoError):
        bobs.auth_check(repo)
    assert bobs.repo_exists(repo)
    api.update_repo_settings(repo, private=True)
    with pytest.raises(RepositoryNotFoundError):
        bobs.auth_check(repo)
    assert not bobs.repo_exists(repo)


def test_auth_checks_answer_with_an_empty_object(site: Site, alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    repo = site.new_repo(RepoType.DATASET)
    assert alice.get(f"/api/datasets/{repo}/auth-check").json() == {}
    assert alice.get(f"/api/datasets/{repo}/auth-check/write").json() == {}
    assert anonymous.get(f"/api/datasets/{repo}/auth-check").json() == {}
    assert anonymous.get(f"/api/datasets/{repo}/auth-check/write").status_code == 401


def test_the_threshold_of_uploads_in_parts_is_that_of_the_repository(site: Site, alice: httpx2.Client) -> None:
    body = {"name": "thresh", "type": "model", "lfsmultipartthresh": 6 << 20}
    assert alice.post("/api/repos/create", json=body).status_code == 200
    for repo, is_in_parts in (("alice/thresh", True), (site.new_repo(), False)):
        objects = [{"oid": "a" * 64, "size": 7 << 20}]
        wanted = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": objects}
        answer = alice.post(f"/{repo}.git/info/lfs/objects/batch", json=wanted).json()
        header = answer["objects"][0]["actions"]["upload"].get("header", {})
        assert ("chunk_size" in header) == is_in_parts
        if is_in_parts:
            assert header["chunk_size"] == str(6 << 20)
    body = {"name": "thresh2", "lfsmultipartthresh": 1}
    assert alice.post("/api/repos/create", json=body).status_code == 400


# --- annotations ---------------------------------------------------------------


def test_labels_are_tags_for_clients_of_the_public_hub(api: HfApi, alice: httpx2.Client) -> None:
    create(alice, name="labelled", labels=["smoke test", "ci"], description="For tests.")
    info = api.model_info("alice/labelled")
    assert (info.tags or [])[-2:] == ["smoke test", "ci"]
    assert [found.id for found in api.list_models(filter="smoke test", author="alice")] == ["alice/labelled"]
    assert info.description == "For tests."  # type: ignore[attr-defined]
    whole = alice.get("/api/models/alice/labelled").json()
    assert whole["annotations"] == {"labels": ["smoke test", "ci"], "description": "For tests."}
    [listed] = [it for it in alice.get("/api/models?author=alice&full=true").json() if it["id"] == "alice/labelled"]
    assert "annotations" not in listed


def test_annotations_change_with_the_settings_and_are_cleared(alice: httpx2.Client) -> None:
    create(alice, name="noted", labels=["a"], description="d")
    url = "/api/models/alice/noted"
    assert alice.put(f"{url}/settings", json={"labels": ["b", "c"]}).json() == {"labels": ["b", "c"]}
    assert alice.get(url).json()["annotations"] == {"labels": ["b", "c"], "description": "d"}
    assert alice.put(f"{url}/settings", json={"labels": [], "description": ""}).json() == {
        "labels": [],
        "description": "",
    }
    whole = alice.get(url).json()
    assert ("annotations" in whole, "description" in whole) == (False, False)


def test_the_description_of_a_card_is_preferred(alice: httpx2.Client) -> None:
    card = "---\ndescription: of the card\n---\n"
    create(alice, name="carded", description="of the hub", files=[{"path": "README.md", "content": card}])
    whole = alice.get("/api/models/alice/carded").json()
    assert (whole["description"], whole["annotations"]["description"]) == ("of the card", "of the hub")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"labels": ["x"] * 2}, 400),
        ({"labels": ["a\nb"]}, 400),
        ({"labels": "abc"}, 400),
        ({"labels": [f"l{n}" for n in range(65)]}, 413),
        ({"description": "x" * 10_001}, 413),
        ({"empty": True, "license": "mit"}, 400),
    ],
)
def test_bad_annotations_create_nothing(alice: httpx2.Client, body: dict[str, Any], status: int) -> None:
    assert create(alice, name="badly-noted", **body).status_code == status
    assert alice.get("/api/models/alice/badly-noted").status_code == 404


def test_an_empty_repository_lists_nothing_and_takes_uploads(api: HfApi, alice: httpx2.Client) -> None:
    create(alice, name="hollow", empty=True)
    assert api.list_repo_files("alice/hollow") == []
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id="alice/hollow")
    assert api.list_repo_files("alice/hollow") == ["a.txt"]
